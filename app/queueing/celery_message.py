"""A Celery message as text to be pushed to a Redis list: made by Celery once for each task and queue, then only filled in."""

import base64
import json
import secrets
import threading

from celery import Celery

ROW, ID, REQUEST, TRACE = "@row@", "@id@", "@request@", "@trace@"  # what is filled in
REQUEST_HEADER, TRACE_HEADER = "crashq_request", "traceparent"
"""Headers that say on whose behalf a message was sent: the id of a request, and its trace as W3C writes it."""


def message(task: str, row_id: str, queue: str, request: str | None = None, trace: str | None = None) -> str:
    """What Celery's `send_task(task, args=[row_id], queue=queue, headers=…)` would put into Redis, without its work for each."""
    envelope, body = _template(task, queue)
    text = base64.b64encode(body.replace(json.dumps(ROW), json.dumps(row_id)).encode()).decode()
    filled = envelope.replace(json.dumps(REQUEST), json.dumps(request)).replace(json.dumps(TRACE), json.dumps(trace))
    return filled.replace(ROW, text).replace(ID, secrets.token_hex(16))


_templates: dict[tuple[str, str], tuple[str, str]] = {}
_making = threading.Lock()


def _template(task: str, queue: str) -> tuple[str, str]:
    """(the message as JSON with ROW for its body and ID for its ids, its body as JSON with ROW for the row's id)."""
    if (task, queue) not in _templates:
        with _making:
            if (task, queue) not in _templates:
                _templates[task, queue] = _make(task, queue)
    return _templates[task, queue]


def _make(task: str, queue: str) -> tuple[str, str]:
    """Let Celery send the task within this process and take the message back.

    kombu keeps the queues of memory:// once per process, whatever the connection. So the message goes through a queue
    of this task alone, and `_making` lets one thread at a time put a message there and take it.
    """
    own_queue = f"template of {task} for {queue}"
    with Celery(broker="memory://", set_as_current=False).connection_for_write() as connection:
        sender = Celery(broker="memory://", set_as_current=False)
        sender.send_task(
            task,
            args=[ROW],
            queue=own_queue,
            task_id=ID,
            connection=connection,
            ignore_result=True,
            retry=False,
            headers={REQUEST_HEADER: REQUEST, TRACE_HEADER: TRACE},
        )
        made = connection.default_channel.basic_get(own_queue, no_ack=True).serializable()
    body = base64.b64decode(made["body"]).decode()
    made["body"] = ROW
    made["headers"]["argsrepr"] = "()"  # for people who look on; the id is in the body
    made["properties"] |= {"delivery_tag": ID, "reply_to": ID}
    return json.dumps(made).replace(json.dumps(own_queue), json.dumps(queue)), body

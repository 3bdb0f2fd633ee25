"""A Celery message as text to be pushed to a Redis list: made by Celery once for each task and queue, then only filled in."""

import base64
import json
import secrets
from functools import lru_cache

from celery import Celery

ROW, ID = "@row@", "@id@"  # what is filled in


def message(task: str, row_id: str, queue: str) -> str:
    """What Celery's `send_task(task, args=[row_id], queue=queue)` would put into Redis, without its work for each."""
    envelope, body = _template(task, queue)
    text = base64.b64encode(body.replace(json.dumps(ROW), json.dumps(row_id)).encode()).decode()
    return envelope.replace(ROW, text).replace(ID, secrets.token_hex(16))


@lru_cache
def _template(task: str, queue: str) -> tuple[str, str]:
    """(the message as JSON with ROW for its body and ID for its ids, its body as JSON with ROW for the row's id)."""
    with Celery(broker="memory://", set_as_current=False).connection_for_write() as connection:
        sender = Celery(broker="memory://", set_as_current=False)
        sender.send_task(
            task, args=[ROW], queue=queue, task_id=ID, connection=connection, ignore_result=True, retry=False
        )
        made = connection.default_channel.basic_get(queue, no_ack=True).serializable()
    body = base64.b64decode(made["body"]).decode()
    made["body"] = ROW
    made["headers"]["argsrepr"] = "()"  # for people who look on; the id is in the body
    made["properties"] |= {"delivery_tag": ID, "reply_to": ID}
    return json.dumps(made), body

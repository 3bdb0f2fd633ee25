"""A message that is filled in is what Celery itself would send."""

import base64
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from celery import Celery

from app.queueing import broker
from app.queueing.broker import RUN_JOB, RUN_PART, SHORT, message

HEADERS = {"crashq_request": "5f0c2ab1", "traceparent": f"00-{'1' * 32}-{'2' * 16}-01"}


def sent_by_celery(task: str, row_id: str, queue: str) -> dict:
    with Celery(broker="memory://", set_as_current=False).connection_for_write() as connection:
        Celery(broker="memory://", set_as_current=False).send_task(
            task, args=[row_id], queue=queue, connection=connection, ignore_result=True, headers=HEADERS
        )
        return connection.default_channel.basic_get(queue, no_ack=True).serializable()


def shape(value):
    """Keys and kinds of values, all the way down."""
    return {key: shape(inner) for key, inner in value.items()} if isinstance(value, dict) else type(value).__name__


@pytest.mark.parametrize("row_id", ["2eab310c430bf292171281ae", "17", 'odd "quoted" \\ row'])
def test_it_carries_the_row_for_the_task_in_the_queue(row_id):
    made = json.loads(message("run_job", row_id, "short"))

    args, kwargs, _ = json.loads(base64.b64decode(made["body"]))
    assert (args, kwargs) == ([row_id], {})
    assert made["headers"]["task"] == "run_job"
    assert made["properties"]["delivery_info"]["routing_key"] == "short"


def test_it_has_the_shape_of_a_message_that_celery_sends():
    made = message("run_job", "17", "short", *HEADERS.values())

    assert shape(json.loads(made)) == shape(sent_by_celery("run_job", "17", "short"))


def test_its_headers_tell_on_whose_behalf_it_rings():
    by_somebody = json.loads(message("run_job", "17", "short", *HEADERS.values()))["headers"]
    by_nobody = json.loads(message("run_job", "17", "short"))["headers"]

    assert {name: by_somebody[name] for name in HEADERS} == HEADERS
    assert {name: by_nobody[name] for name in HEADERS} == dict.fromkeys(HEADERS)


def test_every_message_has_an_id_of_its_own():
    made = [json.loads(message("run_job", "17", "short")) for _ in range(3)]

    assert len({one["headers"]["id"] for one in made}) == 3
    assert all(one["headers"]["id"] == one["properties"]["correlation_id"] for one in made)


def test_the_first_messages_of_many_threads_are_each_for_their_own_task(monkeypatch):
    tasks = [RUN_JOB, RUN_PART, "regroup", "make_symbols"] * 2
    for _ in range(20):
        monkeypatch.setattr(broker, "_templates", {})
        together = threading.Barrier(len(tasks))

        def first(task: str, together: threading.Barrier = together) -> str:
            together.wait()
            return json.loads(message(task, "17", SHORT))["headers"]["task"]

        with ThreadPoolExecutor(len(tasks)) as threads:
            assert list(threads.map(first, tasks)) == tasks


def test_it_names_its_queue_and_no_other():
    made = message("run_job", "17", "short")

    assert "template" not in made
    assert json.loads(made)["properties"]["delivery_info"] == {"exchange": "", "routing_key": "short"}

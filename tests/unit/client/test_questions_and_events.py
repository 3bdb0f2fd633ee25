"""Questions of batches can be asked again from their jobs; events are read as the standard says."""

import json
from datetime import UTC, date, datetime

import pytest

from app import iso_time
from app.client.errors import BadAnswer, NotAllowed
from app.client.following import MAX_EVENT, read_events
from app.client.models import Job, read
from app.client.questions import BatchQuestion, batch, batch_of
from app.jobs.batch_params import AppBatch, CrashBatch, read_filters
from app.jobs.job_type import key_of

ASKED = BatchQuestion("csv", "2018-09-01", date(2018, 9, 30), app_version=("1.3", "1.2"), user_id=("ä/1",))
CRASH, APP, JOB = "c" * 24, "a" * 24, "2eab310c430bf292171281ae"


def key(kind: str, request) -> str:
    """The key that the server gives a request's question."""
    body = {name: value for name, value in json.loads(request.body).items() if name != "job_id"}
    query = {name: "\n".join(value) if isinstance(value, list) else value for name, value in body.items()}
    model, identifier = (CrashBatch, CRASH) if kind == "crash_batch" else (AppBatch, APP)
    return key_of(kind, read_filters(model, identifier, query))


def job(kind: str, params: str) -> Job:
    nothing = dict.fromkeys(("started_at", "finished_at", "expires_at", "size", "error"))
    told = {
        "job_id": JOB, "kind": kind, "question": json.loads(params), "state": "running", "attempts": 1,
        "progress": {"done": 0, "total": 1, "unit": "occurrences"}, "created_at": "2018-09-13T08:02:53Z", **nothing,
    }  # fmt: skip
    return read(Job, told)


@pytest.mark.parametrize(
    ("kind", "about"),
    [("crash_batch", {"crash": CRASH, "app": None}), ("app_batch", {"crash": None, "app": APP})],
)
@pytest.mark.parametrize(
    "asked",
    [ASKED, BatchQuestion(), BatchQuestion("zip", until_date="2018-09-13T08:02:53Z"), BatchQuestion(until_date="9999-12-31"),
     BatchQuestion(since_date=datetime(2018, 9, 13, 1, 2, 3, 4, tzinfo=UTC), os_name=("iOS",))],
)  # fmt: skip
def test_the_question_of_a_batch_s_job_is_the_one_that_was_asked(kind, about, asked):
    first = batch(asked, **about)
    query = {
        name: "\n".join(value) if isinstance(value, list) else value for name, value in json.loads(first.body).items()
    }
    model, identifier = (CrashBatch, CRASH) if kind == "crash_batch" else (AppBatch, APP)
    params = read_filters(model, identifier, query).model_dump_json()

    again = batch_of(job(kind, params))

    assert again.path == first.path
    assert key(kind, again) == key(kind, first)
    assert json.loads(again.body)["job_id"] == JOB


def test_only_batches_have_such_a_question():
    with pytest.raises(NotAllowed, match="no batch"):
        batch_of(job("occurrences", "{}"))
    with pytest.raises(BadAnswer):
        batch_of(job("crash_batch", '{"format":"csv"}'))
    with pytest.raises(NotAllowed):
        batch(BatchQuestion(), crash=CRASH, app=APP)


def test_a_day_is_sent_as_the_server_reads_it():
    sent = json.loads(batch(ASKED, crash=CRASH, app=None).body)

    assert iso_time.since("since_date", sent["since_date"]) == datetime(2018, 9, 1, tzinfo=UTC)
    assert iso_time.until("until_date", sent["until_date"]) == datetime(2018, 10, 1, tzinfo=UTC)


@pytest.mark.parametrize("length", [1, 5, 1_000])
def test_events_are_read_whatever_their_chunks(length):
    stream = b': hello\nretry: 3000\n\nevent: job\nid: 7\ndata: {"a":1}\n\ndata:one\r\ndata: two\r\n\r\ndata\n\ndata: unfinished'

    read = list(read_events(iter(stream[at : at + length] for at in range(0, len(stream), length))))

    assert read == ['{"a":1}', "one\ntwo", ""]


def test_an_event_without_an_end_is_not_kept_reading():
    with pytest.raises(BadAnswer, match="without an end"):
        list(read_events(b"data: " + b"a" * 65_536 for _ in range(2 * MAX_EVENT // 65_536)))

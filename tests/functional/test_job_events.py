"""A job as a stream of events: its state at once, each change, its end; bounded in number and in time."""

import pytest
from sqlalchemy import delete, update

from app.db.models.job import Job, JobState
from app.db.models.membership import Membership
from app.web.api.events import STREAMS
from app.web.api.streams import OF_ONE_TOKEN, Streams, StreamTimes
from tests.factories import join, make_crash, make_member
from tests.sse import events

BRIEF = StreamTimes(heartbeat=0.001, lifetime=0.05)


@pytest.fixture
def question(services, member) -> str:
    return f"/api/crashes/{make_crash(services, member.app).identifier}/occurrences"


@pytest.fixture
def job_id(client, member, question) -> str:
    return client.get(question, headers=member.headers).json["job_id"]


@pytest.fixture
def follow(client, member, job_id):
    """Open the stream; the answer is not read yet."""
    opened = []

    def open_one(headers=member.headers, **more):
        answer = client.get(f"/api/jobs/{job_id}/events", headers={**headers, **more}, buffered=False)
        opened.append(answer)
        return answer

    yield open_one
    for answer in opened:
        answer.close()


def pace(client, services, wanted: StreamTimes, places: int = 16) -> None:
    client.application.extensions[STREAMS] = Streams(services, places, wanted)


def end(services, job_id: str, **values) -> None:
    with services.db.write() as session:
        session.execute(update(Job).where(Job.id == job_id).values(**values))


def test_the_state_comes_at_once_and_the_end_when_it_comes(client, member, follow, job_id, run_workers):
    answer = follow()
    stream = events(answer.response)
    first = next(stream)

    run_workers()
    last = list(stream)[-1]

    shown = client.get(f"/api/jobs/{job_id}", headers=member.headers).json["result"]
    assert (first.name, first.data["state"], first.data["progress"]["total"]) == ("progress", "queued", 3)
    assert (last.name, last.data) == ("finished", shown)
    assert first.id != last.id


def test_it_is_told_as_events_that_nobody_keeps(follow):
    answer = follow()

    assert (answer.status_code, answer.content_type) == (200, "text/event-stream; charset=utf-8")
    assert (answer.headers["Cache-Control"], answer.headers["X-Accel-Buffering"]) == ("no-store", "no")
    assert next(iter(answer.response)).startswith(b"retry: 2000\n\nid: ")


def test_each_change_of_the_progress_is_told(services, follow, job_id):
    stream = events(follow().response)
    next(stream)

    told = []
    for done in (1, 2):
        end(services, job_id, state=JobState.RUNNING, attempt=1, progress_done=done)
        told.append(next(stream))

    assert [(event.name, event.data["state"], event.data["progress"]["done"]) for event in told] == [
        ("progress", "running", 1), ("progress", "running", 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("state", "more"),
    [
        (JobState.CANCELLED, {}),
        (JobState.EXPIRED, {}),
        (JobState.FAILED, {"error_code": "malformed_log", "error_status": 422, "error_message": "It cannot be read"}),
    ],
)
def test_a_job_that_has_ended_is_told_once_by_the_name_of_its_end(
    client, services, member, follow, job_id, state, more
):
    end(services, job_id, state=state, **more)

    [event] = events(follow().response)

    assert (event.name, event.data["state"]) == (state.value, state.value)
    assert event.data == client.get(f"/api/jobs/{job_id}", headers=member.headers).json["result"]
    assert (event.data["error"] or {}).get("code") == more.get("error_code")


def test_a_client_that_comes_again_with_the_last_id_gets_what_was_missed_and_nothing_twice(follow, run_workers):
    first = next(events(follow().response))

    again = events(follow(**{"Last-Event-ID": first.id}).response)
    opening = next(again)
    run_workers()
    [missed] = again

    assert (opening.is_comment, missed.name) == (True, "finished")


def test_a_client_that_knows_the_end_is_asked_to_come_no_more(follow, run_workers):
    run_workers()
    [finished] = events(follow().response)

    again = follow(**{"Last-Event-ID": finished.id})

    assert (again.status_code, again.data) == (204, b"")


def test_a_silent_stream_has_heartbeats_and_ends_after_its_time(client, services, follow):
    pace(client, services, BRIEF)

    first, *rest = events(follow().response)

    assert first.name == "progress"
    assert rest
    assert {event.text for event in rest} == {": at work"}


def test_an_ended_login_ends_its_stream(client, member, follow):
    stream = events(follow().response)
    next(stream)

    client.delete("/api/login", headers=member.headers)

    assert list(stream) == []
    assert follow().status_code == 401


def test_a_lost_membership_ends_the_stream(services, member, follow):
    stream = events(follow().response)
    next(stream)

    with services.db.write() as session:
        session.execute(delete(Membership).where(Membership.user_id == member.user_id))

    assert list(stream) == []
    assert follow().status_code == 404


def test_a_user_who_leaves_a_job_that_goes_on_for_others_gets_no_more_events(
    client, services, member, question, follow, job_id
):
    client.get(question, headers=join(services, "bob@example.com", member.app).headers)
    stream = events(follow().response)
    next(stream)

    client.delete(f"/api/jobs/{job_id}", headers=member.headers)

    assert list(stream) == []


def test_the_job_of_somebody_else_is_not_found(services, member, follow):
    stranger, colleague = make_member(services, "mallory@example.com"), join(services, "bob@example.com", member.app)

    assert [follow(headers=one.headers).status_code for one in (stranger, colleague)] == [404, 404]
    assert follow(headers={}).status_code == 401


def test_a_token_has_so_many_streams_and_gets_a_place_back(follow):
    opened = [follow() for _ in range(OF_ONE_TOKEN)]
    refused = follow()

    opened[0].close()

    assert (refused.status_code, refused.json["status"]) == (429, "too_many_requests")
    assert refused.headers["Retry-After"] == "5"
    assert follow().status_code == 200


def test_a_process_has_so_many_streams(client, services, member, question, follow):
    pace(client, services, StreamTimes(), places=1)
    colleague = join(services, "bob@example.com", member.app)
    client.get(question, headers=colleague.headers)
    opened = follow()
    refused = follow(headers=colleague.headers)

    opened.close()
    opened.close()

    assert (refused.status_code, refused.json["status"], refused.headers["Retry-After"]) == (503, "unavailable", "5")
    again = follow()
    other = follow(headers=colleague.headers)
    assert (again.status_code, other.status_code) == (200, 503)  # closed twice, it gave back one place


def test_a_stream_that_was_never_read_gives_its_place_back(client, services, member, follow, job_id):
    pace(client, services, StreamTimes(), places=1)

    for _ in range(3):
        head = client.head(f"/api/jobs/{job_id}/events", headers=member.headers, buffered=True)
        assert (head.status_code, head.data) == (200, b"")

    assert follow().status_code == 200


def test_without_places_there_are_no_streams(client, services, follow):
    pace(client, services, StreamTimes(), places=0)

    assert follow().status_code == 503

"""A poll that comes right after its user was told of a short job waits briefly for its end; no first request does."""

import pytest

from app.jobs import service
from app.web.api import waiting
from tests.factories import join, make_crash, run_enqueued

pytestmark = pytest.mark.about_speed("brief-wait")


@pytest.fixture
def url(services, member) -> str:
    return f"/api/crashes/{make_crash(services, member.app, occurrences=3).identifier}/occurrences"


@pytest.fixture
def rests(services, monkeypatch):
    """The seconds that requests slept; meanwhile workers do all that there is to do."""
    slept: list[float] = []

    class Time:
        monotonic = waiting.time.monotonic

        @staticmethod
        def sleep(seconds: float) -> None:
            slept.append(seconds)
            run_enqueued(services)

    monkeypatch.setattr(waiting, "time", Time)
    monkeypatch.setattr(
        waiting, "NO_JOB_TAKES", waiting.BRIEF_WAIT
    )  # however slow this machine is, a poll comes before
    return slept


@pytest.mark.parametrize("words", ["", "?since_date=2018-09-01"])
@pytest.mark.parametrize("by_id", [False, True])
def test_a_poll_within_the_brief_wait_answers_with_the_end(client, member, url, rests, words, by_id):
    first = client.get(url + words, headers=member.headers).json
    query = f"{words or '?'}&job_id={first['job_id']}" if by_id else words
    slept_before = list(rests)
    poll = client.get(url + query, headers=member.headers).json

    assert (first["loading"], slept_before) == ([True], [])
    assert (poll["loading"], poll["job_id"], len(poll["result"])) == ([False], first["job_id"], 3)
    assert len(rests) == 1
    assert rests[0] <= waiting.BRIEF_WAIT


def test_an_answered_question_is_not_waited_for_again(client, member, url, rests):
    for _ in range(2):
        client.get(url, headers=member.headers)
    slept = len(rests)
    again = client.get(url, headers=member.headers).json

    assert (again["loading"], slept, len(rests)) == ([False], 1, 1)


def test_the_first_request_of_another_user_does_not_wait_for_a_job_it_joins(client, services, member, url, rests):
    other = join(services, "other@example.com", member.app)

    first = client.get(url, headers=member.headers).json
    joined = client.get(url, headers=other.headers).json

    assert (joined["loading"], joined["job_id"], rests) == ([True], first["job_id"], [])


def test_a_long_job_is_not_waited_for(client, member, url, rests, monkeypatch):
    monkeypatch.setattr(service, "LONG_FROM", 2)

    polls = [client.get(url, headers=member.headers).json["loading"] for _ in range(2)]

    assert (polls, rests) == ([[True], [True]], [])


def test_a_job_that_is_no_longer_young_is_not_waited_for(client, member, url, rests, clock):
    client.get(url, headers=member.headers)
    clock.advance(seconds=1)
    joined = client.get(f"{url}?since_date=", headers=member.headers).json  # the same question in other words
    poll = client.get(f"{url}?since_date=", headers=member.headers).json

    assert (joined["loading"], poll["loading"], rests) == ([True], [True], [])


def test_a_poll_is_answered_after_the_brief_wait_though_no_worker_comes(client, member, url):
    polls = [client.get(url, headers=member.headers).json for _ in range(3)]

    assert [poll["loading"] for poll in polls] == [[True]] * 3
    assert len({poll["job_id"] for poll in polls}) == 1


@pytest.mark.parametrize("prefer", [{}, {"Prefer": "wait=5"}])
def test_the_broker_learns_that_a_job_which_was_waited_for_is_done(
    client, services, member, url, rests, monkeypatch, prefer
):
    answered: list[str] = []
    monkeypatch.setattr(services.broker, "answered", lambda _task, row, _queue: answered.append(row))

    job_id = client.get(url, headers={**member.headers, **prefer}).json["job_id"]
    for _ in range(2):
        client.get(url, headers=member.headers)

    assert answered == [job_id]

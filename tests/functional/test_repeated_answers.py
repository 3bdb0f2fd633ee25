"""The answer to a poll is repeated for an instant, and never past a change that a process of this server made."""

import multiprocessing
from dataclasses import replace

import pytest
from sqlalchemy import delete

from app import create_app
from app.db.models.token import Token
from app.web.api.repeats import MOST, Changes, Repeats
from tests.factories import make_crash

pytestmark = pytest.mark.about_speed("response-cache")

LONG = 1_000  # milliseconds; no test takes as long


@pytest.fixture
def services(services):
    return replace(services, config=replace(services.config, web_concurrency=1, repeat_for=LONG))


@pytest.fixture
def poll(services, client, member, run_workers):
    """Ask for the occurrences of a crash whose list is finished."""
    url = f"/api/crashes/{make_crash(services, member.app).identifier}/occurrences"
    client.get(url, headers=member.headers)
    run_workers()
    assert client.get(url, headers=member.headers).json["loading"] == [False]
    return lambda headers=member.headers: client.get(url, headers=headers)


def forget_tokens(services) -> None:
    """As another machine would, whose changes are not heard of here."""
    with services.db.write() as session:
        session.execute(delete(Token))


def test_the_same_question_is_answered_without_a_look_at_the_database(services, poll):
    forget_tokens(services)

    again = poll()

    assert (again.status_code, again.json["loading"]) == (200, [False])


def test_another_token_is_looked_at(services, poll):
    assert poll({"Authorization": "Token another-token-of-somebody-else"}).status_code == 401


def test_an_ended_login_is_refused_at_once(client, member, poll):
    client.delete("/api/login", headers=member.headers)

    assert poll().status_code == 401


def test_a_freed_job_is_not_shown_again(client, member, poll):
    job_id = poll().json["job_id"]

    client.delete(f"/api/jobs/{job_id}", headers=member.headers)

    again = poll()
    assert again.json["loading"] == [True]
    assert again.json["job_id"] != job_id


def test_a_result_is_not_repeated_past_its_expiry(services, clock, poll):
    job_id = poll().json["job_id"]

    clock.advance(seconds=services.config.result_lifetime)

    assert poll().json["job_id"] != job_id


def test_a_job_that_runs_is_looked_at_each_time(services, client, member, run_workers):
    url = f"/api/crashes/{make_crash(services, member.app).identifier}/occurrences"
    assert [client.get(url, headers=member.headers).json["loading"] for _ in range(2)] == [[True], [True]]

    run_workers()

    assert client.get(url, headers=member.headers).json["loading"] == [False]


def test_nothing_is_repeated_where_processes_would_not_hear_of_each_others_changes(services, member, run_workers):
    several = create_app(replace(services, config=replace(services.config, web_concurrency=2))).test_client()
    url = f"/api/crashes/{make_crash(services, member.app).identifier}/occurrences"
    several.get(url, headers=member.headers)
    run_workers()
    assert several.get(url, headers=member.headers).status_code == 200
    forget_tokens(services)

    assert several.get(url, headers=member.headers).status_code == 401


def _note(changes: Changes) -> None:
    changes.note()


def test_a_change_in_one_forked_process_ends_what_another_keeps():
    changes = Changes()
    repeats: Repeats[str] = Repeats(60, changes)
    repeats.keep("question", changes.now(), "answer")
    before = repeats.find("question")

    sibling = multiprocessing.get_context("fork").Process(target=_note, args=(changes,))
    sibling.start()
    sibling.join()

    assert sibling.exitcode == 0
    assert (before, repeats.find("question")) == ("answer", None)


def test_an_answer_found_before_a_change_is_not_kept_beyond_it():
    changes = Changes()
    repeats: Repeats[str] = Repeats(60, changes)
    word = changes.now()
    changes.note()

    repeats.keep("question", word, "answer of before")

    assert repeats.find("question") is None


def test_only_so_many_answers_are_kept():
    changes = Changes()
    repeats: Repeats[int] = Repeats(60, changes)
    for number in range(MOST + 1):
        repeats.keep(number, changes.now(), number)

    assert sum(repeats.find(number) is not None for number in range(MOST + 1)) <= MOST
    assert repeats.find(MOST) == MOST

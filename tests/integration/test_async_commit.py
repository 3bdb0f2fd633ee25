"""A user is told of a live job once PostgreSQL's disk has it; workers begin meanwhile."""

import threading
from dataclasses import replace

import pytest
from psycopg import RawCursor

from app.db import open_database
from app.db.driver_pool import DriverConnection
from app.db.hot import SqlText
from tests.explain import VALUES, statements
from tests.factories import make_crash

pytestmark = pytest.mark.about_speed("async-commits")


@pytest.fixture
def database_url(postgres_database) -> str:
    """SQLite's commits always wait."""
    return postgres_database


@pytest.fixture
def waits(monkeypatch) -> list[DriverConnection]:
    """One for each wait for the disk that is over."""
    ended: list[DriverConnection] = []
    receive = DriverConnection.receive
    monkeypatch.setattr(DriverConnection, "receive", lambda driver: (receive(driver), ended.append(driver)))
    return ended


@pytest.fixture
def path(services, member) -> str:
    return f"/api/crashes/{make_crash(services, member.app).identifier}/occurrences"


def test_the_first_answer_waits_for_the_disk_and_the_polls_after_it_do_not(services, client_of, member, path, waits):
    client = client_of(services)

    answers = [client.get(path, headers=member.headers).json for _ in range(3)]

    assert [answer["loading"] for answer in answers] == [[True]] * 3
    assert len(waits) == 1


def test_the_message_is_sent_before_the_disk_has_the_job(services, client_of, member, path, monkeypatch):
    order: list[str] = []
    receive = DriverConnection.receive
    monkeypatch.setattr(DriverConnection, "receive", lambda driver: (order.append("waited"), receive(driver)))
    monkeypatch.setattr(services.broker, "enqueue", lambda *_: order.append("enqueued"))

    client_of(services).get(path, headers=member.headers)

    assert order == ["enqueued", "waited"]


def test_a_request_that_finds_the_job_through_another_process_waits_too(services, client_of, member, path, waits):
    client_of(services).get(path, headers=member.headers)
    other = replace(services, db=open_database(services.config.database_url))

    found = client_of(other).get(path, headers=member.headers)

    assert found.json["loading"] == [True]
    assert len(waits) == 2
    other.db.close()


def test_a_poll_by_the_job_id_does_not_wait_for_it_has_been_told(services, client_of, member, path, waits):
    job_id = client_of(services).get(path, headers=member.headers).json["job_id"]
    other = replace(services, db=open_database(services.config.database_url))

    client_of(other).get(path, query_string={"job_id": job_id}, headers=member.headers)

    assert len(waits) == 1
    other.db.close()


def test_a_held_request_that_is_answered_in_time_waits_for_the_job_alone(
    services, client_of, member, path, waits, run_workers, monkeypatch
):
    enqueue = services.broker.enqueue
    monkeypatch.setattr(services.broker, "enqueue_debounced", lambda *row: (enqueue(*row), run_workers()))

    answer = client_of(services).get(path, headers={**member.headers, "Prefer": "wait=5"})

    assert answer.json["loading"] == [False]
    assert waits == []


def test_a_held_request_whose_time_is_over_waits_for_the_disk(services, client_of, member, path, waits):
    answer = client_of(services).get(path, headers={**member.headers, "Prefer": "wait=0"})

    assert answer.json["loading"] == [True]
    assert len(waits) == 1


def test_requests_that_come_during_a_wait_for_the_disk_share_the_next_wait(services, waits):
    under_way, go_on = threading.Event(), threading.Event()
    first = threading.Thread(
        target=services.db.wait_until_durable, args=("first", lambda: (under_way.set(), go_on.wait(10)))
    )
    first.start()
    under_way.wait(10)
    enqueued = threading.Semaphore(0)
    others = [
        threading.Thread(target=services.db.wait_until_durable, args=(name, enqueued.release))
        for name in ("second", "third", "fourth")
    ]
    for other in others:
        other.start()
        assert enqueued.acquire(timeout=10)
    ended_before = len(waits)
    go_on.set()
    for thread in (first, *others):
        thread.join(10)

    assert ended_before == 0
    assert len(waits) == 2


def test_a_disk_that_takes_no_more_is_answered_as_an_outage(services, client_of, member, path, monkeypatch):
    monkeypatch.setattr("app.db.async_commit._FLUSH_WAL", b"SELECT 1 / 0")

    answer = client_of(services).get(path, headers=member.headers)

    assert (answer.status_code, answer.json["status"]) == (503, "unavailable")


def test_every_statement_can_be_sent_without_its_asynchronous_commit(postgres_database, monkeypatch):
    sent: list[bytes] = []
    monkeypatch.setattr(RawCursor, "execute", lambda _cursor, query, *_values, **_options: sent.append(query))
    database = open_database(postgres_database, async_commits=False)
    with database.driver() as driver:
        for name in statements():
            driver._run(SqlText(name, tuple), VALUES[name])
    database.close()

    asynchronous = [name for name in statements() if "set_config" in SqlText(name, tuple).sql]
    assert {"start_job", "find_or_start", "claim_job", "claim_or_finish", "finish_job", "claim_logs"} == set(
        asynchronous
    )
    assert len(sent) == len(statements())
    assert not [query for query in sent if b"set_config" in query]

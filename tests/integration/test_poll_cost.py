"""What a poll costs, counted: statements, which no load of the machine changes (both databases)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import event

from app import create_app
from app.db.driver_pool import DriverConnection
from app.services import Services
from app.sweep import sweep
from tests.factories import add_newer, make_crash


@contextmanager
def statements(services: Services) -> Iterator[list[str]]:
    """Every statement that is sent to the database meanwhile."""
    sent: list[str] = []

    def note(_connection, _cursor, statement: str, *_rest: object) -> None:
        if not statement.startswith("BEGIN"):  # within SQLite's own process, no round trip anywhere
            sent.append(statement)

    run = DriverConnection._run

    def run_noted(driver: DriverConnection, compiled, values):
        sent.append(compiled.sql)
        return run(driver, compiled, values)

    event.listen(services.db.engine, "before_cursor_execute", note)
    DriverConnection._run = run_noted
    try:
        yield sent
    finally:
        DriverConnection._run = run
        event.remove(services.db.engine, "before_cursor_execute", note)


@pytest.fixture
def crash(services, member):
    return make_crash(services, member.app)


@pytest.fixture
def get(services, member, crash):
    """Ask for the crash's occurrences."""
    client = create_app(services).test_client()
    path = f"/api/crashes/{crash.identifier}/occurrences"
    return lambda headers=None, **query: client.get(
        path, query_string=query, headers={**member.headers, **(headers or {})}
    )


@pytest.mark.parametrize("by_id", [False, True])
def test_a_poll_of_a_finished_job_is_one_statement_with_all_checks(services, get, run_workers, by_id):
    job_id = get().json["job_id"]
    query = {"job_id": job_id} if by_id else {}
    run_workers()
    tag = get().headers["ETag"]

    with statements(services) as sent:
        whole = get(**query)
        unchanged = get({"If-None-Match": tag}, **query)

    assert (whole.status_code, whole.json["loading"], unchanged.status_code) == (200, [False], 304)
    assert len(sent) == 2
    assert all("tokens" in statement and "memberships" in statement for statement in sent)


@pytest.mark.parametrize("by_id", [False, True])
def test_a_poll_of_a_job_at_work_is_one_statement(services, get, by_id, monkeypatch):
    monkeypatch.setattr("app.web.api.brief_wait.YOUNG", 0.0)  # it is not waited for
    job_id = get().json["job_id"]
    query = {"job_id": job_id} if by_id else {}

    with statements(services) as sent:
        answer = get(**query)

    assert (answer.status_code, answer.json["loading"]) == (200, [True])
    assert len(sent) == 1


def test_a_poll_that_waits_briefly_looks_a_few_times(services, get):
    get()

    with statements(services) as sent:
        answer = get()

    assert answer.json["loading"] == [True]
    assert 2 <= len(sent) <= 12


@pytest.mark.parametrize("by_id", [False, True])
def test_that_somebody_still_polls_is_recorded_once_a_minute(services, get, clock, by_id):
    job_id = get().json["job_id"]
    query = {"job_id": job_id} if by_id else {}
    written = []
    for _ in range(180):
        clock.advance(seconds=1)
        with statements(services) as sent:
            assert get(**query).json["loading"] == [True]
        written.append(any(statement.startswith("UPDATE") for statement in sent))

    assert written.count(True) == 2


def test_a_user_who_polls_a_job_by_its_own_address_has_not_abandoned_it(services, member, get, clock):
    patient = replace(services, config=replace(services.config, abandon_after=600))
    client, job_id = create_app(patient).test_client(), get().json["job_id"]

    for _ in range(20):
        clock.advance(seconds=70)
        assert client.get(f"/api/jobs/{job_id}", headers=member.headers).json["result"]["state"] == "queued"
        sweep(patient)
    clock.advance(seconds=700)
    sweep(patient)

    assert client.get(f"/api/jobs/{job_id}", headers=member.headers).json["result"]["state"] == "cancelled"


def test_a_result_that_is_no_longer_fresh_is_not_given_out_by_the_short_way(services, get, crash, clock, run_workers):
    first = get().json["job_id"]
    run_workers()
    clock.advance(seconds=31)
    add_newer(services, crash)

    answer = get().json

    assert answer["loading"] == [True]
    assert answer["job_id"] != first

"""Bytes of an upload whose row was not written go: at once where that is sure, else by the sweep and with their user."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from app.db.models.erasure import ErasureState
from app.db.models.log import Log
from app.ingest.receive import receive
from app.jobs.service import ask
from app.operations import orphans as sweeping
from app.privacy.erasing import begin_erasure, show_erasure
from app.privacy.retention import remove_what_is_old
from app.services import Services
from app.storage_keys import log_key
from app.sweep import sweep
from tests.erasing import ADA, BOB, add, count, erased
from tests.factories import Member, kscrash, make_crash, run_enqueued
from tests.sentry_events import sentry_event
from tests.stored_bytes import where_it_lies

REFUSES = {
    "sqlite": ["CREATE TRIGGER refuses BEFORE INSERT ON logs BEGIN SELECT RAISE(ABORT, 'no'); END"],
    "postgresql": [
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN RAISE EXCEPTION USING ERRCODE = ''read_only_sql_transaction''; END'",
        "CREATE TRIGGER refuses BEFORE INSERT ON logs FOR EACH ROW EXECUTE FUNCTION refuse()",
    ],
}
ENDS_THE_CONNECTION = [
    "CREATE FUNCTION leave() RETURNS trigger LANGUAGE plpgsql AS"
    " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END'",
    "CREATE TRIGGER leaves BEFORE INSERT ON logs FOR EACH ROW EXECUTE FUNCTION leave()",
]


def run(services: Services, statements: list[str]) -> None:
    with services.db.write() as session:
        for statement in statements:
            session.execute(text(statement))


def orphan(services: Services, member: Member, log_id: str, content: bytes) -> str:
    """The bytes of an upload whose row was not written; returns their key."""
    key = log_key(member.app.identifier, services.now().date(), log_id, "0" * 64)
    services.storage.put_bytes(key, content)
    return key


def keys(services: Services) -> set[str]:
    return {stat.key for stat in services.storage.list("")}


def test_an_upload_that_the_database_refuses_leaves_no_bytes(services, member):
    run(services, REFUSES["postgresql" if services.db.is_postgresql else "sqlite"])

    with pytest.raises(Exception, match=r"unavailable|no"):
        receive(services, member.app, "a-1", sentry_event(ADA))

    assert (count(services, Log), keys(services)) == (0, set())


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_an_upload_leaves_its_bytes_when_nobody_knows_whether_its_row_was_written(services, member):
    run(services, ENDS_THE_CONNECTION)

    with pytest.raises(Exception, match="unavailable"):
        receive(services, member.app, "a-1", sentry_event(ADA))

    assert len(keys(services)) == 1


def test_an_upload_that_is_refused_leaves_the_bytes_of_the_same_log_that_was_taken_meanwhile(
    services, member, monkeypatch
):
    content, put = sentry_event(ADA), services.storage.put_bytes

    def put_and_be_overtaken(key: str, what: bytes) -> None:
        put(key, what)
        monkeypatch.undo()
        receive(services, member.app, "a-1", content)
        run(services, REFUSES["postgresql" if services.db.is_postgresql else "sqlite"])

    monkeypatch.setattr(services.storage, "put_bytes", put_and_be_overtaken)
    with pytest.raises(Exception, match=r"unavailable|no"):
        receive(services, member.app, "a-1", content)

    with services.db.read() as session:
        stored = session.query(Log).one().storage_key
    assert services.storage.get(stored) == content
    assert keys(services) == {stored}


def test_objects_without_rows_go_by_themselves_once_they_are_an_hour_old(services, member, clock):
    clock.now = datetime.now(UTC)
    add(services, member, "a-1", kscrash())
    crash = make_crash(services, member.app, occurrences=2)
    job = ask(services, member.user_id, "occurrences", crash.identifier, {})
    run_enqueued(services)
    kept = keys(services)
    orphans = {
        orphan(services, member, "a-2", b"x"),
        f"jobs/{job.id}/7/occurrences.json",
        f"jobs/{'0' * 24}/1/report.json",
        f"symbols/{member.app.identifier}/{'0' * 24}/raw",
        f"symbols/{member.app.identifier}/chunks/{'0' * 40}-0ab",
        f"symbols/members/chunks/{'0' * 40}-0ab",
    }
    for key in orphans:
        services.storage.put_bytes(key, b"x")

    remove_what_is_old(services)
    young = keys(services)
    clock.now += timedelta(hours=1, minutes=1)
    remove_what_is_old(services)

    assert young == kept | orphans
    assert keys(services) == kept


def test_a_sweep_looks_at_some_and_the_next_one_goes_on(services, member, clock, monkeypatch):
    monkeypatch.setattr(sweeping, "LOOK_AT", 40)
    monkeypatch.setattr(sweeping, "OBJECTS_AT_ONCE", 20)
    clock.now = datetime.now(UTC) + timedelta(hours=2)
    for number in range(100):
        orphan(services, member, f"a-{number}", b"x")

    removed = [sweeping.sweep_orphans(services) for _ in range(4)]

    assert sum(removed) == 100
    assert max(removed) <= 60
    assert keys(services) == set()


def test_objects_of_apps_that_the_database_does_not_know_stay(services, member, clock):
    clock.now = datetime.now(UTC) + timedelta(hours=2)
    services.storage.put_bytes("logs/another/2018/09/13/a-1.00-00", b"x")

    remove_what_is_old(services)

    assert keys(services) == {"logs/another/2018/09/13/a-1.00-00"}


def test_an_erasure_deletes_bytes_of_the_user_that_have_no_row(services, member, clock):
    orphan(services, member, "a-1", sentry_event(ADA))
    orphan(services, member, f"{ADA}.2", b"a log in no format")
    other = orphan(services, member, "b-1", sentry_event(BOB))

    erased(services, clock, member)

    assert keys(services) == {other}
    assert where_it_lies(services, ADA) == []


def test_an_erasure_waits_for_bytes_that_may_yet_get_their_row(services, member, clock):
    clock.now = datetime.now(UTC)
    key = orphan(services, member, "a-1", sentry_event(ADA))
    begun = begin_erasure(services, member.app, ADA)
    run_enqueued(services)

    waits = show_erasure(services, member.app, begun.id)
    clock.now += timedelta(minutes=61)
    sweep(services)
    run_enqueued(services)

    assert (waits.state, waits.step) == (ErasureState.LIVE, "objects")
    assert show_erasure(services, member.app, begun.id).state == ErasureState.FINISHED
    assert key not in keys(services)

"""Logs that a worker takes along: one transaction for many, and none pays for another (both databases)."""

from collections import Counter

import pytest
from sqlalchemy import select

from app import ingest
from app.config import MIB
from app.db.models.crash import Crash
from app.db.models.log import Log, LogStatus
from app.db.models.occurrence import Occurrence
from app.errors import TransientError
from app.ingest.digest import BYTES_IN_BULK, LOGS_IN_BULK, digest
from app.ingest.receive import receive
from app.parsers import PARSERS
from app.queueing.broker import DIGEST_LOG
from app.services import Services
from app.storage import Storage
from app.sweep import sweep
from tests.factories import kscrash, make_member
from tests.integration.test_poll_cost import statements
from tests.log_parsers import CONTENT, NAME, FakeParser, parsed


class WorkerDied(BaseException):
    """kill -9: nothing of the worker's runs any more."""


def receive_many(services: Services, member, number: int, name: str = "log") -> None:
    for index in range(number):
        receive(services, member.app, f"{name}-{index}", kscrash(frame=f"-[Trip go{index % 3}]"))


def logs(services: Services) -> list[Log]:
    with services.db.read() as session:
        return list(session.scalars(select(Log).order_by(Log.id)))


def statuses(services: Services) -> Counter[str]:
    return Counter(log.status.value for log in logs(services))


def occurrences(services: Services) -> list[tuple[int, int]]:
    """(row of the log, number in it) of each."""
    with services.db.read() as session:
        return sorted((found.log_row, found.number) for found in session.scalars(select(Occurrence)))


def counts(services: Services) -> list[int]:
    with services.db.read() as session:
        return sorted(session.scalars(select(Crash.occurrences_count)))


def work_until_digested(services: Services, clock) -> None:
    """Do what workers and the sweep would, though workers die."""
    for _ in range(20):
        messages, services.broker.messages = services.broker.messages, []
        for _task, row_id in messages:
            try:
                digest(services, int(row_id))
            except WorkerDied:
                continue
        clock.advance(minutes=2)
        sweep(services)


@pytest.fixture
def one_bulk(monkeypatch) -> None:
    """No second bulk follows a full one."""
    monkeypatch.setattr(ingest.digest, "GO_ON_FOR", 0.0)


def test_the_logs_that_wait_are_digested_along_by_one_statement_to_claim_and_five_or_six_to_end_them(
    services, member, one_bulk
):
    receive_many(services, member, LOGS_IN_BULK + 3)
    row_id = logs(services)[0].id

    with statements(services) as sent:
        digest(services, row_id)

    assert [statement.split()[0] for statement in sent] == [
        *(["WITH"] if services.db.is_postgresql else ["SELECT", "UPDATE", "INSERT"]),
        "UPDATE",
        "SELECT",
        "WITH" if services.db.is_postgresql else "INSERT",  # on SQLite another one, for webhooks, when a crash is new
        *([] if services.db.is_postgresql else ["INSERT"]),
        "WITH" if services.db.is_postgresql else "INSERT",  # their occurrences, on PostgreSQL with the figures
        *([] if services.db.is_postgresql else ["INSERT"]),
        "INSERT",  # these logs wait for symbols; others send none here
    ]
    assert (
        "grouping_decisions" in sent[2 if services.db.is_postgresql else 4]
    )  # the one more: which groups people have merged
    assert statuses(services) == {"digested": LOGS_IN_BULK, "received": 3}
    assert len(occurrences(services)) == sum(counts(services)) == LOGS_IN_BULK


def test_full_bulks_follow_one_another_until_nothing_waits(services, member, monkeypatch):
    monkeypatch.setattr(
        ingest.digest, "GO_ON_FOR", 60.0
    )  # a machine that is busy with other things is no reason to stop
    receive_many(services, member, 2 * LOGS_IN_BULK + 3)
    services.broker.messages.clear()

    digest(services, logs(services)[0].id)

    assert statuses(services) == {"digested": 2 * LOGS_IN_BULK + 3}
    assert len(occurrences(services)) == sum(counts(services)) == 2 * LOGS_IN_BULK + 3
    assert services.broker.messages == []


def test_a_worker_that_has_gone_on_for_long_enough_enqueues_what_still_waits(services, member, one_bulk, run_workers):
    receive_many(services, member, 2 * LOGS_IN_BULK + 3)
    row_id = str(logs(services)[0].id)
    services.broker.messages.clear()

    digest(services, int(row_id))
    assert services.broker.messages == [(DIGEST_LOG, row_id)]
    run_workers()

    assert statuses(services) == {"digested": 2 * LOGS_IN_BULK + 3}


def test_a_message_for_a_log_that_is_done_takes_those_that_wait(services, member):
    receive_many(services, member, 1)
    digest(services, logs(services)[0].id)
    receive_many(services, member, 3, name="later")

    digest(services, logs(services)[0].id)

    assert statuses(services) == {"digested": 4}
    assert len(occurrences(services)) == sum(counts(services)) == 4


def test_while_the_store_is_away_a_worker_does_not_go_through_all_that_waits(services, member, monkeypatch):
    receive_many(services, member, LOGS_IN_BULK + 3)

    def away(*_: object) -> None:
        raise TransientError("The storage is unavailable, try again")

    monkeypatch.setattr(Storage, "get", away)

    digest(services, logs(services)[0].id)

    assert Counter(log.attempt for log in logs(services)) == {1: LOGS_IN_BULK, 0: 3}


def test_a_bulk_with_a_log_that_is_rejected_ends_it_along(services, member):
    receive_many(services, member, 2)
    receive(services, member.app, "no-log", b"hello world")
    row_id = logs(services)[0].id

    with statements(services) as sent:
        digest(services, row_id)

    assert statuses(services) == {"digested": 2, "rejected": 1}
    assert len(sent) == (6 if services.db.is_postgresql else 10)
    assert logs(services)[2].error_message == "The log is text but holds no crash report in a known format"


def test_logs_of_several_apps_and_formats_go_along_each_to_its_own_crash(services, member, monkeypatch):
    other = make_member(services, "carol@example.com")
    monkeypatch.setitem(PARSERS, NAME, FakeParser(lambda: parsed("com.example.One", "com.example.Two")))
    receive(services, member.app, "first", kscrash())
    receive(services, other.app, "second", kscrash())
    receive(services, other.app, "third", CONTENT)

    digest(services, logs(services)[0].id)

    assert [(log.status, log.format) for log in logs(services)] == [
        (LogStatus.DIGESTED, "kscrash-json"), (LogStatus.DIGESTED, "kscrash-json"), (LogStatus.DIGESTED, NAME)
    ]  # fmt: skip
    assert counts(services) == [1, 1, 1, 1]
    assert [number for _, number in occurrences(services)] == [1, 1, 1, 2]


def test_a_log_that_kills_its_worker_costs_those_it_was_taken_with_a_delay_and_nothing_else(
    services, member, clock, monkeypatch
):
    def die() -> list:
        raise WorkerDied

    parser = FakeParser(die)
    monkeypatch.setitem(PARSERS, NAME, parser)
    receive_many(services, member, 4)
    receive(services, member.app, "poison", CONTENT)
    receive_many(services, member, 4, name="later")

    work_until_digested(services, clock)

    assert statuses(services) == {"digested": 8, "rejected": 1}
    assert parser.calls == services.config.max_attempts
    assert len(occurrences(services)) == sum(counts(services)) == 8
    [poison] = [log for log in logs(services) if log.status == LogStatus.REJECTED]
    assert (poison.log_id, poison.error_message) == ("poison", "The log could not be digested in 3 attempts")


def test_a_log_that_cannot_be_read_just_now_keeps_no_other_from_being_digested(services, member, clock, monkeypatch):
    receive_many(services, member, 5)
    away, get = logs(services)[2].storage_key, Storage.get

    def get_but_one(storage: Storage, key: str, size: int | None = None) -> bytes:
        if key == away:
            raise TransientError("The storage is unavailable, try again")
        return get(storage, key, size)

    with monkeypatch.context() as patch:
        patch.setattr(Storage, "get", get_but_one)
        digest(services, logs(services)[0].id)
    assert statuses(services) == {"digested": 4, "received": 1}
    assert [log.failures for log in logs(services) if log.status == LogStatus.RECEIVED] == [0]

    work_until_digested(services, clock)

    assert statuses(services) == {"digested": 5}


def test_a_bulk_whose_transaction_fails_is_repeated_by_all_of_it_and_counted_once(services, member, clock, monkeypatch):
    receive_many(services, member, 5)

    def broken(*_: object) -> None:
        raise TransientError

    with monkeypatch.context() as patch:
        patch.setattr(ingest.digest, "count_in", broken)
        digest(services, logs(services)[0].id)
    assert statuses(services) == {"received": 5}
    assert occurrences(services) == []

    work_until_digested(services, clock)

    assert statuses(services) == {"digested": 5}
    assert len(occurrences(services)) == sum(counts(services)) == 5


def test_a_late_bulk_leaves_no_trace_of_the_logs_that_another_worker_has_taken_over(
    services, member, clock, monkeypatch
):
    def overtaken() -> list:
        if parser.calls == 1:  # the lease runs out, and another worker does the whole work, before this one goes on
            clock.advance(minutes=10)
            for log in logs(services):
                digest(services, log.id)
        return parsed("com.example.Late")

    parser = FakeParser(overtaken)
    monkeypatch.setitem(PARSERS, NAME, parser)
    receive_many(services, member, 3)
    receive(services, member.app, "slow", CONTENT)

    digest(services, logs(services)[0].id)

    assert statuses(services) == {"digested": 4}
    assert len(occurrences(services)) == sum(counts(services)) == 4


@pytest.mark.parametrize(("size", "along"), [(BYTES_IN_BULK // 4, 4), (BYTES_IN_BULK + 1, 1)])
def test_a_bulk_holds_only_so_many_bytes(services, member, one_bulk, size, along):
    for index in range(6):
        receive(services, member.app, f"large-{index}", kscrash(reason="x" * (size - 3_000)))

    digest(services, logs(services)[0].id)

    assert statuses(services)["digested"] == along
    assert all(log.size <= size for log in logs(services))
    assert MIB >= BYTES_IN_BULK

"""From an uploaded log to occurrences: durable, repeatable, and counted once by however many workers (both databases)."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from app import ingest
from app.db.models.crash import Crash
from app.db.models.log import Log, LogStatus
from app.db.models.occurrence import Occurrence
from app.errors import MalformedLog, TransientError
from app.ingest.digest import digest
from app.ingest.receive import receive
from app.ingest.status import log_state
from app.parsers import PARSERS
from app.services import Services
from app.storage import Storage
from app.sweep import sweep
from tests.at_once import at_once
from tests.factories import NOON, kscrash, make_member, run_enqueued
from tests.log_parsers import CONTENT, NAME, FakeParser, parsed

VENDORS = "2544355787-1536831773-logs-00003"


@pytest.fixture
def parser(monkeypatch) -> FakeParser:
    fake = FakeParser(lambda: parsed("com.example.Broken"))
    monkeypatch.setitem(PARSERS, NAME, fake)
    return fake


@pytest.fixture
def one_log_at_a_time(monkeypatch) -> None:
    monkeypatch.setattr(ingest.digest, "LOGS_IN_BULK", 1)


def rows(services: Services, table: type) -> list:
    with services.db.read() as session:
        return list(session.scalars(select(table).order_by(table.id)))


def test_a_digested_log_has_an_occurrence_of_a_crash(services, member, run_workers):
    receive(services, member.app, VENDORS, kscrash())

    run_workers()

    [crash], [occurrence] = rows(services, Crash), rows(services, Occurrence)
    assert (occurrence.name, occurrence.crash_id) == (f"{VENDORS}-crash-1", crash.id)
    assert (crash.occurrences_count, crash.revision, crash.app_id) == (1, 1, member.app.id)
    assert crash.first_seen == crash.last_seen == occurrence.occurred_at == datetime(2018, 9, 13, 9, 42, 53, tzinfo=UTC)
    assert log_state(services, member.app, VENDORS).occurrences == [(occurrence.name, crash.identifier)]


def test_digesting_twice_counts_once(services, member):
    receive(services, member.app, VENDORS, kscrash())
    [log] = rows(services, Log)

    digest(services, log.id)
    digest(services, log.id)

    assert rows(services, Crash)[0].occurrences_count == len(rows(services, Occurrence)) == 1


def test_eight_workers_at_one_log_count_it_once(services, member):
    receive(services, member.app, VENDORS, kscrash())
    [log] = rows(services, Log)

    raised = at_once(8, lambda _: digest(services, log.id))

    assert raised == []
    assert rows(services, Crash)[0].occurrences_count == len(rows(services, Occurrence)) == 1


def test_a_crash_first_seen_by_many_workers_at_once_is_one_crash(services, member, one_log_at_a_time):
    for number in range(8):
        receive(services, member.app, f"log-{number}", kscrash())
    ids = [log.id for log in rows(services, Log)]

    raised = at_once(8, lambda index: digest(services, ids[index]))

    [crash] = rows(services, Crash)
    assert raised == []
    assert (crash.occurrences_count, crash.revision, len(rows(services, Occurrence))) == (8, 8, 8)


def test_logs_with_many_crashes_in_any_order_do_not_lock_each_other_out(services, member, parser, one_log_at_a_time):
    kinds = [f"com.example.E{number}" for number in range(6)]
    orders = iter([kinds, kinds[::-1], kinds, kinds[::-1]])
    parser.act = lambda: parsed(*next(orders))
    for number in range(4):
        receive(services, member.app, f"log-{number}", CONTENT + b"%d" % number)
    ids = [log.id for log in rows(services, Log)]

    raised = at_once(4, lambda index: digest(services, ids[index]))

    assert raised == []
    assert sorted(crash.occurrences_count for crash in rows(services, Crash)) == [4] * 6


def test_every_crash_of_a_log_is_an_occurrence_numbered_by_its_place(services, member, parser, run_workers):
    parser.act = lambda: parsed("A", "B", "A")

    receive(services, member.app, VENDORS, CONTENT)
    run_workers()

    state = log_state(services, member.app, VENDORS)
    names, crashes = zip(*state.occurrences, strict=True)
    assert names == (f"{VENDORS}-crash-1", f"{VENDORS}-crash-2", f"{VENDORS}-crash-3")
    assert crashes[0] == crashes[2] != crashes[1]
    assert sorted(crash.occurrences_count for crash in rows(services, Crash)) == [1, 2]


def test_a_log_without_a_crash_is_digested_all_the_same(services, member, parser, run_workers):
    parser.act = list

    receive(services, member.app, VENDORS, CONTENT)
    run_workers()

    state = log_state(services, member.app, VENDORS)
    assert (state.log.status, state.occurrences, rows(services, Crash)) == (LogStatus.DIGESTED, [], [])


def test_a_log_in_no_known_format_is_rejected_with_the_reason_and_kept(services, member, run_workers, lines):
    receive(services, member.app, VENDORS, b"hello world")

    run_workers()

    [rejected] = [json.loads(line) for line in lines.getvalue().splitlines() if "log_rejected" in line]
    assert (rejected["log_id"], rejected["code"]) == (VENDORS, "unknown_format")

    state = log_state(services, member.app, VENDORS)
    assert (state.log.status, state.occurrences, rows(services, Crash)) == (LogStatus.REJECTED, [], [])
    assert state.log.error_message == "The log is text but holds no crash report in a known format"
    assert services.storage.get(state.log.storage_key) == b"hello world"


def test_a_parsers_reason_is_the_logs(services, member, parser, run_workers):
    parser.act = lambda: _raise(MalformedLog("It ends in the middle of thread 3"))

    receive(services, member.app, VENDORS, CONTENT)
    run_workers()

    assert log_state(services, member.app, VENDORS).log.error_message == "It ends in the middle of thread 3"
    assert parser.calls == 1


@pytest.mark.parametrize("poison", [RuntimeError("inside"), RecursionError(), MemoryError()], ids=repr)
def test_a_log_that_breaks_its_parser_is_rejected_once_attempts_are_used_up(services, member, parser, clock, poison):
    parser.act = lambda: _raise(poison)
    receive(services, member.app, VENDORS, CONTENT)
    receive(services, member.app, "good", kscrash())

    for _ in range(6):
        run_enqueued(services)
        clock.advance(minutes=2)
        sweep(services)

    state = log_state(services, member.app, VENDORS)
    assert (parser.calls, state.log.status) == (3, LogStatus.REJECTED)
    assert state.log.error_message == "The log could not be digested in 3 attempts"
    assert log_state(services, member.app, "good").log.status == LogStatus.DIGESTED


def test_a_digest_while_the_store_is_away_is_repeated_with_a_pause(services, member, clock, monkeypatch):
    receive(services, member.app, VENDORS, kscrash())
    with monkeypatch.context() as patch:
        patch.setattr(Storage, "get", _away)
        run_enqueued(services)
    assert log_state(services, member.app, VENDORS).log.status == LogStatus.RECEIVED

    clock.advance(seconds=1)
    sweep(services)
    assert services.broker.messages == []
    clock.advance(seconds=1)
    sweep(services)
    run_enqueued(services)

    assert log_state(services, member.app, VENDORS).log.status == LogStatus.DIGESTED
    assert rows(services, Crash)[0].occurrences_count == 1


def test_a_log_whose_bytes_are_gone_is_rejected_once_attempts_are_used_up(services, member, clock):
    receive(services, member.app, VENDORS, kscrash())
    [log] = rows(services, Log)
    services.storage.delete(log.storage_key)

    for _ in range(services.config.max_attempts):
        assert rows(services, Log)[0].status == LogStatus.RECEIVED
        digest(services, log.id)
        clock.advance(seconds=60)

    [log] = rows(services, Log)
    assert (log.status, log.error_message) == (LogStatus.REJECTED, "The log could not be digested in 3 attempts")
    assert rows(services, Occurrence) == []


def test_a_digest_whose_lease_ran_out_leaves_no_trace_beside_its_successor(services, member, parser, clock):
    def hang_at_first() -> list:
        if parser.calls == 1:
            clock.advance(seconds=services.config.job_lease)
            sweep(services)
            run_enqueued(services)
        return parsed("com.example.Broken")

    parser.act = hang_at_first
    receive(services, member.app, VENDORS, CONTENT)

    run_enqueued(services)

    assert parser.calls == 2
    assert rows(services, Crash)[0].occurrences_count == len(rows(services, Occurrence)) == 1


@pytest.mark.parametrize(
    ("log_id", "own", "expected"),
    [
        (VENDORS, NOON - timedelta(days=400), datetime(2018, 9, 13, 9, 42, 53, tzinfo=UTC)),
        ("0-0-logs-00000", NOON, datetime(1970, 1, 1, tzinfo=UTC)),
        ("mine", datetime(2017, 1, 2, 23, 59, 59, tzinfo=UTC), datetime(2017, 1, 2, 23, 59, 59, tzinfo=UTC)),
        ("mine", datetime(1, 1, 1, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)),
        ("mine", None, NOON),
        ("1-999999999999-logs-00001", None, NOON),
    ],
)
def test_the_date_is_that_of_the_log_id_else_of_the_crash_else_of_its_arrival(
    services, member, parser, run_workers, log_id, own, expected
):
    parser.act = lambda: parsed("com.example.Broken", at=own)

    receive(services, member.app, log_id, CONTENT)
    run_workers()

    assert rows(services, Occurrence)[0].occurred_at == expected
    assert log_state(services, member.app, log_id).date == expected.date().isoformat()


def test_first_and_last_seen_take_in_every_occurrence(services, member, parser, run_workers):
    for day in (3, 1, 5, 2):
        instant = datetime(2018, 9, day, tzinfo=UTC)
        parser.act = lambda instant=instant: parsed("com.example.Broken", at=instant)
        receive(services, member.app, f"log-{day}", CONTENT + b"%d" % day)
        run_workers()

    [crash] = rows(services, Crash)
    assert (crash.first_seen.day, crash.last_seen.day, crash.occurrences_count) == (1, 5, 4)


def test_equal_crashes_share_an_identifier_and_those_of_other_apps_do_not(services, member, run_workers):
    other = make_member(services, "bob@example.com")

    for number, app in enumerate((member.app, member.app, other.app)):
        receive(services, app, f"log-{number}", kscrash(reason=f"reason {number}"))
        run_workers()

    identifiers = [crash.identifier for crash in rows(services, Crash)]
    assert len(set(identifiers)) == 2
    with services.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Occurrence)) == 3


def test_a_message_for_an_unknown_log_does_nothing(services):
    digest(services, 12_345)

    assert rows(services, Log) == []


def _away(*_: object) -> None:
    raise TransientError


def _raise(error: Exception) -> list:
    raise error

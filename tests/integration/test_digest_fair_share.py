"""Digests give each app a fair share, and logs that take long to read stand in nobody's way (both databases)."""

import time
from dataclasses import replace

import pytest
from sqlalchemy import select

from app.db.models.log import Log, LogStatus
from app.ingest import digest, grouping
from app.ingest.digest import LOGS_IN_BULK, digest_some
from app.ingest.receive import receive
from app.parsers import PARSERS
from tests.factories import kscrash, make_member
from tests.log_parsers import CONTENT, NAME, FakeParser, parsed


@pytest.fixture
def parser(monkeypatch):
    made = FakeParser(lambda: parsed("com.example.Slow"))
    monkeypatch.setitem(PARSERS, NAME, made)
    return made


def state(services, log_id: str) -> Log:
    with services.db.read() as session:
        return session.scalars(select(Log).where(Log.log_id == log_id)).one()


def test_a_log_of_one_app_is_digested_next_whatever_the_backlog_of_another(services, member):
    other = make_member(services, "grace@example.com", "Maps")
    for number in range(3 * LOGS_IN_BULK):
        receive(services, member.app, f"many-{number}", kscrash())
    digest_some(services)
    receive(services, other.app, "one", kscrash())

    digest_some(services)

    assert state(services, "one").status == LogStatus.DIGESTED


def test_a_log_that_takes_long_is_put_aside_and_the_rest_goes_on(services, member, parser, monkeypatch):
    monkeypatch.setattr(grouping, "BRIEFLY", 0.05)
    parser.act = lambda: burn() if parser.calls == 1 else parsed("com.example.Slow")
    receive(services, member.app, "slow", CONTENT)
    receive(services, member.app, "quick", kscrash())

    digest_some(services)

    slow = state(services, "slow")
    assert (slow.status, slow.slow, slow.failures) == (LogStatus.RECEIVED, True, 0)
    assert state(services, "quick").status == LogStatus.DIGESTED
    digest_some(services)
    assert state(services, "slow").status == LogStatus.DIGESTED


def test_a_log_over_its_budget_is_rejected_with_the_reason_and_not_tried_again(services, member, parser, monkeypatch):
    monkeypatch.setattr(grouping, "BRIEFLY", 0.05)
    monkeypatch.setattr(grouping, "READ_WITHIN", 0.05)
    monkeypatch.setattr(grouping, "READ_WITHIN_PER_MIB", 0.0)
    parser.act = burn
    receive(services, member.app, "endless", CONTENT)

    digest_some(services)
    digest_some(services)
    digest_some(services)

    log = state(services, "endless")
    assert (log.status, parser.calls) == (LogStatus.REJECTED, 2)
    assert log.error_message.startswith("The log took more than")


def test_only_some_slow_logs_are_digested_at_a_time(services, member):
    for name in ("slow-1", "slow-2"):
        receive(services, member.app, name, kscrash())
    with services.db.write() as session:
        first, second = session.scalars(select(Log).order_by(Log.id))
        first.slow = second.slow = True
    be_digested_elsewhere(services, "slow-1", "another/1")

    assert not digest_some(services)
    assert state(services, "slow-2").attempt == 0


def be_digested_elsewhere(services, log_id: str, holder: str) -> None:
    """As if another worker process were at a log."""
    with services.db.write() as session:
        log = session.scalars(select(Log).where(Log.log_id == log_id)).one()
        log.attempt, log.holder = 1, holder
        log.lease_expires_at = services.now() + digest.lease_of(services)


def test_half_of_the_processes_digest_for_one_app_while_another_waits(services, member):
    services = replace(services, processes=lambda: 4)
    other = make_member(services, "grace@example.com", "Maps")
    for name in ("one", "two", "three"):
        receive(services, member.app, name, kscrash())
    be_digested_elsewhere(services, "one", "w/1")
    be_digested_elsewhere(services, "two", "w/2")
    receive(services, other.app, "others", kscrash())

    digest_some(services)

    assert state(services, "three").attempt == 0
    assert state(services, "others").status == LogStatus.DIGESTED


@pytest.mark.parametrize("holders", [("w/1", "w/1"), ("w/1", "gone/1")])
def test_an_app_with_fewer_processes_than_its_share_has_another_one(services, member, clock, holders):
    """Several logs of one process count once, and a process whose lease has run out no more."""
    services = replace(services, processes=lambda: 4)
    other = make_member(services, "grace@example.com", "Maps")
    for name in ("one", "two", "three"):
        receive(services, member.app, name, kscrash())
    be_digested_elsewhere(services, "two", holders[1])
    if "gone/1" in holders:
        clock.advance(seconds=digest.lease_of(services).total_seconds())
    be_digested_elsewhere(services, "one", holders[0])
    receive(services, other.app, "others", kscrash())

    digest_some(services)

    assert state(services, "three").status == state(services, "others").status == LogStatus.DIGESTED


def test_an_app_alone_has_all_processes(services, member):
    services = replace(services, processes=lambda: 2)
    for name in ("one", "two"):
        receive(services, member.app, name, kscrash())
    be_digested_elsewhere(services, "one", "w/1")

    digest_some(services)

    assert state(services, "two").status == LogStatus.DIGESTED


def burn() -> list:
    """Uses processor time until it is ended."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        sum(range(1_000))
    return []

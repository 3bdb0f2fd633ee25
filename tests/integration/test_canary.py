"""The canary goes the whole way, leaves nothing behind, and says so when it does not come through (both databases)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from app.config import Config
from app.db.models.heartbeat import Heartbeat
from app.errors import TransientError
from app.queueing.broker import RUN_CANARY
from app.storage import Storage
from app.telemetry.canary import begin_canary, last_canary, last_success, run_canary
from app.telemetry.multiprocess_metrics import exposition
from tests.exposition import value
from tests.factories import CONFIG
from workers.schedule import schedule as entries


def count(outcome: str) -> float:
    return value(exposition().decode(), "crashq_canary_runs_total", outcome=outcome)


def sing(services) -> None:
    """Do what beat and the workers would."""
    begin_canary(services)
    (task, identifier) = services.broker.messages.pop()
    assert task == RUN_CANARY
    run_canary(services, identifier)


def test_it_comes_through_and_leaves_two_rows_and_no_object_however_often(services, clock):
    before = count("succeeded")
    for _ in range(5):
        clock.advance(seconds=60)
        sing(services)

    with services.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Heartbeat)) == 2
    assert list(services.storage.list("canary")) == []
    assert last_success(services) == clock()
    assert count("succeeded") - before == 5


def test_people_are_told_how_long_ago_that_was(services, clock):
    assert last_canary(services) == "not yet"
    sing(services)
    clock.advance(seconds=75)

    assert last_canary(services) == "75 s ago"
    assert last_canary(replace(services, config=replace(CONFIG, canary_every=0))) == "off"


def test_one_that_meets_a_store_that_is_away_does_not_count(services, clock, monkeypatch):
    sing(services)
    was, failed = last_success(services), count("failed")
    clock.advance(seconds=60)

    def away(*_: object) -> None:
        raise TransientError

    with monkeypatch.context() as patch:
        patch.setattr(Storage, "put_bytes", away)
        sing(services)
    assert (last_success(services), count("failed") - failed) == (was, 1)
    sing(services)
    assert last_success(services) == clock()


def test_one_whose_bytes_come_back_changed_does_not_count(services, monkeypatch):
    failed = count("failed")
    monkeypatch.setattr(Storage, "get", lambda *_: b"something else")

    sing(services)

    assert (last_success(services), count("failed") - failed) == (None, 1)


def test_what_a_killed_one_has_left_is_removed_later(services, clock):
    services.storage.put_bytes("canary/left", b"left")
    clock.now = datetime.now(UTC) + timedelta(minutes=59)
    sing(services)
    assert [stat.key for stat in services.storage.list("canary")] == ["canary/left"]

    clock.advance(seconds=120)
    sing(services)

    assert list(services.storage.list("canary")) == []


@pytest.mark.parametrize(("every", "periods"), [(60, [60.0]), (5, [5.0]), (0, [])])
def test_beat_sends_one_as_often_as_the_settings_say(every, periods):
    config: Config = replace(CONFIG, canary_every=every)

    assert [entry["schedule"] for entry in entries(config).values() if entry["task"] == "begin_canary"] == periods

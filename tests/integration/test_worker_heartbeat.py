"""Worker processes know how many they are, and which of them leads (both databases)."""

import pytest
from sqlalchemy import select

from app.db import Database
from app.db.models.worker_process import WorkerProcess
from app.errors import TransientError
from app.worker_heartbeat import WorkerHeartbeat, own_id
from tests.system.conftest import until


@pytest.fixture
def process(services):
    return lambda name: WorkerHeartbeat(services.db, services.now, name)


def away(*_: object) -> None:
    raise TransientError


def rows(services) -> list[str]:
    with services.db.read() as session:
        return list(session.scalars(select(WorkerProcess.id).order_by(WorkerProcess.id)))


def test_a_process_that_has_not_looked_yet_counts_itself_and_does_not_lead(process):
    alone = process("host:1")

    assert (alone.processes(), alone.leads()) == (1, False)


def test_those_that_have_written_are_counted_and_the_lowest_id_leads(process):
    first, second = process("host:1"), process("host:2")

    for one in (second, first, second):
        one.write()

    assert (first.processes(), first.leads()) == (2, True)
    assert (second.processes(), second.leads()) == (2, False)


def test_when_the_leader_falls_silent_the_next_one_leads(process, clock):
    first, second = process("host:1"), process("host:2")
    first.write()
    clock.advance(seconds=31)

    second.write()

    assert (second.processes(), second.leads()) == (1, True)


def test_rows_of_the_dead_are_deleted_after_a_minute(process, services, clock):
    process("host:1").write()
    clock.advance(seconds=60)
    process("host:2").write()
    assert rows(services) == ["host:1", "host:2"]
    clock.advance(seconds=1)

    process("host:3").write()

    assert rows(services) == ["host:2", "host:3"]


def test_a_row_from_the_time_before_a_clock_was_set_back_is_none(process, services, clock):
    process("host:1").write()
    clock.advance(hours=-1)
    second = process("host:2")

    second.write()

    assert rows(services) == ["host:2"]
    assert second.leads()


def test_a_process_that_ends_takes_its_row_with_it(process, services):
    first, second = process("host:1"), process("host:2")
    first.start()
    until(lambda: rows(services) == ["host:1"], "the first heartbeat")

    first.stop()
    second.write()

    assert rows(services) == ["host:2"]
    assert second.leads()


def test_while_the_database_is_away_the_last_number_stands(process, services, monkeypatch):
    first, second = process("host:1"), process("host:2")
    second.write()
    first.write()
    monkeypatch.setattr(Database, "write", away)

    with pytest.raises(TransientError):
        first.write()

    assert first.processes() == 2


def test_its_id_names_host_and_process_within_the_column():
    assert len(own_id()) <= 64
    assert own_id().rpartition(":")[2].isdigit()

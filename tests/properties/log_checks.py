"""What has to hold of logs, rows, objects and counts at all times, and in the end."""

from collections import Counter
from datetime import timedelta

from sqlalchemy import select

from app.db.models.crash import Crash
from app.db.models.log import Log as Row
from app.db.models.occurrence import Occurrence
from tests.properties.log_world import LEASE, Plan, World

ROUNDS = 20  # of sweep, digests and a lease's time, in which every log has to end


def check(world: World) -> None:
    """Rows, objects and model agree: every log is counted once, as found by the digest that ended it."""
    with world.db.read() as session:
        rows = {row.id: row for row in session.scalars(select(Row))}
        crashes = {crash.id: crash for crash in session.scalars(select(Crash))}
        occurrences = list(session.scalars(select(Occurrence)))
    assert rows.keys() == {log.row for log in world.logs.values()}
    stored, wanted = world.keys(), {row.storage_key for row in rows.values()}
    assert wanted <= stored, "a row without its bytes"
    assert stored - wanted <= world.orphans, "bytes without a row"
    for log in world.logs.values():
        row = rows[log.row]
        facts = (row.status, row.attempt, row.lease_expires_at, row.size)
        expected = (log.status, log.attempt, log.lease, len(log.content))
        assert facts == expected, f"{facts} where the model has {expected}"
        assert row.attempt == 0 or row.status != "received" or row.digested_at is None
    counted = Counter((found.log_row, crashes[found.crash_id].identifier) for found in occurrences)
    assert counted == Counter(
        (log.row, world.identifier(log, letter)) for log in world.logs.values() for letter in log.crashes
    )
    for crash in crashes.values():
        times = [found.seen_at or found.occurred_at for found in occurrences if found.crash_id == crash.id]
        assert (crash.occurrences_count, crash.first_seen, crash.last_seen) == (len(times), min(times), max(times))
    assert {crash.identifier: crash.revision for crash in crashes.values()} == dict(world.touched)


def drain(world: World) -> None:
    """Let sweeps and workers go on until every log has ended."""
    for _ in range(ROUNDS):
        world.do_sweep()
        while world.broker.messages:
            world.do_digest(0, Plan())
        check(world)
        if all(log.status != "received" for log in world.logs.values()):
            break
        world.clock.advance(seconds=(LEASE + timedelta(seconds=1)).total_seconds())
    else:
        raise AssertionError("a log does not end")
    for log in world.logs.values():
        with world.db.read() as session:
            assert world.storage.get(session.get_one(Row, log.row).storage_key) == log.content

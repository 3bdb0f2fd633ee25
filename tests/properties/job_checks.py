"""What has to hold of jobs, rows and objects at all times, and in the end."""

import hashlib
from collections import Counter

from sqlalchemy import select

from app.db.models.job import Job as Row
from app.db.models.job import JobAsker, JobState
from tests.properties.job_attempts import Plan
from tests.properties.job_model import LIVE
from tests.properties.job_world import World

FINAL = ("finished", "failed", "cancelled", "expired")
ROUNDS = 60  # of sweep, work and half a minute, in which every job has to end


def check(world: World) -> None:
    """Rows and model agree, and every object belongs to somebody."""
    with world.db.read() as session:
        rows = {row.id: row for row in session.scalars(select(Row).order_by(Row.created_at))}
        askers: dict[str, set[int]] = {job_id: set() for job_id in rows}
        for asker in session.scalars(select(JobAsker)):
            askers[asker.job_id].add(asker.user_id)
    live = Counter(row.key for row in rows.values() if row.state in LIVE)
    assert all(number == 1 for number in live.values()), "two live jobs of one question"
    for row in rows.values():
        _check_way(world, row)
    facts = {
        row.id: (row.state, row.attempt, row.lease_expires_at, row.finished_at, row.expires_at,
                 row.error_status if row.state == JobState.FAILED else None, askers[row.id])
        for row in rows.values()
    }  # fmt: skip
    assert list(facts) == [job.id for job in world.model.jobs]
    for job in world.model.jobs:
        assert facts[job.id] == job.facts, f"{facts[job.id]} where the model has {job.facts}"
    _check_objects(world, rows)


def drain(world: World) -> None:
    """Let sweeps and workers go on until everything has ended, then until everything is forgotten."""
    world.armed.clear()
    for _ in range(ROUNDS):
        world.do_sweep()
        while world.broker.messages:
            world.do_work(0, 0, Plan())
        check(world)
        if all(job.state in FINAL for job in world.model.jobs):
            break
        world.clock.advance(seconds=world.config.job_lease)
    else:
        raise AssertionError("a job does not end")
    for index in range(len(world.ids)):
        for user in range(3):
            world.do_poll(user, index)
    for lifetime in (world.config.result_lifetime, world.config.tombstone_lifetime):
        world.clock.advance(seconds=lifetime)
        world.do_sweep()
        check(world)
    assert world.model.jobs == []
    assert _attempts_with_objects(world) <= world.orphans


def _check_way(world: World, row: Row) -> None:
    """Attempts only grow, and no end is left but a result's for its expiry."""
    state, attempt = world.last.get(row.id, ("queued", 0))
    assert row.attempt >= attempt
    if state in FINAL:
        assert row.state == state or (state, row.state) == ("finished", "expired")
        assert row.attempt == attempt
    world.last[row.id] = (row.state, row.attempt)


def _check_objects(world: World, rows: dict[str, Row]) -> None:
    wanted = {(trying.job.id, trying.number) for trying in world.tried}
    for job in world.model.jobs:
        row = rows[job.id]
        if row.state in (JobState.RUNNING, JobState.FINISHED):
            wanted.add((job.id, job.attempt))
        if row.state == JobState.FINISHED:
            assert row.result_key
            stored = world.services.storage.get(row.result_key)
            assert stored == job.content
            assert (row.result_size, row.result_sha256) == (len(stored), hashlib.sha256(stored).hexdigest())
            assert row.result_key.startswith(f"jobs/{job.id}/{job.attempt}-")
    left = _attempts_with_objects(world) - wanted - world.uncleared - world.orphans
    assert left == set(), "objects of attempts that are over"


def _attempts_with_objects(world: World) -> set[tuple[str, int]]:
    keys = [stat.key.split("/") for stat in world.services.storage.list("jobs")]
    return {(job_id, int(attempt.partition("-")[0])) for _, job_id, attempt, _ in keys}

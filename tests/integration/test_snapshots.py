"""A batch shows one snapshot, whole, and goes away whole (both databases)."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, func, select

from app.db.models.app import App
from app.db.models.crash import Crash
from app.db.models.job import JobState
from app.db.models.occurrence import Occurrence
from app.db.queries.batch_rows import Scope, cuts, read_place, rows_between
from app.jobs import batch_params, parts
from app.jobs.parts import run_part
from app.operations.doctor import examine
from app.services import Services
from app.sweep import sweep
from tests.batches import begin, describe, parts_now
from tests.factories import NOON, Member, add_occurrence, make_crash, make_member, run_enqueued
from tests.job_types import files, row


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(batch_params, "ROWS_PER_PART", 4)


@pytest.fixture
def crash(services: Services, member: Member) -> Crash:
    made = make_crash(services, member.app, occurrences=30)
    describe(services, made)
    return made


def test_what_comes_while_the_parts_are_made_is_not_in_them(services, member, crash):
    job = begin(services, member, crash)
    run_part(services)
    with services.db.write() as session:
        for number in range(5):
            add_occurrence(
                session, session.get_one(Crash, crash.id), NOON - timedelta(days=number, hours=1), 500 + number
            )
    parts.enqueue_next_long(services)
    run_enqueued(services)

    assert sum(part.rows for part in parts_now(services, job)) == 30


def test_a_digest_that_commits_late_is_waited_for(services, member, crash):
    """A row with a lower id than the newest one, committed after it: it is in the batch, or the plan would be a lie."""
    if not services.db.is_postgresql:
        pytest.skip("SQLite has one writer at a time, so rows are committed in the order of their ids")
    planned = threading.Event()
    asked = threading.Event()

    @event.listens_for(services.db.engine, "before_cursor_execute")
    def looked(_connection, _cursor, statement, *_):
        if "pg_snapshot_xmin" in statement:
            asked.set()

    with ThreadPoolExecutor(1) as pool:
        with services.db.write() as session:
            late = session.get_one(Crash, crash.id)
            add_occurrence(session, late, NOON - timedelta(hours=3), 700)
            with services.db.write() as other:  # a later id, committed first
                add_occurrence(other, other.get_one(Crash, crash.id), NOON - timedelta(hours=4), 701)
            planning_job = pool.submit(lambda: (begin(services, member, crash), planned.set())[0])
            assert asked.wait(20)
            assert not planned.is_set()
        job = planning_job.result(30)

    assert sum(part.units for part in parts_now(services, job)) == 32


def test_an_expired_batch_leaves_no_object_and_no_part(services, member, crash, clock):
    job = begin(services, member, crash)
    parts.enqueue_next_long(services)
    run_enqueued(services)
    assert len(files(services, job)) == 9

    clock.advance(seconds=services.config.result_lifetime + 1)
    sweep(services)

    assert row(services, job).state == JobState.EXPIRED
    assert (files(services, job), parts_now(services, job)) == ([], [])


def test_the_doctor_knows_the_objects_of_parts_and_misses_one_that_is_gone(services, member, crash, clock):
    job = begin(services, member, crash)
    parts.enqueue_next_long(services)
    run_enqueued(services)
    with services.db.write() as session:  # the logs of this test were never stored
        session.execute(Occurrence.__table__.delete())
    [_, second, *_] = parts_now(services, job)
    later = replace(services, now=lambda: clock() + timedelta(days=20_000))
    about_jobs = [finding for finding in examine(later) if "log" not in finding.what]
    assert about_jobs == []

    services.storage.delete(str(second.key))
    [finding] = [finding for finding in examine(later) if "log" not in finding.what]
    finding.mend()

    assert "part 2" in finding.what
    assert row(services, job).state == JobState.EXPIRED


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_parts_cover_an_app_without_gap_or_overlap(services, member, size):
    for number in range(7):
        make_crash(services, member.app, occurrences=number, newest=NOON + timedelta(seconds=number))
    make_crash(services, make_member(services, "grace@example.com", "Maps").app, occurrences=9)
    with services.db.read() as session:
        app = session.get_one(App, member.app.id)
        newest = session.scalar(select(func.max(Occurrence.id)))
    scope = Scope(app.id, None, None, NOON - timedelta(days=1), newest)

    found, after, rows = [], None, []
    with services.db.snapshot() as session:
        planned = list(cuts(session, scope, size))
    for cut in planned:
        here = [one for page in rows_between(services.db, scope, after, cut.upto) for one, _ in page]
        assert len(here) == cut.rows
        found += here
        rows.append(cut.rows)
        after = read_place(cut.upto.to_json())

    assert all(number == size for number in rows[:-1])
    assert len({one.id for one in found}) == len(found)
    assert [(one.crash_id, one.occurred_at, one.id) for one in found] == sorted(
        (one.crash_id, one.occurred_at, one.id) for one in found
    )
    with services.db.read() as session:
        wanted = select(Occurrence.id).join(Crash, Crash.id == Occurrence.crash_id)
        wanted = wanted.where(Crash.app_id == app.id, Occurrence.occurred_at < NOON - timedelta(days=1))
        assert {one.id for one in found} == set(session.scalars(wanted))

"""A batch made while crashes are merged, and while occurrences are aged: nothing lost, nothing doubled (both databases)."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event, select

from app import iso_time
from app.db.models.crash import Crash
from app.db.models.job import Job, JobState
from app.db.models.occurrence import Occurrence
from app.db.queries import batch_rows
from app.db.queries.moves import BatchUnderWay, Group, Move, hold_logs, logs_of, move
from app.db.queries.removal import remove_occurrences
from app.ingest import regrouping
from app.ingest.grouping import regroup_logs
from app.ingest.regrouping import merge, regroup_app
from app.jobs import batch_params, parts, running
from app.jobs.parts import run_part
from app.jobs.service import ask
from app.jobs.user_jobs import cancel
from app.services import Services
from app.work.ending import hand_back
from tests.batches import begin, describe, made, ndjson, parts_now
from tests.factories import NOON, Member, add_newer, make_crash, run_enqueued
from tests.job_types import row
from tests.regrouping import counted, rules_of_the_next_version, send


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(batch_params, "ROWS_PER_PART", 4)


@pytest.fixture
def crashes(services: Services, member: Member) -> list[Crash]:
    """Two, of ten occurrences each."""
    found = [make_crash(services, member.app, occurrences=10, newest=NOON + timedelta(seconds=n)) for n in range(2)]
    for crash in found:
        describe(services, crash)
    return found


def group(crash: Crash) -> Group:
    return Group(crash.identifier, crash.fingerprint, crash.fingerprint_version, crash.title, None)


def merged(session, crash: Crash, into: Crash) -> int:
    """All occurrences of a crash are counted in another one; returns how many."""
    ids = select(Occurrence.id).where(Occurrence.crash_id == crash.id)
    held = hold_logs(session, logs_of(session, session.scalars(ids)))
    return move(session, [Move(one, one.group, group(into)) for one in held if one.crash_id == crash.id])


def begin_of_app(services: Services, member: Member) -> Job:
    job = ask(services, member.user_id, "app_batch", member.app.identifier, {})
    services.broker.messages.clear()
    running.run(services, job.id)
    return job


@contextmanager
def within(monkeypatch, owner: object, name: str, act: Callable[[], object]):
    """Do something once, right before the first call of a function."""
    called, acts = getattr(owner, name), [act]

    def first(*args, **options):
        while acts:
            acts.pop()()
        return called(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, first)
        yield


def test_occurrences_stay_where_they_are_while_a_batch_is_planned(services, member, crashes, monkeypatch):
    one, other = crashes
    row_id = merge(services, member.user_id, other, one)

    with within(monkeypatch, batch_rows, "_nth", lambda: regroup_app(services, row_id)):
        job = begin_of_app(services, member)
    during = counted(services)
    run_enqueued(services)

    assert during == {one.identifier: 10, other.identifier: 10}
    assert sum(part.rows for part in parts_now(services, job)) == 20


def test_a_step_that_looked_before_the_batch_began_looks_again_before_it_moves(
    services, member, crashes, monkeypatch, clock
):
    one, other = crashes
    row_id = merge(services, member.user_id, other, one)
    job = begin_of_app(services, member)

    with monkeypatch.context() as patch:
        patch.setattr(regrouping, "is_batch_under_way", lambda *_: False)
        regroup_app(services, row_id)
    during = counted(services)
    for _ in range(5):
        run_part(services)
    clock.advance(minutes=2)
    regroup_app(services, row_id)

    assert during == {one.identifier: 10, other.identifier: 10}
    assert row(services, job).state == JobState.FINISHED
    assert counted(services) == {one.identifier: 20}


def test_logs_are_not_grouped_anew_beside_a_batch(services, member, run_workers):
    send(services, member, run_workers, "-[A go]", "-[B go]")
    begin_of_app(services, member)

    with rules_of_the_next_version():
        with pytest.raises(BatchUnderWay):
            regroup_logs(services, [1, 2])
        before = counted(services)
        run_workers()
        assert regroup_logs(services, [1, 2]).moved == 2

    assert set(before).isdisjoint(counted(services))


def test_a_plan_waits_for_the_moves_that_are_under_way(services, member, crashes):
    if not services.db.is_postgresql:
        pytest.skip("SQLite has one writer at a time: no job is begun while something is moved")
    one, other = crashes
    asked = threading.Event()

    @event.listens_for(services.db.engine, "before_cursor_execute")
    def looked(_connection, _cursor, statement, *_):
        if "pg_snapshot_xmin" in statement:
            asked.set()

    with ThreadPoolExecutor(1) as pool:
        with services.db.write() as session:
            assert merged(session, other, one) == 10
            planned = pool.submit(begin_of_app, services, member)
            assert asked.wait(20)
            assert not planned.done()
        job = planned.result(30)
    run_enqueued(services)

    assert [(part.units, part.rows) for part in parts_now(services, job)] == [(4, 4)] * 5


def test_a_batch_of_a_crash_that_was_merged_just_before_its_plan_is_of_the_crash_it_is_in(
    services, client, member, crashes, monkeypatch
):
    one, other = crashes

    def merge_as_if_begun_before() -> None:
        with monkeypatch.context() as patch, services.db.write() as session:
            patch.setattr("app.db.queries.moves.is_batch_under_way", lambda *_: False)
            merged(session, other, one)

    with within(monkeypatch, batch_params, "newest_row", merge_as_if_begun_before):
        job = begin(services, member, other)
    parts.enqueue_next_long(services)
    run_enqueued(services)

    assert row(services, job).state == JobState.FINISHED
    assert sum(part.rows for part in parts_now(services, job)) == 20


def test_a_list_of_a_crash_that_was_merged_just_before_it_was_read_is_of_the_crash_it_is_in(
    services, member, crashes, monkeypatch
):
    one, other = crashes
    job = ask(services, member.user_id, "occurrences", other.identifier, {"page": "1"})

    def merge_now() -> None:
        with services.db.write() as session:
            merged(session, other, one)

    with within(monkeypatch, running.JOB_TYPES["occurrences"].Params, "model_validate_json", merge_now):
        running.run(services, job.id)

    shown = row(services, job)
    assert (shown.state, shown.progress_done) == (JobState.FINISHED, 20)


@pytest.mark.parametrize("end", ["cancelled", "failed", "handed back"])
def test_a_batch_that_ends_without_a_result_lets_occurrences_move(services, member, crashes, monkeypatch, end):
    one, other = crashes
    row_id = merge(services, member.user_id, other, one)

    def stop(*_) -> None:
        if end == "failed":
            raise AssertionError
        hand_back(services, running.WORK)

    if end == "cancelled":
        cancel(services, member.user_id, begin_of_app(services, member).id)
    else:
        with within(monkeypatch, batch_params, "bound_of_scope", stop):
            begin_of_app(services, member)
    regroup_app(services, row_id)

    assert counted(services) == {one.identifier: 20}


def test_what_is_aged_while_the_parts_are_made_is_missing_and_the_manifest_says_so(
    services, client, member, crashes, run_workers
):
    begin_of_app(services, member)
    run_part(services)
    with services.db.write() as session:
        remove_occurrences(session, [10, 1, 20], services.now())  # the first is in the part that is done

    result = made(client, member, run_workers, f"apps/{member.app.identifier}")

    assert (result["complete"], result["rows"], result["missing"], result["unreadable"]) == (False, 18, 2, 0)
    assert len(ndjson(client, result)) == 18


def test_what_goes_while_the_plan_is_made_does_not_break_it(services, client, member, crashes, monkeypatch):
    def remove() -> None:
        with services.db.write() as session:
            remove_occurrences(session, list(range(1, 11)), services.now())

    with within(monkeypatch, batch_rows, "_nth", remove):
        job = begin_of_app(services, member)
    run_enqueued(services)

    assert (row(services, job).state, row(services, job).failures) == (JobState.FINISHED, 0)
    assert sum(part.rows for part in parts_now(services, job)) == 10


def test_what_came_while_the_plan_waited_came_after_the_snapshot_that_the_batch_shows(
    services, client, member, crashes, run_workers, clock, monkeypatch
):
    begun_at = clock()

    def late() -> None:
        clock.advance(seconds=10)
        add_newer(services, crashes[0])

    with within(monkeypatch, batch_params, "has_ended", late):
        begin_of_app(services, member)
    result = made(client, member, run_workers, f"apps/{member.app.identifier}")

    assert (result["snapshot_at"], result["rows"]) == (iso_time.rfc3339(begun_at), 20)


def test_what_comes_after_the_newest_occurrence_was_aged_is_not_in_a_batch_of_before(
    services, client, member, crashes, run_workers
):
    begin_of_app(services, member)
    with services.db.write() as session:
        remove_occurrences(session, [20, 19], services.now())
    add_newer(services, crashes[1], NOON - timedelta(hours=1))
    result = made(client, member, run_workers, f"apps/{member.app.identifier}")

    assert (result["rows"], result["missing"], result["complete"]) == (18, 2, False)

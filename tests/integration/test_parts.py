"""Jobs in parts on both databases: many workers, dead workers, turns, limits, and always the same bytes."""

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, func, select

from app.broker import PARTS
from app.db.app import App
from app.db.batch_rows import Scope, cuts, read_place, rows_between
from app.db.crash import Crash
from app.db.job import Job, JobState
from app.db.job_part import JobPart, PartState, next_part, parts_of
from app.db.occurrence import Occurrence
from app.doctor import examine
from app.errors import TransientError
from app.jobs import parts, running
from app.jobs.batch import making, planning
from app.jobs.parts import hand_back_parts, run_part
from app.jobs.service import ask, cancel
from app.jobs.sweep import sweep
from app.services import Services
from app.storage import Storage
from tests.batches import describe
from tests.factories import NOON, Member, add_occurrence, make_crash, make_member, run_rings
from tests.job_kinds import files, row


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(planning, "ROWS_PER_PART", 4)


@pytest.fixture
def crash(services: Services, member: Member) -> Crash:
    made = make_crash(services, member.app, occurrences=30)
    describe(services, made)
    return made


def begin(services: Services, member: Member, crash: Crash, **query: str) -> Job:
    """A batch that is planned and whose parts wait."""
    job = ask(services, member.user_id, "crash_batch", crash.identifier, query)
    services.broker.rings.clear()
    running.run(services, job.id)
    services.broker.rings.clear()
    return job


def parts_now(services: Services, job: Job) -> list[JobPart]:
    with services.db.read() as session:
        return parts_of(session, job.id)


def content(services: Services, job: Job) -> list[tuple[int, str]]:
    """(number, sha256) of every part as the store has it, and of the manifest as 0."""
    found = [(0, str(row(services, job).result_key)), *((part.number, part.key) for part in parts_now(services, job))]
    return [(number, hashlib.sha256(services.storage.get(key)).hexdigest()) for number, key in found]


def test_many_workers_make_each_part_once(services, member, crash, caplog):
    services = replace(services, config=replace(services.config, long_jobs_at_once=8))
    job = begin(services, member, crash)

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(run_part, services) for _ in range(20)]:
            done.result()
    run_rings(services)

    made = parts_now(services, job)
    assert row(services, job).state == JobState.FINISHED
    assert [(part.number, part.attempt, part.rows) for part in made] == [
        *((number, 1, 4) for number in range(1, 8)), (8, 1, 2),
    ]  # fmt: skip
    assert len(files(services, job)) == 9
    assert row(services, job).progress_done == 30


def test_a_batch_whose_workers_die_has_the_bytes_of_an_undisturbed_one(services, member, crash, clock, monkeypatch):
    undisturbed = begin(services, member, crash, until_date="2100-01-01")
    parts.ring_next_long(services)
    run_rings(services)
    job = begin(services, member, crash)
    deaths = iter([True, False, True, False, False, True])
    publish = parts._publish_part

    def die(*args):
        if next(deaths, False):
            raise SystemExit  # as suddenly as a kill: nothing of it is answered
        return publish(*args)

    monkeypatch.setattr(parts, "_publish_part", die)
    while row(services, job).state == JobState.RUNNING:
        try:
            run_part(services)
        except SystemExit:
            clock.advance(seconds=services.config.job_lease + 1)
            sweep(services)
    services.broker.rings.clear()

    made = parts_now(services, job)
    assert [part.attempt for part in made] == [2, 2, 1, 2, 1, 1, 1, 1]
    assert content(services, job)[1:] == content(services, undisturbed)[1:]
    assert files(services, job) == sorted([*(part.key for part in made), str(row(services, job).result_key)])


def test_the_sweep_completes_a_batch_whose_last_worker_died_before_it_could(services, member, crash, monkeypatch):
    job = begin(services, member, crash)
    with monkeypatch.context() as patch:
        patch.setattr(parts, "complete", lambda *_: None)
        for _ in range(8):
            run_part(services)
    services.broker.rings.clear()
    assert {part.state for part in parts_now(services, job)} == {PartState.DONE}
    assert row(services, job).state == JobState.RUNNING

    sweep(services)

    assert row(services, job).state == JobState.FINISHED


def test_a_lost_ring_is_rung_again_by_the_sweep(services, member, crash):
    job = begin(services, member, crash)

    sweep(services)
    run_rings(services)

    assert row(services, job).state == JobState.FINISHED


def test_no_more_parts_are_at_work_than_long_jobs_may_be(services, member, crash, monkeypatch):
    services = replace(services, config=replace(services.config, long_jobs_at_once=2))
    begin(services, member, crash)
    at_once, most, guard = [0], [0], threading.Lock()
    make = making.PartMaker.make
    gate = threading.Barrier(2, timeout=20)

    def counted(self, *args):
        with guard:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        if self._part.number <= 2:
            gate.wait()
        run_part(services)  # a third worker hears a ring meanwhile
        made = make(self, *args)
        with guard:
            at_once[0] -= 1
        return made

    monkeypatch.setattr(making.PartMaker, "make", counted)
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(run_part, services) for _ in range(2)]:
            done.result()

    assert most == [2]


def test_tenants_take_turns_part_by_part(services, member, crash, clock):
    other = make_member(services, "grace@example.com", "Maps")
    theirs = make_crash(services, other.app, occurrences=8)
    describe(services, theirs)
    mine = begin(services, member, crash)
    for _ in range(3):
        clock.advance(seconds=1)
        run_part(services)
    clock.advance(seconds=1)
    second = begin(services, other, theirs)

    order = []
    for _ in range(4):
        clock.advance(seconds=1)
        run_part(services)
        order.append((done(services, mine), done(services, second)))

    assert order == [(4, 0), (4, 1), (5, 1), (5, 2)]


def done(services: Services, job: Job) -> int:
    return sum(part.state == PartState.DONE for part in parts_now(services, job))


def test_a_cancelled_batch_stops_and_leaves_nothing(services, member, crash, monkeypatch):
    job = begin(services, member, crash)
    run_part(services)
    make = making.PartMaker.make

    def cancelled_meanwhile(self, *args):
        cancel(services, member.user_id, job.id)
        return make(self, *args)

    monkeypatch.setattr(making.PartMaker, "make", cancelled_meanwhile)
    run_part(services)

    assert row(services, job).state == JobState.CANCELLED
    assert (files(services, job), parts_now(services, job)) == ([], [])
    with services.db.read() as session:
        assert next_part(session, services.now()) is None


def test_a_part_that_breaks_three_times_ends_the_job_with_its_reason(services, member, crash, clock, monkeypatch):
    job = begin(services, member, crash)
    run_part(services)

    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(making.PartMaker, "make", broken)
    for _ in range(3):
        run_part(services)
        clock.advance(minutes=1)

    ended = row(services, job)
    assert (ended.state, ended.error_code, ended.error_status) == (JobState.FAILED, "attempts_used_up", 500)
    assert (files(services, job), parts_now(services, job)) == ([], [])


def test_trouble_of_the_storage_is_waited_out_and_is_no_strike(services, member, crash, clock, monkeypatch):
    job = begin(services, member, crash)

    def away(*_):
        raise TransientError

    with monkeypatch.context() as patch:
        patch.setattr(Storage, "put", away)
        for _ in range(5):
            run_part(services)
            clock.advance(minutes=1)
    sweep(services)
    run_rings(services)

    assert row(services, job).state == JobState.FINISHED
    assert {part.strikes for part in parts_now(services, job)} == {0}


def test_a_stopping_worker_hands_its_part_back(services, member, crash, monkeypatch):
    job = begin(services, member, crash)
    make = making.PartMaker.make

    def told_to_stop(self, *args):
        if self._part.attempt == 1 and self._part.number == 1:
            hand_back_parts(services)
        return make(self, *args)

    monkeypatch.setattr(making.PartMaker, "make", told_to_stop)
    run_part(services)
    [first, *_] = parts_now(services, job)
    assert (first.state, first.strikes, files(services, job)) == (PartState.WAITING, 0, [])

    run_rings(services)

    assert row(services, job).state == JobState.FINISHED


def test_what_comes_while_the_parts_are_made_is_not_in_them(services, member, crash):
    job = begin(services, member, crash)
    run_part(services)
    with services.db.write() as session:
        for number in range(5):
            add_occurrence(
                session, session.get_one(Crash, crash.id), NOON - timedelta(days=number, hours=1), 500 + number
            )
    parts.ring_next_long(services)
    run_rings(services)

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
    parts.ring_next_long(services)
    run_rings(services)
    assert len(files(services, job)) == 9

    clock.advance(seconds=services.config.result_lifetime + 1)
    sweep(services)

    assert row(services, job).state == JobState.EXPIRED
    assert (files(services, job), parts_now(services, job)) == ([], [])


def test_the_doctor_knows_the_objects_of_parts_and_misses_one_that_is_gone(services, member, crash, clock):
    job = begin(services, member, crash)
    parts.ring_next_long(services)
    run_rings(services)
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
    for cut in cuts(services.db, scope, size):
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


def test_a_job_in_parts_holds_no_place_of_a_long_job_while_none_is_made(services, member, crash, monkeypatch):
    job = begin(services, member, crash)

    assert row(services, job).queue == PARTS
    sister = make_crash(services, member.app, occurrences=2, newest=NOON + timedelta(seconds=1))
    with services.db.write() as session:
        session.get_one(Crash, sister.id).occurrences_count = 50_000
    long = ask(services, member.user_id, "occurrences", sister.identifier, {"page": "1"})
    running.run(services, long.id)

    assert row(services, long).state == JobState.FINISHED

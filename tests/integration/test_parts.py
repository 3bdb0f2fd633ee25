"""Jobs in parts on both databases: many workers, dead workers, fair share, limits, and always the same bytes."""

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from app.db.models.crash import Crash
from app.db.models.job import Job, JobState
from app.db.models.job_part import PartState, next_part
from app.errors import TransientError
from app.jobs import batch_making, batch_params, parts, running
from app.jobs.job_type import Plan
from app.jobs.parts import WORK, run_part
from app.jobs.service import ask
from app.jobs.user_jobs import cancel
from app.queueing.broker import PARTS, SHORT
from app.services import Services
from app.storage import Storage
from app.sweep import sweep
from app.work.ending import hand_back
from tests.batches import begin, describe, parts_now
from tests.factories import NOON, Member, make_crash, make_member, run_enqueued
from tests.job_types import NAME, files, row


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(batch_params, "ROWS_PER_PART", 4)


@pytest.fixture
def crash(services: Services, member: Member) -> Crash:
    made = make_crash(services, member.app, occurrences=30)
    describe(services, made)
    return made


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
    run_enqueued(services)

    made = parts_now(services, job)
    assert row(services, job).state == JobState.FINISHED
    assert [(part.number, part.attempt, part.rows) for part in made] == [
        *((number, 1, 4) for number in range(1, 8)), (8, 1, 2),
    ]  # fmt: skip
    assert len(files(services, job)) == 9
    assert row(services, job).progress_done == 30


def test_a_batch_whose_workers_die_has_the_bytes_of_an_undisturbed_one(services, member, crash, clock, monkeypatch):
    undisturbed = begin(services, member, crash, until_date="2100-01-01")
    parts.enqueue_next_long(services)
    run_enqueued(services)
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
            # The store completes the first one's last write only now.
            services.storage.put_bytes(f"jobs/{job.id}/1/part-00001-1", b"late")
    services.broker.messages.clear()

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
    services.broker.messages.clear()
    assert {part.state for part in parts_now(services, job)} == {PartState.DONE}
    assert row(services, job).state == JobState.RUNNING

    sweep(services)

    assert row(services, job).state == JobState.FINISHED


def test_a_lost_message_is_sent_again_by_the_sweep(services, member, crash):
    job = begin(services, member, crash)

    sweep(services)
    run_enqueued(services)

    assert row(services, job).state == JobState.FINISHED


def test_one_message_lets_a_worker_make_parts_until_none_is_left(services, member, crash, monkeypatch):
    monkeypatch.setattr(parts, "GO_ON_FOR", 60.0)
    job = begin(services, member, crash)

    run_part(services)

    assert row(services, job).state == JobState.FINISHED
    assert services.broker.messages == []


def test_a_worker_reads_all_parts_once_to_complete_a_batch(services, member, crash, monkeypatch):
    monkeypatch.setattr(parts, "GO_ON_FOR", 60.0)
    begin(services, member, crash)
    read = []
    parts_of = parts.parts_of
    monkeypatch.setattr(parts, "parts_of", lambda *args: read.append(args) or parts_of(*args))

    run_part(services)

    assert len(read) == 1


def test_no_more_parts_are_at_work_than_long_jobs_may_be(services, member, crash, monkeypatch):
    services = replace(services, config=replace(services.config, long_jobs_at_once=2))
    begin(services, member, crash)
    at_once, most, guard = [0], [0], threading.Lock()
    make = batch_making.PartMaker.make
    gate = threading.Barrier(2, timeout=20)

    def counted(self, *args):
        with guard:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        if self._part.number <= 2:
            gate.wait()
        run_part(services)  # a third worker receives a message meanwhile
        made = make(self, *args)
        with guard:
            at_once[0] -= 1
        return made

    monkeypatch.setattr(batch_making.PartMaker, "make", counted)
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(run_part, services) for _ in range(2)]:
            done.result()

    assert most == [2]


def test_tenants_have_a_fair_share_part_by_part(services, member, crash, clock):
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
    make = batch_making.PartMaker.make

    def cancelled_meanwhile(self, *args):
        cancel(services, member.user_id, job.id)
        return make(self, *args)

    monkeypatch.setattr(batch_making.PartMaker, "make", cancelled_meanwhile)
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

    monkeypatch.setattr(batch_making.PartMaker, "make", broken)
    for _ in range(3):
        run_part(services)
        clock.advance(minutes=1)

    ended = row(services, job)
    assert (ended.state, ended.error_code, ended.error_status) == (JobState.FAILED, "attempts_used_up", 500)
    assert (files(services, job), parts_now(services, job)) == ([], [])


def test_an_outage_of_the_storage_is_waited_out_and_is_no_failure(services, member, crash, clock, monkeypatch):
    job = begin(services, member, crash)

    def away(*_):
        raise TransientError

    with monkeypatch.context() as patch:
        patch.setattr(Storage, "put", away)
        for _ in range(5):
            run_part(services)
            clock.advance(minutes=1)
    sweep(services)
    run_enqueued(services)

    assert row(services, job).state == JobState.FINISHED
    assert {part.failures for part in parts_now(services, job)} == {0}


def test_a_stopping_worker_hands_its_part_back(services, member, crash, monkeypatch):
    job = begin(services, member, crash)
    make = batch_making.PartMaker.make

    def told_to_stop(self, *args):
        if self._part.attempt == 1 and self._part.number == 1:
            hand_back(services, WORK)
        return make(self, *args)

    monkeypatch.setattr(batch_making.PartMaker, "make", told_to_stop)
    run_part(services)
    [first, *_] = parts_now(services, job)
    assert (first.state, first.failures, files(services, job)) == (PartState.WAITING, 0, [])

    run_enqueued(services)

    assert row(services, job).state == JobState.FINISHED


def test_a_job_in_parts_holds_no_place_of_a_long_job_while_none_is_made(services, member, crash, monkeypatch):
    job = begin(services, member, crash)

    assert row(services, job).queue == PARTS
    sister = make_crash(services, member.app, occurrences=2, newest=NOON + timedelta(seconds=1))
    with services.db.write() as session:
        session.get_one(Crash, sister.id).occurrences_count = 50_000
    long = ask(services, member.user_id, "occurrences", sister.identifier, {"page": "1"})
    running.run(services, long.id)

    assert row(services, long).state == JobState.FINISHED


def test_a_plan_of_a_job_type_that_makes_no_parts_is_a_failure_and_nothing_is_spread(services, member, crash, job_type):
    job_type.act = lambda run: Plan(run.now(), 1, 0, [{"number": 1, "after": None, "upto": "", "units": 1}])
    job = ask(services, member.user_id, NAME, crash.identifier, {})

    run_enqueued(services)

    stored = row(services, job)
    assert (stored.state, stored.failures, stored.queue) == (JobState.QUEUED, 1, SHORT)
    assert parts_now(services, job) == []

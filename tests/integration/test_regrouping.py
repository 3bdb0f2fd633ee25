"""An app regrouped in the background: resumed after any end, beside digests, decisions kept (both databases)."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.crashes.fingerprint import VERSION
from app.db.models.grouping_decision import GroupingDecision
from app.db.models.job import Job, JobState, new_job_id
from app.db.models.regrouping import Regrouping
from app.errors import Conflict, NotFound
from app.ingest import grouping, regrouping
from app.ingest.receive import receive
from app.ingest.regrouping import begin_regrouping, merge, regroup_app, split
from app.queueing.broker import PARTS
from app.services import Services
from app.sweep import sweep
from tests.factories import kscrash, run_enqueued
from tests.regrouping import counted, crash_of, crashes, rules_of_the_next_version, send


class WorkerDied(BaseException):
    """kill -9: nothing of the worker's runs any more."""


@pytest.fixture
def small_steps(monkeypatch) -> None:
    """Two logs to a step, one step to a message."""
    monkeypatch.setattr(regrouping, "LOGS_IN_BULK", 2)
    monkeypatch.setattr(regrouping, "GO_ON_FOR", 0.0)


def row_of(services: Services, row_id: int) -> Regrouping:
    with services.db.read() as session:
        return session.get_one(Regrouping, row_id)


def work_until_done(services: Services, clock, row_id: int) -> None:
    """Do what workers and the sweep would, though workers die."""
    for _ in range(40):
        messages, services.broker.messages = services.broker.messages, []
        for _task, row_id in messages:
            try:
                regroup_app(services, int(row_id), 0.0)
            except WorkerDied:
                continue
        if row_of(services, row_id).finished_at:
            return
        clock.advance(minutes=2)
        sweep(services)
    pytest.fail("the regrouping did not end")


def test_all_logs_of_an_app_are_regrouped_and_the_row_tells_how_many(services, member, run_workers):
    send(services, member, run_workers, "-[A go]", "-[A go]", "-[B go]")

    with rules_of_the_next_version():
        row_id = begin_regrouping(services, member.app.id)
        run_workers()

    row = row_of(services, row_id)
    assert row.finished_at
    assert (row.done, row.total, row.moved, row.unreadable) == (3, 3, 3, 0)
    assert sorted(counted(services).values()) == [1, 2]


def test_a_worker_that_dies_at_any_step_costs_nothing_but_time(
    services, member, run_workers, clock, small_steps, monkeypatch
):
    send(services, member, run_workers, *["-[A go]"] * 5, *["-[B go]"] * 4)
    deaths = iter([False, True, False, True, True])
    look_at = regrouping.regroup_logs

    def mortal(*given):
        found = look_at(*given)
        if next(deaths, False):
            raise WorkerDied
        return found

    monkeypatch.setattr(regrouping, "regroup_logs", mortal)
    with rules_of_the_next_version():
        row_id = begin_regrouping(services, member.app.id)
        work_until_done(services, clock, row_id)

    assert row_of(services, row_id).done == 9
    assert sorted(counted(services).values()) == [4, 5]
    assert all(crash.fingerprint_version == VERSION + 1 for crash in crashes(services))


def test_a_log_that_kills_every_worker_is_left_as_it_is_and_the_rest_goes_on(
    services, member, run_workers, clock, monkeypatch
):
    send(services, member, run_workers, "-[A go]", "-[B go]", "-[C go]")
    read = grouping.read_and_group

    def poisoned(services, app_id, app, raw, *more):
        if b"-[B go]" in raw:
            raise WorkerDied
        return read(services, app_id, app, raw, *more)

    monkeypatch.setattr("app.ingest.grouping.read_and_group", poisoned)
    with rules_of_the_next_version():
        row_id = begin_regrouping(services, member.app.id)
        work_until_done(services, clock, row_id)

    row = row_of(services, row_id)
    assert (row.done, row.moved, row.unreadable) == (3, 2, 1)
    assert sorted(counted(services).values()) == [1, 1, 1]


def test_logs_that_come_meanwhile_are_counted_once(services, member, run_workers, clock, small_steps):
    send(services, member, run_workers, *["-[A go]"] * 6)

    with rules_of_the_next_version():
        row_id = begin_regrouping(services, member.app.id)
        for number in range(4):
            receive(services, member.app, f"new-{number}", kscrash(frame="-[A go]"))
            run_enqueued(services)
        work_until_done(services, clock, row_id)

    assert list(counted(services).values()) == [10]


def test_two_workers_at_one_regrouping_exclude_each_other(services, member, run_workers):
    send(services, member, run_workers, "-[A go]")
    row_id = begin_regrouping(services, member.app.id)
    with services.db.write() as session:
        row = session.get_one(Regrouping, row_id)
        row.lease_expires_at = services.now() + timedelta(seconds=30)

    assert not regroup_app(services, row_id)

    assert row_of(services, row_id).done == 0


def test_asked_for_again_it_goes_on_where_it_stands_and_anew_only_when_told(services, member, run_workers, small_steps):
    send(services, member, run_workers, *["-[A go]"] * 5)
    row_id = begin_regrouping(services, member.app.id)
    regroup_app(services, row_id, 0.0)

    assert begin_regrouping(services, member.app.id) == row_id
    assert row_of(services, row_id).done == 2
    assert begin_regrouping(services, member.app.id, anew=True) == row_id
    assert (row_of(services, row_id).done, row_of(services, row_id).position) == (0, 0)


def test_it_waits_while_a_batch_of_the_app_is_made_in_parts(services, member, run_workers, clock):
    send(services, member, run_workers, "-[A go]")
    with services.db.write() as session:
        now = services.now()
        job = Job(id=new_job_id(), kind="app_batch", key="k", params="{}", app_id=member.app.id, state=JobState.RUNNING,
                  created_at=now, queue=PARTS, enqueue_after=now + timedelta(days=1), progress_total=0,
                  lease_expires_at=now + timedelta(days=1))  # fmt: skip
        session.add(job)

    with rules_of_the_next_version():
        row_id = begin_regrouping(services, member.app.id)
        run_workers()
        assert row_of(services, row_id).done == 0
        with services.db.write() as session:
            session.get_one(Job, job.id).state = JobState.FINISHED
        work_until_done(services, clock, row_id)

    assert row_of(services, row_id).moved == 1


def test_merged_crashes_are_one_now_and_for_what_comes(services, member, run_workers, clock):
    send(services, member, run_workers, "-[A go]", "-[A go]", "-[B go]")
    one, other = crash_of(services, "log-0"), crash_of(services, "log-2")

    row_id = merge(services, member.user_id, one, other)
    run_workers()
    assert counted(services) == {other.identifier: 3}
    send(services, member, run_workers, "-[A go]", prefix="new")
    work_until_done(services, clock, row_id)

    assert counted(services) == {other.identifier: 4}
    assert crash_of(services, "new-0").identifier == other.identifier


def test_a_merge_is_remembered_by_the_next_version_of_the_rules(services, member, run_workers, clock):
    send(services, member, run_workers, "-[A go]", "-[A go]", "-[B go]", "-[C go]")
    work_until_done(
        services, clock, merge(services, member.user_id, crash_of(services, "log-0"), crash_of(services, "log-2"))
    )

    with rules_of_the_next_version():
        work_until_done(services, clock, begin_regrouping(services, member.app.id))
        assert sorted(counted(services).values()) == [1, 3]
        send(services, member, run_workers, "-[A go]", prefix="new")

        assert sorted(counted(services).values()) == [1, 4]


def test_a_merge_leads_on_when_its_target_is_merged_in_turn(services, member, run_workers, clock):
    send(services, member, run_workers, "-[A go]", "-[B go]", "-[C go]")
    a, b, c = (crash_of(services, f"log-{number}") for number in range(3))
    merge(services, member.user_id, a, b)
    merge(services, member.user_id, b, c)
    run_workers()
    send(services, member, run_workers, "-[A go]", "-[B go]", prefix="new")

    assert counted(services) == {c.identifier: 5}


def test_two_crashes_cannot_be_merged_into_each_other(services, member, run_workers):
    send(services, member, run_workers, "-[A go]", "-[B go]")
    a, b = (crash_of(services, f"log-{number}") for number in range(2))
    merge(services, member.user_id, a, b)

    with pytest.raises(Conflict):
        merge(services, member.user_id, b, a)


def test_a_group_that_is_split_off_is_the_crash_it_was(services, member, run_workers, clock):
    send(services, member, run_workers, "-[A go]", "-[A go]", "-[B go]")
    a, b = crash_of(services, "log-0"), crash_of(services, "log-2")
    work_until_done(services, clock, merge(services, member.user_id, a, b))
    before = counted(services)

    work_until_done(services, clock, split(services, member.user_id, crash_of(services, "log-0"), a.fingerprint))
    send(services, member, run_workers, "-[A go]", prefix="new")

    assert before == {b.identifier: 3}
    assert counted(services) == {a.identifier: 3, b.identifier: 1}
    assert crash_of(services, "log-0").title == a.title


def test_what_was_never_merged_cannot_be_split_off(services, member, run_workers):
    send(services, member, run_workers, "-[A go]")

    with pytest.raises(NotFound):
        split(services, member.user_id, crash_of(services, "log-0"), "0" * 32)


def test_a_digest_that_did_not_know_of_a_merge_yet_is_put_right_within_a_minute(services, member, run_workers, clock):
    send(services, member, run_workers, "-[A go]", "-[B go]")
    a, b = crash_of(services, "log-0"), crash_of(services, "log-1")
    row_id = merge(services, member.user_id, a, b)
    run_workers()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.ingest.digest.routes", lambda *_: {})
        receive(services, member.app, "late", kscrash(frame="-[A go]"))
        run_enqueued(services)
    assert counted(services) == {a.identifier: 1, b.identifier: 2}
    work_until_done(services, clock, row_id)

    assert counted(services) == {b.identifier: 3}
    with services.db.read() as session:
        assert all(decision.moved_at for decision in session.scalars(select(GroupingDecision)))

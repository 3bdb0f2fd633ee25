"""Who is served when: tenants have a fair share, long jobs leave room, users wait for a bounded number (both databases)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.db.models.crash import Crash
from app.db.models.job import LONGEST_PAUSE, Job, JobState, lock_job_shared, next_in_turn
from app.errors import MalformedLog, TransientError
from app.jobs import running
from app.jobs.answering import JobCancelled, TooManyJobs
from app.jobs.running import WORK, run
from app.jobs.service import LONG_FROM, ask
from app.jobs.user_jobs import cancel
from app.queueing.broker import LONG, PARTS, RUN_JOB, SHORT
from app.services import Services
from app.sweep import sweep
from app.work.ending import hand_back
from tests.factories import Member, join, make_crash, make_member, run_enqueued
from tests.job_types import NAME, FakeJobType, write


def ask_many(services: Services, member: Member, crash: Crash, number: int) -> list[Job]:
    return [ask(services, member.user_id, NAME, crash.identifier, {"about": str(n)}) for n in range(number)]


def state(services: Services, job: Job) -> JobState:
    with services.db.read() as session:
        return session.get_one(Job, job.id).state


def test_one_tenants_long_line_delays_another_by_two_jobs_at_most(services, member, job_type):
    ask_many(services, member, make_crash(services, member.app), 500)
    other = make_member(services, "grace@example.com", "Maps")
    ask_many(services, other, make_crash(services, other.app), 1)
    served = []

    def note(run_):
        served.append(run_.app_id)
        return write(run_)

    job_type.act = note
    run_enqueued(services)

    assert served.index(other.app.id) <= 1
    assert len(served) == 501


def test_a_worker_that_receives_a_message_goes_on_as_long_as_short_jobs_wait(services, member, job_type):
    jobs = ask_many(services, member, make_crash(services, member.app), 5)
    services.broker.messages.clear()

    run(services, jobs[0].id)

    assert [state(services, job) for job in jobs] == [JobState.FINISHED] * 5
    assert services.broker.messages == []


def test_a_worker_that_has_gone_on_for_long_enough_enqueues_what_still_waits(services, member, job_type, monkeypatch):
    monkeypatch.setattr(running, "GO_ON_FOR", -1.0)
    jobs = ask_many(services, member, make_crash(services, member.app), 3)
    services.broker.messages.clear()

    run(services, jobs[0].id)

    assert sorted(state(services, job) for job in jobs) == [JobState.FINISHED, JobState.QUEUED, JobState.QUEUED]
    assert services.broker.messages == [(RUN_JOB, jobs[0].id)]


def test_a_job_that_fails_does_not_keep_the_others_waiting(services, member, job_type):
    jobs = ask_many(services, member, make_crash(services, member.app), 3)
    ends = iter([MalformedLog(), None, None])

    def fail_first(run_):
        if error := next(ends):
            raise error
        return write(run_)

    job_type.act = fail_first
    services.broker.messages.clear()
    run(services, jobs[0].id)

    assert sorted(state(services, job) for job in jobs) == [JobState.FAILED, JobState.FINISHED, JobState.FINISHED]


def test_a_message_for_a_job_that_has_left_for_its_parts_is_received_in_its_queue(services, member, job_type):
    [planned, waiting] = ask_many(services, member, make_crash(services, member.app), 2)
    with services.db.write() as session:
        session.get_one(Job, planned.id).queue = PARTS

    run(services, planned.id, SHORT)

    assert state(services, waiting) == JobState.FINISHED


def test_every_job_of_every_tenant_is_done_once(services, member, job_type):
    other = make_member(services, "grace@example.com", "Maps")
    jobs = ask_many(services, member, make_crash(services, member.app), 7)
    jobs += ask_many(services, other, make_crash(services, other.app), 3)

    run_enqueued(services)

    assert {state(services, job) for job in jobs} == {JobState.FINISHED}
    assert len(job_type.attempts) == 10


def test_a_long_list_goes_to_the_long_queue_and_a_short_one_does_not(services, member):
    crash = make_crash(services, member.app)
    short = ask(services, member.user_id, "occurrences", crash.identifier, {})
    with services.db.write() as session:
        session.get_one(Crash, crash.id).occurrences_count = LONG_FROM + 1

    long = ask(services, member.user_id, "occurrences", crash.identifier, {"page": "1"})

    assert (short.queue, long.queue) == (SHORT, LONG)


def test_long_jobs_run_no_more_than_allowed_at_a_time_and_the_next_one_is_enqueued(services, member, job_type):
    long = replace_total(job_type, LONG_FROM + 1)
    first, second = ask_many(services, member, make_crash(services, member.app), 2)
    services.broker.messages.clear()

    def while_one_runs(run_):
        run(services, second.id)  # another worker receives the second message
        return write(run_)

    long.act = while_one_runs
    run(services, first.id)
    running_at_once = len(job_type.attempts)
    long.act = write

    assert running_at_once == 1
    assert len(services.broker.messages) == 1
    run_enqueued(services)
    assert {state(services, job) for job in (first, second)} == {JobState.FINISHED}


def replace_total(job_type: FakeJobType, total: int) -> FakeJobType:
    job_type.total = total
    return job_type


def test_a_user_who_waits_for_too_many_jobs_is_asked_to_come_back(services, member, job_type):
    limited = replace(services, config=replace(services.config, live_jobs_per_user=3))
    crash = make_crash(services, member.app)
    jobs = ask_many(limited, member, crash, 3)

    with pytest.raises(TooManyJobs) as raised:
        ask(limited, member.user_id, NAME, crash.identifier, {"about": "one more"})

    assert (raised.value.status, raised.value.retry_after) == (429, 5)
    assert ask(limited, member.user_id, NAME, crash.identifier, {"about": "0"}).id == jobs[0].id
    run_enqueued(limited)
    assert ask(limited, member.user_id, NAME, crash.identifier, {"about": "one more"}).state == JobState.QUEUED


def test_a_job_that_nobody_polls_is_cancelled_where_the_settings_say_so(services, member, job_type, clock):
    settings = replace(services, config=replace(services.config, abandon_after=600))
    crash = make_crash(services, member.app)
    polled, left = ask_many(settings, member, crash, 2)

    for _ in range(6):
        clock.advance(seconds=110)
        ask(settings, member.user_id, NAME, crash.identifier, {"about": "0"})
    sweep(services)
    assert state(services, left) == JobState.QUEUED
    sweep(settings)

    assert state(services, polled) == JobState.QUEUED
    with pytest.raises(JobCancelled):
        ask(services, member.user_id, NAME, crash.identifier, {"about": "1", "job_id": left.id})


def test_a_shared_job_goes_on_while_another_user_waits_for_it(services, member, job_type):
    colleague = join(services, "grace@example.com", member.app)
    crash = make_crash(services, member.app)
    [job] = ask_many(services, member, crash, 1)
    ask_many(services, colleague, crash, 1)

    cancel(services, member.user_id, job.id)
    assert state(services, job) == JobState.QUEUED
    cancel(services, colleague.user_id, job.id)

    assert state(services, job) == JobState.CANCELLED


def test_a_stopping_worker_hands_its_attempts_back_without_a_failure(services, member, job_type):
    mine, others = replace(services, worker="host:1"), replace(services, worker="host:2")
    [job] = ask_many(services, member, make_crash(services, member.app), 1)

    def stopped_meanwhile(run_):
        hand_back(others, WORK)
        assert state(services, job) == JobState.RUNNING
        hand_back(mine, WORK)
        job_type.act = write
        return write(run_)

    job_type.act = stopped_meanwhile
    services.broker.messages.clear()
    run(mine, job.id)

    with services.db.read() as session:
        row = session.get_one(Job, job.id)
    assert (row.state, row.failures, row.attempt) == (JobState.QUEUED, 0, 1)
    assert set(services.broker.messages) == {(RUN_JOB, job.id)}
    run_enqueued(services)
    assert state(services, job) == JobState.FINISHED


def test_files_that_cannot_be_removed_now_do_not_stop_a_cancel(services, member, job_type, monkeypatch):
    [job] = ask_many(services, member, make_crash(services, member.app), 1)

    def away(*_: object) -> None:
        raise TransientError

    with monkeypatch.context() as patch:
        patch.setattr(type(services.storage), "delete_folder", away)
        cancel(services, member.user_id, job.id)

    assert state(services, job) == JobState.CANCELLED


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer at a time anyway
def test_a_stampede_does_not_hide_the_job_it_asks_for_from_the_worker(services, member, job_type):
    crash = make_crash(services, member.app)
    [job] = ask_many(services, member, crash, 1)

    with services.db.write() as session:  # somebody is just joining the job
        assert lock_job_shared(session, job.id) is not None
        run(services, job.id)

    assert state(services, job) == JobState.FINISHED


def test_a_job_that_is_to_rest_longer_than_any_back_off_lasts_is_due(services, member, job_type):
    """The clock was set back since its attempt failed."""
    resting, overtaken = ask_many(services, member, make_crash(services, member.app), 2)
    with services.db.write() as session:
        session.get_one(Job, resting.id).not_before = services.now() + LONGEST_PAUSE
        session.get_one(Job, overtaken.id).not_before = services.now() + LONGEST_PAUSE + timedelta(seconds=1)

    with services.db.read() as session:
        looked_at = next_in_turn(session, SHORT, services.now())
    run(services, resting.id)

    assert looked_at is not None
    assert looked_at.id == overtaken.id
    assert (state(services, resting), state(services, overtaken)) == (JobState.QUEUED, JobState.FINISHED)

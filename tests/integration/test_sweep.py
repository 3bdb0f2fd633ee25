"""The sweep: enqueues again, takes over, ends, clears and forgets, also when two are at it (both databases)."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app import create_app
from app.db.models.crash import Crash
from app.db.models.job import Job, JobAsker, JobState
from app.db.models.log import Log, LogStatus
from app.db.models.token import Token
from app.errors import TransientError, Unauthorized
from app.identity import accounts
from app.ingest.receive import receive
from app.jobs import JOB_TYPES, attempt
from app.jobs.access import JobNotFound
from app.jobs.answering import JobExpired
from app.jobs.running import run
from app.jobs.service import ask, look_up
from app.jobs.user_jobs import cancel
from app.queueing.broker import DIGEST_LOG, RUN_JOB
from app.services import Services
from app.storage_keys import job_folder
from app.sweep import sweep
from tests.factories import NOON, PASSWORD, Clock, kscrash, make_crash
from tests.job_types import NAME, FakeJobType, as_job_type

LIST = "occurrences"


@pytest.fixture
def job(services, member) -> Job:
    crash = make_crash(services, member.app)
    return ask(services, member.user_id, LIST, crash.identifier, {})


def row(services: Services, job: Job) -> Job | None:
    with services.db.read() as session:
        return session.get(Job, job.id)


def files(services: Services, job: Job) -> list[str]:
    return [stat.key for stat in services.storage.list(job_folder(job.id))]


def claim(services: Services, job: Job, by_attempt: int = 1) -> None:
    """What is left of a worker that claimed the job, wrote a preview and died."""
    with services.db.write() as session:
        claimed = session.get_one(Job, job.id)
        claimed.state, claimed.attempt = JobState.RUNNING, by_attempt
        claimed.lease_expires_at = services.now() + timedelta(seconds=services.config.job_lease)
        claimed.preview_key = f"jobs/{job.id}/{by_attempt}/preview.json"
    services.storage.put_bytes(f"jobs/{job.id}/{by_attempt}/preview.json", b"[]")


def die_each_time(services: Services, job: Job, clock: Clock) -> None:
    """Every worker that takes the job dies of it, until it has no attempt left."""
    for number in range(1, services.config.max_attempts + 1):
        claim(services, job, by_attempt=number)
        clock.advance(seconds=services.config.job_lease)
        sweep(services)


def test_a_job_nobody_picked_up_is_enqueued_ever_less_often(services, job, clock):
    services.broker.messages.clear()
    sent_after = []

    for second in range(1, 301):
        clock.advance(seconds=1)
        sweep(services)
        if services.broker.messages:
            assert services.broker.messages == [(RUN_JOB, job.id)]
            services.broker.messages.clear()
            sent_after.append(second)

    assert sent_after == [5, 10, 20, 40, 80, 140, 200, 260]


def test_a_log_nobody_digested_is_enqueued_ever_less_often(services, member, clock):
    receive(services, member.app, "log-1", kscrash())
    [message] = services.broker.messages
    services.broker.messages.clear()

    for second in (5, 10, 20):
        clock.now = NOON + timedelta(seconds=second - 1)
        sweep(services)
        assert services.broker.messages == []
        clock.advance(seconds=1)
        sweep(services)
        assert services.broker.messages.pop() == message == (DIGEST_LOG, message[1])


def test_a_write_that_the_store_completes_after_its_process_died_goes_with_the_next_result(services, job, clock):
    claim(services, job)
    clock.advance(seconds=services.config.job_lease)
    sweep(services)
    assert files(services, job) == []
    services.storage.put_bytes(f"jobs/{job.id}/1/occurrences.json", b"[]")

    clock.advance(seconds=60)
    run(services, job.id)

    assert row(services, job).state == JobState.FINISHED
    assert files(services, job) == []


def test_a_running_job_is_left_alone(services, job, clock):
    claim(services, job)
    services.broker.messages.clear()
    clock.advance(seconds=services.config.job_lease - 1)

    sweep(services)

    assert services.broker.messages == []
    assert row(services, job).state == JobState.RUNNING


def test_a_job_of_a_dead_worker_is_done_by_another(services, member, job, clock, run_workers):
    claim(services, job)
    services.broker.messages.clear()
    clock.advance(seconds=services.config.job_lease)

    sweep(services)

    assert services.broker.messages == [(RUN_JOB, job.id)]
    assert files(services, job) == []
    run_workers()
    assert (row(services, job).state, row(services, job).attempt) == (JobState.FINISHED, 2)


def test_a_poll_between_a_dead_worker_and_the_next_shows_no_rows_and_no_error(services, member, job, clock):
    claim(services, job)
    clock.advance(seconds=services.config.job_lease)
    sweep(services)

    answer = (
        create_app(services)
        .test_client()
        .get(f"/api/crashes/{_crash_of(services, job)}/occurrences", headers=member.headers)
    )

    assert (answer.status_code, answer.json["loading"], answer.json["result"]) == (200, [True], [])


def test_a_job_whose_workers_all_die_ends_as_failed(services, job, clock):
    die_each_time(services, job, clock)

    ended = row(services, job)
    assert (ended.state, ended.error_code, ended.error_status) == (JobState.FAILED, "attempts_used_up", 500)
    assert files(services, job) == []


def test_an_expired_result_loses_its_files_first_and_its_row_later(
    services, member, job, clock, run_workers, stored_results
):
    run_workers()
    clock.advance(seconds=services.config.result_lifetime - 1)
    sweep(services)
    assert files(services, job) != []

    clock.advance(seconds=1)
    sweep(services)
    assert (files(services, job), row(services, job).state, row(services, job).result_text) == (
        [],
        JobState.EXPIRED,
        None,
    )
    with pytest.raises(JobExpired):
        ask(services, member.user_id, LIST, _crash_of(services, job), {"job_id": job.id})

    clock.advance(seconds=services.config.tombstone_lifetime)
    sweep(services)
    assert row(services, job) is None
    with pytest.raises(JobNotFound):
        look_up(services, member.user_id, job.id)


@pytest.mark.parametrize("ending", ["failed", "cancelled", "freed"])
def test_an_ended_job_is_forgotten_after_its_tombstone(services, member, job, clock, run_workers, ending):
    if ending == "failed":
        die_each_time(services, job, clock)
    else:
        if ending == "freed":
            run_workers()
        cancel(services, member.user_id, job.id)

    clock.advance(seconds=services.config.tombstone_lifetime - 1)
    sweep(services)
    assert row(services, job) is not None
    clock.advance(seconds=1)
    sweep(services)

    assert row(services, job) is None
    with services.db.read() as session:
        assert session.scalar(select(func.count()).select_from(JobAsker)) == 0


def test_logins_that_ran_out_are_dropped_and_others_stay(services, member, clock):
    clock.advance(seconds=services.config.token_lifetime - 1)
    younger = accounts.log_in(services, member.email, PASSWORD)
    clock.advance(seconds=1)

    sweep(services)

    with services.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Token)) == 1
    assert accounts.user_of(services, younger) == member.user_id
    with pytest.raises(Unauthorized):
        accounts.user_of(services, member.token)


def test_many_sweeps_at_once_do_each_thing_once(services, member, clock, monkeypatch):
    monkeypatch.setitem(JOB_TYPES, NAME, as_job_type(FakeJobType()))
    monkeypatch.setattr(attempt, "PROGRESS_EVERY", 3_600.0)
    crash = make_crash(services, member.app)

    def begun(numbers: range) -> list[Job]:
        return [ask(services, member.user_id, NAME, crash.identifier, {"about": str(number)}) for number in numbers]

    jobs = begun(range(4))
    run(services, jobs[0].id)  # a worker that receives a message goes on while jobs wait
    jobs += begun(range(4, 12))
    for dead in jobs[4:8]:
        claim(services, dead)
    services.broker.messages.clear()
    clock.advance(seconds=services.config.result_lifetime)
    start, failed = threading.Barrier(6), []

    def sweep_at_once() -> None:
        start.wait()
        try:
            sweep(services)
        except TransientError as error:
            failed.append(error)

    threads = [threading.Thread(target=sweep_at_once) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert sorted(services.broker.messages) == sorted((RUN_JOB, live.id) for live in jobs[4:])
    assert [row(services, past).state for past in jobs[:4]] == [JobState.EXPIRED] * 4
    assert [row(services, live).state for live in jobs[4:]] == [JobState.QUEUED] * 8


def test_a_store_that_is_away_does_not_lose_what_is_to_be_cleared(services, job, clock, run_workers, monkeypatch):
    run_workers()
    clock.advance(seconds=services.config.result_lifetime)
    with monkeypatch.context() as patch:
        patch.setattr(type(services.storage), "list", _away)
        sweep(services)
    assert row(services, job).state == JobState.FINISHED

    sweep(services)

    assert (row(services, job).state, files(services, job)) == (JobState.EXPIRED, [])


def test_a_digested_log_is_enqueued_no_more(services, member, clock, run_workers):
    receive(services, member.app, "log-1", kscrash())
    run_workers()
    clock.advance(days=30)

    sweep(services)

    assert services.broker.messages == []
    with services.db.read() as session:
        assert session.scalar(select(Log.status)) == LogStatus.DIGESTED


def _crash_of(services: Services, job: Job) -> str:
    with services.db.read() as session:
        return session.scalar(select(Crash.identifier).where(Crash.id == job.crash_id)) or ""


def _away(*_: object) -> None:
    raise TransientError

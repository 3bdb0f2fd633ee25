"""Jobs that meet outages, bugs or no end: tried again or ended with a reason, and nothing left behind (both databases)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Lock, Thread

import pytest
from sqlalchemy.orm import Session

from app.db.models.job import JobState
from app.errors import MalformedLog, TransientError
from app.jobs import attempt
from app.jobs.answering import JobFailed
from app.jobs.job_type import Artefact, Run
from app.jobs.running import WORK, run
from app.services import Services
from app.sweep import sweep
from app.work.ending import hand_back
from tests.factories import run_enqueued
from tests.job_types import files, row, write
from tests.system.conftest import until


def test_an_outage_is_tried_again_ever_later_until_patience_ends(services, ask_again, job_type, clock):
    job_type.act = failing(TransientError("The storage is unavailable, try again"))
    job = ask_again()
    services.broker.messages.clear()
    run(services, job.id)

    for pause in (2, 4, 8, 16, 32, 60, 60):
        assert row(services, job).state == JobState.QUEUED
        clock.advance(seconds=pause - 1)
        sweep(services)
        assert run_enqueued(services) == 0
        clock.advance(seconds=1)
        sweep(services)
        assert run_enqueued(services) == 1
    clock.advance(seconds=services.config.job_patience)
    sweep(services)
    run_enqueued(services)

    ended = row(services, job)
    assert (len(job_type.attempts), ended.attempt, ended.failures, ended.state) == (9, 9, 0, JobState.FAILED)
    assert (ended.error_code, ended.error_status) == ("outage_lasted", 500)
    assert ended.error_message == (
        "The job waited for more than 1800 seconds, and at last: The storage is unavailable, try again"
    )


def test_a_failure_that_passes_leaves_a_finished_job(services, ask_again, job_type, clock):
    job_type.act = lambda run_: write(run_) if len(job_type.attempts) == 2 else failing(TransientError())(run_)
    job = ask_again()

    run(services, job.id)
    clock.advance(seconds=2)
    run(services, job.id)

    assert (row(services, job).state, row(services, job).attempt) == (JobState.FINISHED, 2)


def test_a_program_error_ends_the_job_at_the_third_failure_and_its_words_stay_inside(
    services, ask_again, job_type, clock
):
    job_type.act = failing(RuntimeError("SELECT secret FROM /var/lib"))
    job = ask_again()

    for _ in range(3):
        assert row(services, job).state == JobState.QUEUED
        run(services, job.id)
        clock.advance(seconds=60)

    ended = row(services, job)
    assert (ended.state, ended.error_status, len(job_type.attempts)) == (JobState.FAILED, 500, 3)
    assert "secret" not in ended.error_message


def test_a_permanent_failure_is_kept_after_one_attempt(services, ask_again, job_type, clock):
    job_type.act = failing(MalformedLog("The log is cut short"))
    job = ask_again()

    run(services, job.id)

    ended = row(services, job)
    assert (ended.state, ended.attempt, ended.error_code, ended.error_status) == (
        JobState.FAILED,
        1,
        "malformed_log",
        422,
    )
    clock.advance(days=1)
    sweep(services)
    with pytest.raises(JobFailed, match=r"^The log is cut short$") as raised:
        ask_again(job_id=job.id)
    assert raised.value.status == 422


def test_an_attempt_that_takes_too_long_is_stopped_at_its_next_chunk_and_ends_the_job(
    services, ask_again, job_type, monkeypatch
):
    monkeypatch.setattr(attempt, "PROGRESS_EVERY", 0.01)

    def endless() -> Iterator[bytes]:
        while True:
            job_type.attempts[0].advance(1)
            yield b"more"

    job_type.act = lambda run_: run_.store("result.json", endless(), "result.json", "application/json")
    job = ask_again()

    run(hurried(services), job.id)

    assert (row(services, job).state, row(services, job).error_code) == (JobState.FAILED, "took_too_long")
    assert files(services, job) == []


def test_work_that_hangs_past_its_time_fails_while_it_hangs_and_publishes_nothing_after(
    services, ask_again, job_type, monkeypatch
):
    monkeypatch.setattr(attempt, "PROGRESS_EVERY", 0.01)
    states = []

    def look(returns: Lock) -> None:
        until(lambda: row(services, job).state == JobState.FAILED, "the job to fail", 30)
        states.append(row(services, job).state)
        returns.release()

    def hang(run_: Run) -> Artefact:
        returns = Lock()
        returns.acquire()
        Thread(target=look, args=(returns,)).start()
        returns.acquire()  # a call into C, which nothing interrupts
        return write(run_)

    job_type.act = hang
    job = ask_again()

    run(hurried(services), job.id)

    assert states == [JobState.FAILED]
    ended = row(services, job)
    assert (ended.state, ended.error_status) == (JobState.FAILED, 500)
    assert ended.error_message == "The job took longer than -1 seconds"
    assert files(services, job) == []


def hurried(services: Services) -> Services:
    """The same, but time is up at once."""
    return replace(services, config=replace(services.config, job_time_limit=-1))


def test_waiting_in_line_does_not_use_up_the_patience_for_outages(services, ask_again, job_type, clock):
    job_type.act = lambda run_: write(run_) if len(job_type.attempts) == 2 else failing(TransientError())(run_)
    job = ask_again()
    clock.advance(seconds=services.config.job_patience + 1)

    run(services, job.id)
    clock.advance(seconds=2)
    run(services, job.id)

    assert (row(services, job).state, row(services, job).attempt) == (JobState.FINISHED, 2)


def test_a_job_handed_back_by_stopping_workers_never_fails_for_it(services, ask_again, job_type, clock):
    def act(run_: Run) -> Artefact:
        if len(job_type.attempts) <= 9:
            clock.advance(seconds=services.config.job_patience)
            hand_back(services, WORK)
        return write(run_)

    job_type.act = act
    job = ask_again()

    for _ in range(10):
        run(services, job.id)

    ended = row(services, job)
    assert (ended.state, ended.attempt, ended.failures) == (JobState.FINISHED, 10, 0)
    assert files(services, job) == [ended.result_key]


def test_a_result_whose_commit_went_through_unconfirmed_is_kept(services, ask_again, job_type, monkeypatch):
    job = ask_again()
    write_for_real = services.db.write

    @contextmanager
    def unconfirmed() -> Iterator[Session]:
        with write_for_real() as session:
            yield session
        if row(services, job).state == JobState.FINISHED:
            monkeypatch.setattr(services.db, "write", write_for_real)
            raise TransientError("the connection broke after the commit")

    monkeypatch.setattr(services.db, "write", unconfirmed)

    run(services, job.id)

    assert row(services, job).state == JobState.FINISHED
    assert services.storage.get(row(services, job).result_key) == b"[1]"


@pytest.mark.parametrize("ends_before", [0, 1, 2])
def test_a_store_that_fails_midway_is_retried_and_leaves_nothing_behind(
    services, ask_again, job_type, clock, ends_before
):
    def chunks(run_: Run) -> Iterator[bytes]:
        for number in range(3):
            if number == ends_before and len(job_type.attempts) == 1:
                raise TransientError("away")
            run_.advance(1)
            yield b"%d" % number

    job_type.act = lambda run_: run_.store("result.json", chunks(run_), "result.json", "application/json")
    job = ask_again()

    run(services, job.id)
    assert files(services, job) == []
    clock.advance(seconds=2)
    run(services, job.id)

    assert services.storage.get(row(services, job).result_key) == b"012"


def failing(error: Exception) -> Callable[[Run], Artefact]:
    def act(_run: Run) -> Artefact:
        raise error

    return act

"""Running jobs: claimed once, fenced, renewed, published (both databases)."""

import threading
from datetime import timedelta
from hashlib import sha256

import pytest

from app.db.models.job import Job, JobState
from app.errors import MalformedLog, TransientError
from app.jobs import attempt, service
from app.jobs.job_type import Artefact, Run
from app.jobs.running import WORK, run
from app.sweep import sweep
from app.work.ending import end
from tests.factories import NOON, make_crash, run_enqueued
from tests.job_types import files, row, write


def test_a_job_that_ran_is_finished_with_its_result_in_the_store(services, ask_again, job_type):
    job_type.act = lambda run: (run.expect(7), run.advance(7), write(run, b'["small"]'))[-1]
    job = ask_again()

    run(services, job.id)

    ended = row(services, job)
    assert (ended.state, ended.attempt, ended.started_at, ended.finished_at) == (JobState.FINISHED, 1, NOON, NOON)
    assert (ended.progress_done, ended.progress_total, ended.lease_expires_at) == (7, 7, None)
    assert (ended.result_text, ended.result_size) == (None, 9)
    assert ended.expires_at == NOON + timedelta(seconds=services.config.result_lifetime)
    assert services.storage.get(ended.result_key) == b'["small"]'


@pytest.mark.parametrize(("size", "is_small"), [(attempt.IN_ROW_LIMIT, True), (attempt.IN_ROW_LIMIT + 1, False)])
def test_a_result_up_to_64_kib_lies_in_its_row_and_a_larger_one_in_the_store(
    services, ask_again, job_type, size, is_small
):
    text = "x" * size
    job_type.act = lambda run: run.store(
        "a.json", iter([text[:9].encode(), text[9:].encode()]), "a", "a/b", in_row=True
    )
    job = ask_again()

    run(services, job.id)

    ended = row(services, job)
    assert ended.result_size == size
    assert ended.result_sha256 == sha256(text.encode()).hexdigest()
    assert (ended.result_text, ended.result_key is None) == ((text, True) if is_small else (None, False))
    if not is_small:
        assert services.storage.get(ended.result_key) == text.encode()


def test_a_message_that_comes_twice_makes_one_attempt(services, ask_again, job_type):
    job = ask_again()

    run(services, job.id)
    run(services, job.id)

    assert len(job_type.attempts) == row(services, job).attempt == 1


def test_eight_workers_at_once_make_one_attempt(services, ask_again, job_type):
    job, start = ask_again(), threading.Barrier(8)
    workers = [threading.Thread(target=lambda: (start.wait(), run(services, job.id))) for _ in range(8)]

    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert len(job_type.attempts) == row(services, job).attempt == 1
    assert row(services, job).state == JobState.FINISHED


@pytest.mark.parametrize("job_id", ["0" * 24, "", "é", "x" * 300])
def test_a_message_for_an_unknown_job_does_nothing(services, job_type, job_id):
    run(services, job_id)

    assert job_type.attempts == []


def test_a_worker_that_lost_its_lease_cannot_publish_and_its_files_are_removed(
    services, ask_again, job_type, clock, no_renewals
):
    def act(run_: Run) -> Artefact:
        if (
            len(job_type.attempts) == 1
        ):  # the first worker hangs; the sweep gives the job to a second one, which ends first
            written = write(run_, b'"first"')
            clock.advance(seconds=services.config.job_lease)
            sweep(services)
            run_enqueued(services)
            return written
        return write(run_, b'"second"')

    job_type.act = act
    job = ask_again()
    services.broker.messages.clear()

    run(services, job.id)

    ended = row(services, job)
    assert (len(job_type.attempts), ended.state, ended.attempt) == (2, JobState.FINISHED, 2)
    assert services.storage.get(ended.result_key) == b'"second"'
    assert files(services, job) == [ended.result_key]
    assert ended.result_key.startswith(f"jobs/{job.id}/2-")


def test_a_lost_claim_that_ends_late_leaves_the_result_of_the_claim_that_was_given_its_number(
    services, ask_again, job_type, no_renewals
):
    def act(run_: Run) -> Artefact:
        if len(job_type.attempts) == 1:
            with services.db.write() as session:  # as after a crash of PostgreSQL that forgot the claim
                lost = session.get_one(Job, job.id)
                lost.state, lost.attempt, lost.holder, lost.lease_expires_at = JobState.QUEUED, 0, None, None
            run(services, job.id)
            return write(run_, b'"first"')
        return write(run_, b'"second"')

    job_type.act = act
    job = ask_again()

    run(services, job.id)

    ended = row(services, job)
    assert (len(job_type.attempts), ended.state, ended.attempt) == (2, JobState.FINISHED, 1)
    assert services.storage.get(ended.result_key) == b'"second"'
    assert files(services, job) == [ended.result_key]


def test_a_worker_that_lost_its_lease_and_then_fails_changes_nothing(services, ask_again, job_type, clock, no_renewals):
    def act(run_: Run) -> Artefact:
        if len(job_type.attempts) == 1:
            clock.advance(seconds=services.config.job_lease)
            sweep(services)
            run_enqueued(services)
            raise MalformedLog("too late to matter")
        return write(run_, b'"second"')

    job_type.act = act
    job = ask_again()
    services.broker.messages.clear()

    run(services, job.id)

    assert services.storage.get(row(services, job).result_key) == b'"second"'
    assert files(services, job) == [row(services, job).result_key]


def test_ending_a_job_that_has_just_finished_leaves_its_result(services, ask_again):
    job = ask_again()
    run(services, job.id)

    moved = end(services, WORK, row(services, job), TransientError("seen as overdue just now"))

    assert not moved
    assert services.storage.get(row(services, job).result_key) == b"[1]"


def test_the_lease_is_renewed_and_progress_shown_while_the_work_goes_on(
    services, ask_again, job_type, clock, monkeypatch
):
    monkeypatch.setattr(attempt, "PROGRESS_EVERY", 0.01)

    def act(run_: Run) -> Artefact:
        run_.expect(10)
        run_.advance(4)
        clock.advance(seconds=20)
        for _ in range(100_000):
            seen = row(services, job)
            if seen.lease_expires_at == clock.now + timedelta(seconds=services.config.job_lease):
                break
        assert (seen.progress_done, seen.progress_total) == (4, 10)
        clock.advance(seconds=20)
        sweep(services)
        return write(run_)

    job_type.act = act
    job = ask_again()

    run(services, job.id)

    assert (row(services, job).state, row(services, job).attempt) == (JobState.FINISHED, 1)


def test_a_job_that_ends_while_its_question_is_asked_again_is_the_answer(services, member, monkeypatch):
    crash = make_crash(services, member.app)
    first = service.ask(services, member.user_id, "occurrences", crash.identifier, {})
    real = service.latest_job

    def not_yet_there(*_args: object) -> None:
        run(services, first.id)  # after the look that finds nothing, before the one that finds what was in the way
        monkeypatch.setattr(service, "latest_job", real)

    monkeypatch.setattr(service, "latest_job", not_yet_there)
    monkeypatch.setattr(service, "start_job", lambda *_: False)  # the job was live then
    second = service.ask(services, member.user_id, "occurrences", crash.identifier, {})

    assert (second.id, second.state) == (first.id, JobState.FINISHED)

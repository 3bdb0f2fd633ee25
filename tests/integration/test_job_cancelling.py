"""Cancelling: a queued job, a running one, one that others want too, and freeing what is finished (both databases)."""

import threading
import time
from collections.abc import Iterator

import pytest

from app.db.models.job import Job, JobState
from app.jobs import attempt
from app.jobs.access import JobNotFound
from app.jobs.answering import JobCancelled, JobExpired
from app.jobs.job_type import Artefact, Run
from app.jobs.running import run
from app.jobs.service import ask, look_up
from app.jobs.user_jobs import cancel
from app.services import Services
from app.storage_keys import artefact_key, job_folder
from tests.factories import join, make_crash, make_member
from tests.job_types import NAME, write


@pytest.fixture
def crash(services, member):
    return make_crash(services, member.app)


@pytest.fixture
def job(services, member, crash, job_type) -> Job:
    return ask(services, member.user_id, NAME, crash.identifier, {})


def state(services: Services, job: Job) -> JobState:
    with services.db.read() as session:
        return session.get_one(Job, job.id).state


def files(services: Services, job: Job) -> list[str]:
    return [stat.key for stat in services.storage.list(job_folder(job.id))]


def test_a_queued_job_is_cancelled_and_never_runs(services, member, job, job_type):
    assert cancel(services, member.user_id, job.id).state == JobState.CANCELLED

    run(services, job.id)

    assert job_type.attempts == []
    assert state(services, job) == JobState.CANCELLED


def test_a_cancelled_job_is_gone_by_its_id_and_asking_without_it_starts_afresh(services, member, crash, job, clock):
    cancel(services, member.user_id, job.id)
    clock.advance(seconds=1)

    with pytest.raises(JobCancelled):
        ask(services, member.user_id, NAME, crash.identifier, {"job_id": job.id})
    fresh = ask(services, member.user_id, NAME, crash.identifier, {})

    assert (fresh.id != job.id, fresh.state) == (True, JobState.QUEUED)


def test_asking_afresh_at_the_very_time_of_the_cancel_gets_the_new_job(services, member, crash, job_type, clock):
    for number in range(8):  # ids are random, so that one of these sorts before and one after its successor
        old = ask(services, member.user_id, NAME, crash.identifier, {"about": str(number)})
        cancel(services, member.user_id, old.id)

        assert ask(services, member.user_id, NAME, crash.identifier, {"about": str(number)}).id != old.id


def test_a_running_job_stops_at_its_next_chunk_and_its_files_are_gone(services, member, job, job_type, monkeypatch):
    monkeypatch.setattr(attempt, "PROGRESS_EVERY", 0.01)
    written = []

    def chunks(run_: Run) -> Iterator[bytes]:
        run_.preview(b"[0]")
        cancel(services, member.user_id, job.id)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            run_.advance(1)
            yield b"x"
        written.append("to the end")

    job_type.act = lambda run_: run_.store("result.json", chunks(run_), "result.json", "application/json")
    run(services, job.id)

    assert len(job_type.attempts) == 1
    assert written == []
    assert state(services, job) == JobState.CANCELLED
    assert files(services, job) == []


def test_a_job_cancelled_just_before_it_ends_publishes_nothing(services, member, job, job_type):
    def act(run_: Run) -> Artefact:
        written = write(run_)
        cancel(services, member.user_id, job.id)
        run_.storage.put_bytes(artefact_key(job.id, run_.rows[0].attempt_name, "late.json"), b"late")
        return written

    job_type.act = act

    run(services, job.id)

    assert state(services, job) == JobState.CANCELLED
    assert files(services, job) == []


def test_a_preview_of_a_cancelled_job_ends_the_attempt_at_once(services, member, job, job_type):
    def act(run_: Run) -> Artefact:
        cancel(services, member.user_id, job.id)
        run_.preview(b"[0]")
        raise AssertionError("unreachable")

    job_type.act = act

    run(services, job.id)

    assert state(services, job) == JobState.CANCELLED
    assert files(services, job) == []


def test_cancelling_a_shared_job_only_leaves_it_and_the_last_one_to_leave_stops_it(services, member, crash, job):
    other = join(services, "bob@example.com", member.app)
    ask(services, other.user_id, NAME, crash.identifier, {})

    left = cancel(services, member.user_id, job.id)

    assert (left.state, state(services, job)) == (JobState.QUEUED, JobState.QUEUED)
    with pytest.raises(JobNotFound):
        look_up(services, member.user_id, job.id)
    assert cancel(services, other.user_id, job.id).state == JobState.CANCELLED


def test_nobody_who_joins_a_job_as_its_last_asker_leaves_is_left_with_a_cancelled_one(
    services, member, crash, job_type
):
    other = join(services, "bob@example.com", member.app)
    for number in range(20):
        query, start = {"about": str(number)}, threading.Barrier(2)
        job = ask(services, member.user_id, NAME, crash.identifier, query)
        joined: list[Job] = []

        def leave(job_id=job.id, start=start) -> None:
            start.wait()
            cancel(services, member.user_id, job_id)

        def come(query=query, start=start, joined=joined) -> None:
            start.wait()
            joined.append(ask(services, other.user_id, NAME, crash.identifier, query))

        both = [threading.Thread(target=leave), threading.Thread(target=come)]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()

        assert [state(services, one) for one in joined] == [JobState.QUEUED]
        cancel(services, other.user_id, joined[0].id)


def test_leaving_a_finished_shared_job_keeps_its_files_for_the_others(services, member, crash, job):
    other = join(services, "bob@example.com", member.app)
    ask(services, other.user_id, NAME, crash.identifier, {})
    run(services, job.id)

    cancel(services, member.user_id, job.id)

    finished = ask(services, other.user_id, NAME, crash.identifier, {"job_id": job.id})
    assert finished.state == JobState.FINISHED
    assert files(services, job) == [finished.result_key]


def test_a_finished_job_is_freed_of_its_files_and_is_gone_by_its_id(services, member, crash, job, clock):
    run(services, job.id)

    freed = cancel(services, member.user_id, job.id)

    assert (freed.state, freed.result_text, files(services, job)) == (JobState.EXPIRED, None, [])
    with pytest.raises(JobExpired):
        ask(services, member.user_id, NAME, crash.identifier, {"job_id": job.id})
    clock.advance(seconds=1)
    assert ask(services, member.user_id, NAME, crash.identifier, {}).id != job.id


def test_cancelling_twice_changes_nothing(services, member, job, clock):
    first = cancel(services, member.user_id, job.id)
    clock.advance(hours=1)

    second = cancel(services, member.user_id, job.id)

    assert (second.state, second.finished_at, second.expires_at) == (first.state, first.finished_at, first.expires_at)


@pytest.mark.parametrize("job_id", ["0" * 24, "nonsense", "\0", ""])
def test_an_unknown_job_cannot_be_cancelled(services, member, job_id):
    with pytest.raises(JobNotFound):
        cancel(services, member.user_id, job_id)


def test_a_job_of_others_cannot_be_cancelled(services, member, job):
    stranger = make_member(services, "mallory@example.com")

    with pytest.raises(JobNotFound):
        cancel(services, stranger.user_id, job.id)

    assert state(services, job) == JobState.QUEUED

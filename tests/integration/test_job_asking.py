"""Asking for a job: equal questions are one job, and which job answers a question (both databases)."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app.db.models.job import Job, JobState
from app.errors import BadParameters
from app.jobs.access import CrashNotFound, CrashNotVisible, JobNotFound
from app.jobs.answering import JobExpired, JobFailed
from app.jobs.running import WORK, run
from app.jobs.service import ask, read_request, start
from app.jobs.user_jobs import cancel
from app.queueing.broker import RUN_JOB
from app.services import Services
from app.work.ending import end
from tests.factories import NOON, add_newer, join, make_crash, make_member, run_enqueued

LIST = "occurrences"


@pytest.fixture
def crash(services, member):
    return make_crash(services, member.app, occurrences=3)


def count_jobs(services: Services) -> int:
    with services.db.read() as session:
        return session.scalar(select(func.count()).select_from(Job)) or 0


def test_the_first_question_queues_a_job_and_sends_one_message(services, member, crash):
    job = ask(services, member.user_id, LIST, crash.identifier, {})

    assert (job.state, job.attempt, job.progress_total) == (JobState.QUEUED, 0, 3)
    assert services.broker.messages == [(RUN_JOB, job.id)]


def test_equal_questions_are_one_job_from_queue_to_result(services, member, crash, run_workers):
    first = ask(services, member.user_id, LIST, crash.identifier, {})
    queued = ask(services, member.user_id, LIST, crash.identifier, {"since_date": ""})
    run_workers()
    finished = ask(services, member.user_id, LIST, crash.identifier, {"format": "of no meaning here"})

    assert first.id == queued.id == finished.id
    assert finished.state == JobState.FINISHED
    assert count_jobs(services) == 1


def test_a_different_question_is_another_job(services, member, crash):
    questions = [{}, {"page": "1"}, {"page": "2"}, {"since_date": "2018-09-13"}, {"until_date": "2018-09-13"}]

    jobs = {ask(services, member.user_id, LIST, crash.identifier, question).id for question in questions}

    assert len(jobs) == count_jobs(services) == len(services.broker.messages) == 5


def test_twenty_equal_questions_at_once_make_one_job(services, member, crash):
    start, found, failed = threading.Barrier(20), [], []

    def ask_at_once() -> None:
        start.wait()
        try:
            found.append(ask(services, member.user_id, LIST, crash.identifier, {}).id)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=ask_at_once) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert len(found) == 20
    assert len(set(found)) == count_jobs(services) == 1
    assert services.broker.messages == [(RUN_JOB, found[0])]


def test_another_member_joins_the_same_job(services, member, crash, run_workers):
    other = join(services, "bob@example.com", member.app)

    first = ask(services, member.user_id, LIST, crash.identifier, {})
    second = ask(services, other.user_id, LIST, crash.identifier, {})
    run_workers()
    third = join(services, "eve@example.com", member.app)

    assert first.id == second.id == ask(services, third.user_id, LIST, crash.identifier, {}).id
    assert ask(services, third.user_id, LIST, crash.identifier, {"job_id": first.id}).id == first.id


@pytest.mark.parametrize(
    ("newer", "seconds", "is_same"),
    [
        (False, 0, True),
        (False, 3_600, True),
        (False, 86_400 - 301, True),  # just before a link would be nearly expired
        (False, 86_400 - 299, False),
        (False, 86_400, False),
        (True, 0, True),
        (True, 29, True),
        (True, 31, False),
    ],
)
def test_a_finished_result_answers_while_it_is_true_or_thirty_seconds_old(
    services, member, crash, clock, run_workers, newer, seconds, is_same
):
    first = ask(services, member.user_id, LIST, crash.identifier, {})
    run_workers()
    if newer:
        add_newer(services, crash)
    clock.advance(seconds=seconds)

    again = ask(services, member.user_id, LIST, crash.identifier, {})

    assert (again.id == first.id) is is_same
    assert again.state == (JobState.FINISHED if is_same else JobState.QUEUED)


def test_a_poller_sees_a_result_however_fast_new_crashes_come(services, member, crash, clock):
    for _ in range(5):
        job = ask(services, member.user_id, LIST, crash.identifier, {})
        add_newer(services, crash, NOON + timedelta(hours=1))
        run(services, job.id)
        add_newer(services, crash, NOON + timedelta(hours=2))
        clock.advance(seconds=10)

        assert ask(services, member.user_id, LIST, crash.identifier, {}).state == JobState.FINISHED
        clock.advance(seconds=31)


def test_a_job_id_asks_for_that_very_job_although_a_newer_one_is_there(services, member, crash, clock, run_workers):
    old = ask(services, member.user_id, LIST, crash.identifier, {})
    run_workers()
    add_newer(services, crash)
    clock.advance(minutes=1)
    new = ask(services, member.user_id, LIST, crash.identifier, {})

    asked = ask(services, member.user_id, LIST, crash.identifier, {"job_id": old.id})

    assert new.id != old.id == asked.id


@pytest.mark.parametrize("job_id", ["0" * 24, "x", "0" * 25, "A" * 24, "\0", "../" * 8, "\ud800"])
def test_an_unknown_job_id_is_not_found(services, member, crash, job_id):
    with pytest.raises(JobNotFound):
        ask(services, member.user_id, LIST, crash.identifier, {"job_id": job_id})


def test_another_questions_job_id_is_not_found(services, member, crash):
    job = ask(services, member.user_id, LIST, crash.identifier, {})

    with pytest.raises(JobNotFound):
        ask(services, member.user_id, LIST, crash.identifier, {"job_id": job.id, "page": "1"})


def test_the_job_id_of_somebody_who_asked_alone_is_not_found(services, member, crash):
    other = join(services, "bob@example.com", member.app)
    job = ask(services, member.user_id, LIST, crash.identifier, {})

    with pytest.raises(JobNotFound):
        ask(services, other.user_id, LIST, crash.identifier, {"job_id": job.id})


def test_a_job_id_past_its_expiry_is_gone(services, member, crash, clock, run_workers):
    job = ask(services, member.user_id, LIST, crash.identifier, {})
    run_workers()
    clock.advance(seconds=services.config.result_lifetime)

    with pytest.raises(JobExpired):
        ask(services, member.user_id, LIST, crash.identifier, {"job_id": job.id})


@pytest.mark.parametrize("identifier", ["0" * 24, "occurrences", "", "\0" * 24, "A" * 24])
def test_an_unknown_crash_is_not_found(services, member, identifier):
    with pytest.raises(CrashNotFound):
        ask(services, member.user_id, LIST, identifier, {})


def test_the_crash_of_an_app_of_others_is_not_visible(services, member, crash):
    stranger = make_member(services, "mallory@example.com")

    with pytest.raises(CrashNotVisible):
        ask(services, stranger.user_id, LIST, crash.identifier, {})
    assert count_jobs(services) == 0


def test_a_senseless_question_makes_no_job(services, member, crash):
    with pytest.raises(BadParameters, match="since_date"):
        ask(services, member.user_id, LIST, crash.identifier, {"since_date": "2018-02-30"})

    assert count_jobs(services) == 0


def test_a_failure_answers_for_a_minute_and_is_then_begun_afresh(services, member, crash, clock):
    job = ask(services, member.user_id, LIST, crash.identifier, {})
    with services.db.write() as session:
        running = session.get_one(Job, job.id)
        running.state, running.lease_expires_at = JobState.RUNNING, services.now() + timedelta(minutes=1)
    end(services, WORK, running, BadParameters("broken on purpose"))

    clock.advance(seconds=59)
    with pytest.raises(JobFailed, match="broken on purpose"):
        ask(services, member.user_id, LIST, crash.identifier, {})
    clock.advance(seconds=1)
    fresh = ask(services, member.user_id, LIST, crash.identifier, {})

    assert fresh.id != job.id
    with pytest.raises(JobFailed, match="broken on purpose"):
        ask(services, member.user_id, LIST, crash.identifier, {"job_id": job.id})


def test_a_question_looked_up_before_another_job_lived_its_whole_life_gets_that_jobs_answer(services, member):
    """A stampede's latecomer: it saw no job, and by the time it begins one the answer is there."""
    crash = make_crash(services, member.app)
    job = ask(services, member.user_id, "occurrences", crash.identifier, {})
    run_enqueued(services)
    request = read_request("occurrences", crash.identifier, {})

    late = start(services, member.user_id, request, crash)

    assert (late.id, late.state) == (job.id, JobState.FINISHED)


def test_a_freed_answer_keeps_nobody_from_a_new_one(services, member):
    crash = make_crash(services, member.app)
    job = ask(services, member.user_id, "occurrences", crash.identifier, {})
    run_enqueued(services)
    cancel(services, member.user_id, job.id)

    assert ask(services, member.user_id, "occurrences", crash.identifier, {}).id != job.id

"""The list of a crash with few occurrences ends its job by one statement (PostgreSQL)."""

import hashlib
from datetime import timedelta

import pytest

from app.broker import LONG, SHORT
from app.db.finishing import finish_with_list
from app.db.job import Job, JobState
from app.db.job_steps import claim_next
from app.jobs.service import ask, cancel
from tests.factories import make_crash, run_rings
from tests.integration.test_poll_cost import statements
from tests.job_kinds import files, row


@pytest.fixture
def database_url(postgres_database) -> str:
    return postgres_database


@pytest.fixture
def crash(services, member):
    return make_crash(services, member.app, occurrences=3)


@pytest.fixture
def job(services, member, crash) -> Job:
    return ask(services, member.user_id, "occurrences", crash.identifier, {})


def begin(services) -> Job:
    now = services.now()
    lease = now + timedelta(seconds=30)
    begun = claim_next(services.db, "", SHORT, now, worker="w", lease_expires_at=lease, bounded=LONG, at_once=1)
    assert begun is not None
    return begun


def finish(services, begun: Job, most: int = 64 * 1024):
    now = services.now()
    assert begun.crash_id is not None
    return finish_with_list(
        services.db,
        begun.id,
        begun.attempt,
        begun.crash_id,
        finished_at=now,
        expires_at=now + timedelta(hours=1),
        filename="list.json",
        media_type="application/json",
        most=most,
    )


def test_a_small_job_is_begun_and_ended_by_a_statement_each(services, job):
    with statements(services) as sent:
        run_rings(services)

    assert row(services, job).state == JobState.FINISHED
    assert len(sent) == 3  # the third finds no other job


def test_the_row_tells_of_the_list_what_is_true_of_it(services, member, crash, job):
    run_rings(services)

    ended = row(services, job)
    text = str(ended.result_text)
    assert text.count('"log_id"') == 3
    assert (ended.result_size, ended.result_sha256) == (len(text), hashlib.sha256(text.encode()).hexdigest())
    assert (ended.progress_done, ended.progress_total, ended.data_revision) == (3, 3, crash.revision)
    assert (ended.result_filename, ended.result_media_type) == (
        f"{crash.identifier}-occurrences.json",
        "application/json",
    )
    assert (ended.result_key, ended.lease_expires_at, files(services, job)) == (None, None, [])


def test_a_list_that_is_too_large_for_a_row_changes_nothing(services, job):
    begun = begin(services)

    assert finish(services, begun, most=1) is None
    assert row(services, job).state == JobState.RUNNING


def test_a_job_that_was_cancelled_meanwhile_stays_so(services, member, job):
    begun = begin(services)
    cancel(services, member.user_id, job.id)

    assert finish(services, begun) is None
    assert row(services, job).state == JobState.CANCELLED


def test_an_attempt_that_another_has_followed_ends_nothing(services, job):
    begun = begin(services)
    begun.attempt -= 1

    assert finish(services, begun) is None
    assert row(services, job).state == JobState.RUNNING

"""The list of a crash with few occurrences is made, and its job ended, by the statement that would begin it (PostgreSQL)."""

import hashlib
import json
from datetime import timedelta

import pytest

from app.db.driver_pool import DriverConnection
from app.db.hot.job_claim import Finish
from app.db.hot.short_list import CLAIM_OR_FINISH, ClaimedOrFinished, claim_or_finish
from app.db.models.job import Job, JobState, move
from app.jobs import running
from app.jobs.attempt import IN_ROW_LIMIT
from app.jobs.service import ask
from app.jobs.types.occurrences import SHORT_LIST
from app.jobs.user_jobs import cancel
from app.queueing.broker import LONG, SHORT
from tests.factories import NOON, make_crash, make_member, run_enqueued
from tests.integration.test_poll_cost import statements
from tests.job_types import NAME, files, row

pytestmark = pytest.mark.about_speed("lists-at-claim")


@pytest.fixture
def database_url(postgres_database) -> str:
    return postgres_database


@pytest.fixture
def crash(services, member):
    return make_crash(services, member.app, occurrences=3)


@pytest.fixture
def job(services, member, crash) -> Job:
    return ask(services, member.user_id, "occurrences", crash.identifier, {})


def begin(services, most: int = IN_ROW_LIMIT) -> ClaimedOrFinished | None:
    now = services.now()
    return claim_or_finish(
        services.db,
        "",
        SHORT,
        now,
        expires_at=now + timedelta(hours=1),
        most=most,
        short=SHORT_LIST,
        worker="w",
        lease_expires_at=now + timedelta(seconds=30),
        bounded=LONG,
        at_once=1,
    )


def test_a_small_job_is_begun_and_ended_by_one_statement(services, job):
    with statements(services) as sent:
        run_enqueued(services)

    assert row(services, job).state == JobState.FINISHED
    assert len(sent) == 2  # the second finds no other job


def test_the_row_tells_of_the_list_what_is_true_of_it(services, member, crash, job):
    run_enqueued(services)

    ended = row(services, job)
    text = str(ended.result_text)
    assert text.count('"log_id"') == 3
    assert (ended.result_size, ended.result_sha256) == (len(text), hashlib.sha256(text.encode()).hexdigest())
    assert (ended.progress_done, ended.progress_total, ended.data_revision) == (3, 3, crash.revision)
    assert (ended.attempt, ended.failures, ended.started_at, ended.finished_at) == (1, 0, NOON, NOON)
    assert ended.expires_at == NOON + timedelta(seconds=services.config.result_lifetime)
    assert (ended.result_filename, ended.result_media_type) == (
        f"{crash.identifier}-occurrences.json",
        "application/json",
    )
    assert (ended.result_key, ended.lease_expires_at, files(services, job)) == (None, None, [])


def test_it_is_the_list_that_the_long_way_makes(services, member, crash, job, monkeypatch):
    run_enqueued(services)
    at_once = row(services, job).result_text
    monkeypatch.setattr(running, "SHORT_LIST", SHORT_LIST._replace(kind="none"))
    other = ask(services, member.user_id, "occurrences", crash.identifier, {"until_date": "2030-01-01"})
    run_enqueued(services)

    assert at_once == row(services, other).result_text


def test_an_empty_crash_has_an_empty_list(services, member):
    crash = make_crash(services, member.app, occurrences=0, newest=NOON)
    job = ask(services, member.user_id, "occurrences", crash.identifier, {})

    run_enqueued(services)

    assert (row(services, job).state, row(services, job).result_text) == (JobState.FINISHED, "[]")


@pytest.mark.parametrize("query", [{"since_date": "2018-09-12"}, {"page": "1"}, {"per_page": "2"}])
def test_another_question_about_the_crash_is_only_begun(services, member, crash, query):
    asked = ask(services, member.user_id, "occurrences", crash.identifier, query)

    begun = begin(services)

    assert begun is not None
    assert (begun.job.id, begun.finish, begun.job.attempt) == (asked.id, None, 1)
    begun_row = row(services, asked)
    assert (begun_row.state, begun_row.holder, begun_row.progress_total) == (JobState.RUNNING, "w", 3)
    assert (begun_row.finished_at, begun_row.result_text, begun_row.result_filename) == (None, None, None)
    assert begun_row.lease_expires_at == NOON + timedelta(seconds=30)


def test_a_job_of_another_kind_is_only_begun(services, member, crash, job_type):
    asked = ask(services, member.user_id, NAME, crash.identifier, {})

    begun = begin(services)

    assert begun is not None
    assert (begun.job.id, begun.finish, row(services, asked).state) == (asked.id, None, JobState.RUNNING)


def test_a_list_that_is_too_large_for_a_row_is_only_begun(services, job):
    begun = begin(services, most=1)

    assert begun is not None
    assert begun.finish is None
    assert row(services, job).state == JobState.RUNNING


def test_a_job_that_has_a_failure_takes_the_long_way(services, job):
    with services.db.write() as session:
        assert move(session, job.id, (JobState.QUEUED,), failures=1)

    begun = begin(services)

    assert begun is not None
    assert begun.finish is None


def test_a_cancelled_job_is_not_claimed(services, member, job):
    cancel(services, member.user_id, job.id)

    assert begin(services) is None
    assert row(services, job).state == JobState.CANCELLED


def test_tenants_have_a_fair_share_at_short_lists_too(services, member):
    other = make_member(services, "grace@example.com", "Maps")
    crashes = [
        (who, make_crash(services, who.app, newest=NOON - timedelta(days=10 * number)))
        for number, who in enumerate((member, member, member, other))
    ]
    asked = [ask(services, who.user_id, "occurrences", crash.identifier, {}) for who, crash in crashes]

    begun = [begin(services) for _ in asked]

    assert [one and one.job.app_id for one in begun] == [member.app.id, other.app.id, member.app.id, member.app.id]
    assert all(one and isinstance(one.finish, Finish) for one in begun)


def test_a_list_that_breaks_the_statement_is_made_the_long_way(services, job, lines, monkeypatch):
    first = DriverConnection.first

    def break_it(driver: DriverConnection, statement, **values):
        if statement is CLAIM_OR_FINISH:
            raise ZeroDivisionError
        return first(driver, statement, **values)

    monkeypatch.setattr(DriverConnection, "first", break_it)
    run_enqueued(services)

    assert row(services, job).state == JobState.FINISHED
    told = [json.loads(line)["event"] for line in lines.getvalue().splitlines()]
    assert told == ["short_list_broke", "job_started", "job_finished", "short_list_broke"]

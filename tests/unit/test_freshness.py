"""The rule of freshness: which jobs answer a request that names none (wire contract, section 3)."""

from datetime import UTC, datetime, timedelta

import pytest

from app.db.hot.poll import FoundJob
from app.db.models.job import JobState
from app.jobs.answering import is_expired, still_answers

NOW = datetime(2018, 9, 13, 12, tzinfo=UTC)
DAY = 86_400  # seconds


REVISION = 7  # of what every job here has read
CURRENT, CHANGED = REVISION, REVISION + 1


def job(state: JobState, ended_ago: float | None = None, expires_in: float | None = None) -> FoundJob:
    """A job that ended so many seconds ago, whose result expires in so many."""
    ended_at = None if ended_ago is None else NOW - timedelta(seconds=ended_ago)
    expires_at = None if expires_in is None else NOW + timedelta(seconds=expires_in)
    return FoundJob("0" * 24, "occurrences", 1, state, NOW, 0, 0, ended_at, expires_at, data_revision=REVISION)


@pytest.mark.parametrize("revision", [CURRENT, CHANGED])
@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING])
def test_a_live_job_is_joined(state, revision):
    assert still_answers(job(state), NOW, revision)


@pytest.mark.parametrize(
    ("ended_ago", "expires_in", "while_current", "with_newer_rows"),
    [
        (0, DAY, True, True),
        (29, DAY, True, True),
        (29.999, DAY, True, True),
        (30, DAY, True, False),
        (31, DAY, True, False),
        (3_600, DAY, True, False),
        (29, 1, True, True),  # a result is seen at least once, however soon it expires
        (29, 0, False, False),
        (29, -1, False, False),
        (31, 301, True, False),
        (31, 300, False, False),  # its link would not be worth having
        (31, 0, False, False),
    ],
)
def test_a_result_answers_while_it_is_current_or_thirty_seconds_old(
    ended_ago, expires_in, while_current, with_newer_rows
):
    finished = job(JobState.FINISHED, ended_ago, expires_in)

    assert still_answers(finished, NOW, CURRENT) is while_current
    assert still_answers(finished, NOW, CHANGED) is with_newer_rows


@pytest.mark.parametrize("revision", [CURRENT, CHANGED])
@pytest.mark.parametrize(("ended_ago", "answers"), [(0, True), (59.999, True), (60, False), (61, False)])
def test_a_failure_answers_for_a_minute(ended_ago, answers, revision):
    assert still_answers(job(JobState.FAILED, ended_ago, DAY), NOW, revision) is answers


@pytest.mark.parametrize("state", [JobState.CANCELLED, JobState.EXPIRED])
def test_a_job_without_a_result_does_not_answer(state):
    assert not still_answers(job(state, 0, DAY), NOW, CURRENT)


def test_a_result_that_notes_no_revision_shows_what_never_changes():
    noted_none = job(JobState.FINISHED, 31, DAY)._replace(data_revision=None)

    assert still_answers(noted_none, NOW, 0)
    assert not still_answers(noted_none, NOW, 1)


def test_a_result_has_expired_from_that_time_on():
    assert [is_expired(job(JobState.FINISHED, 1, left), NOW) for left in (None, 1, 0, -1)] == [False, False, True, True]

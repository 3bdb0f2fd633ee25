"""A worker that cannot reach the database pauses ever longer, and tells of it once."""

import logging

import pytest
import structlog
from structlog.testing import capture_logs

from app.errors import TransientError
from workers.tasks import OutageBackoff


def away() -> None:
    raise TransientError


def well() -> None:
    pass


def broken() -> None:
    raise ValueError("a bug")


@pytest.fixture(autouse=True)
def _every_level() -> None:
    """A command that ran before may have left a higher one."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET))


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def backoff(pauses) -> OutageBackoff:
    return OutageBackoff(sleep=pauses.append)


def test_what_succeeds_is_not_paused_for(backoff, pauses):
    backoff.perform("digest_log", well)

    assert pauses == []


def test_pauses_grow_from_half_a_second_to_ten(backoff, pauses):
    for _ in range(7):
        backoff.perform("digest_log", away)

    assert pauses == [0.5, 1, 2, 4, 8, 10, 10]


def test_the_first_success_ends_the_outage(backoff, pauses):
    for work in (away, away, well, away):
        backoff.perform("digest_log", work)

    assert pauses == [0.5, 1, 0.5]


def test_what_another_task_achieves_ends_no_outage_of_this_one(backoff, pauses):
    for task, work in [("digest_log", away), ("push", well), ("digest_log", away)]:
        backoff.perform(task, work)

    assert pauses == [0.5, 1]


def test_an_outage_is_one_line_when_it_begins_and_one_when_it_is_over(backoff):
    with capture_logs() as told:
        for work in (*[away] * 1800, well, well):
            backoff.perform("digest_log", work)

    assert [(line["event"], line["task"]) for line in told] == [
        ("task_put_off", "digest_log"),
        ("task_goes_on", "digest_log"),
    ]
    assert told[1]["failures"] == 1800


def test_a_bug_leaves_no_task_and_is_not_paused_for(backoff, pauses):
    with capture_logs() as told:
        backoff.perform("digest_log", broken)

    assert [line["event"] for line in told] == ["task_broke"]
    assert pauses == []

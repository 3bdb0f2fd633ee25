"""When a job is looked for that somebody waits for: as long after its beginning as such jobs take at present."""

import time
from contextlib import contextmanager, nullcontext

import pytest

from app.web.api import brief_wait, waiting
from app.web.api.brief_wait import MOST, YOUNG, Recent
from app.web.api.waiting import BRIEF_WAIT, LEARNT_FOR, NO_JOB_TAKES, Pace, WaitingRoom


@pytest.fixture
def clock(monkeypatch):
    """Seconds that go by as somebody sleeps, in a list of one."""
    now = [100.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    for module in (brief_wait, waiting):
        monkeypatch.setattr(module, "time", type("Time", (), {"monotonic": lambda: now[0], "sleep": sleep}))
    return now


def looks_of(clock, *, ends_at: float, age: float = 0.0, pace: Pace | None = None, seconds: float = 1.0) -> list[float]:
    """The ages of a job at which a request that comes at an age looks for it."""
    looks, began = [], clock[0] - age

    def is_over() -> bool:
        looks.append(clock[0] - began)
        return looks[-1] >= ends_at

    WaitingRoom(1, 0.5, pace or Pace(), nullcontext).wait(seconds, "list", age, is_over)
    return looks


def test_the_first_look_comes_when_a_job_may_be_done(clock):
    assert looks_of(clock, ends_at=0.0) == pytest.approx([NO_JOB_TAKES])


def test_a_request_that_comes_later_than_that_looks_at_once(clock):
    assert looks_of(clock, ends_at=0.0, age=0.1) == pytest.approx([0.1])


def test_seven_of_ten_first_looks_find_the_job_done(clock):
    pace, found = Pace(), 0
    durations = [0.004 + 0.00001 * (number * 37 % 1000) for number in range(3000)]  # 4 to 14 ms, in no order
    for duration in durations:
        found += len(looks_of(clock, ends_at=duration, pace=pace)) == 1

    assert 0.65 < found / len(durations) < 0.75


def test_what_takes_longer_than_the_brief_wait_is_not_waited_for_longer(clock):
    pace = Pace()
    for _ in range(100):
        looks_of(clock, ends_at=0.5, pace=pace)

    assert pace.of("list") == BRIEF_WAIT


def test_each_kind_has_its_own_pace(clock):
    pace = Pace()
    looks_of(clock, ends_at=0.5, pace=pace)

    assert (pace.of("list") > NO_JOB_TAKES, pace.of("report")) == (True, NO_JOB_TAKES)


def test_what_was_learnt_in_a_busy_second_is_forgotten_in_a_quiet_one(clock):
    pace = Pace()
    looks_of(clock, ends_at=0.5, pace=pace)
    clock[0] += LEARNT_FOR

    assert pace.of("list") == NO_JOB_TAKES


def test_a_look_at_a_job_that_ended_before_one_came_teaches_nothing(clock):
    pace = Pace()
    looks_of(clock, ends_at=0.0, age=0.1, pace=pace)

    assert pace.of("list") == NO_JOB_TAKES


def test_a_thread_that_sleeps_rests_and_one_that_looks_does_not(clock):
    resting = []

    @contextmanager
    def rest():
        resting.append(True)
        yield
        resting.append(False)

    looks = iter([False, True])
    WaitingRoom(1, 0.5, Pace(), rest).wait(1, "list", 0.0, lambda: (resting.append("look"), next(looks))[1])

    assert resting == [True, False, "look", True, False, "look"]


def test_a_question_is_recent_while_its_job_is_young(clock):
    recent = Recent()
    recent.note("mine", 0.01)

    ages = [recent.age("mine")]
    clock[0] += 0.1
    ages.append(recent.age("mine"))
    clock[0] += YOUNG

    assert ages == pytest.approx([0.01, 0.11])
    assert (recent.age("mine"), recent.age("another")) == (None, None)


def test_a_question_about_an_older_job_is_not_remembered(clock):
    recent = Recent()
    recent.note("mine", YOUNG)

    assert recent.age("mine") is None


def test_an_answered_question_is_forgotten(clock):
    recent = Recent()
    recent.note("mine", 0.0)
    recent.forget("mine")
    recent.forget("mine")

    assert recent.age("mine") is None


def test_only_so_many_questions_are_remembered_the_latest_of_them():
    recent = Recent()
    for number in range(MOST + 5):
        recent.note(number, 0.0)

    assert [recent.age(number) is None for number in (4, 5)] == [True, False]


def test_the_brief_wait_is_short():
    begun = time.monotonic()
    WaitingRoom(1, 0.5, Pace(), nullcontext).wait(BRIEF_WAIT, "list", 0.0, lambda: False)

    assert time.monotonic() - begun >= BRIEF_WAIT

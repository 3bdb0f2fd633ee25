"""Pauses grow, vary, never come sooner than asked, and end."""

import pytest

from app.client.errors import BadAnswer, Busy, OutOfTime, Unreachable
from app.client.patience import LONGEST_PAUSE, Limits, Patience
from tests.client_clock import FakeClock


def patience(clock: FakeClock, **limits: float) -> Patience:
    return Patience(Limits(**limits), clock, lambda *_: None)


def test_pauses_grow_to_their_bound():
    clock = FakeClock()
    kept = patience(clock, patience=10_000)

    for _ in range(12):
        kept.after(Unreachable("away"))

    assert 0.25 <= clock.slept[0] <= 0.5
    assert clock.slept[3] > clock.slept[0]
    assert LONGEST_PAUSE / 2 <= min(clock.slept[-3:]) <= max(clock.slept) <= LONGEST_PAUSE
    assert len(set(clock.slept)) == 12


def test_an_outage_that_lasts_too_long_is_raised():
    clock = FakeClock()
    kept = patience(clock, patience=20)
    problem = Unreachable("away")

    def meet_it_for_ever() -> None:
        while True:
            kept.after(problem)

    with pytest.raises(Unreachable) as caught:
        meet_it_for_ever()

    assert caught.value is problem
    assert 5 < sum(clock.slept) <= 20


def test_after_progress_the_next_outage_is_a_new_one():
    clock = FakeClock()
    kept = patience(clock, patience=3)

    for _ in range(50):
        kept.after(Unreachable("away"))
        clock.time += 100
        kept.progressed()

    assert max(clock.slept) <= 0.5


def test_what_the_server_asks_for_is_the_least_pause():
    clock = FakeClock()

    patience(clock).after(Busy(429, "slowly", retry_after=7))

    assert 7 <= clock.slept[0] <= 8


def test_a_pause_that_is_longer_than_the_patience_is_not_begun():
    clock = FakeClock()

    with pytest.raises(Busy):
        patience(clock, patience=60).after(Busy(503, "tomorrow", retry_after=3_600))

    assert clock.slept == []


def test_without_patience_the_first_error_is_raised():
    with pytest.raises(Unreachable):
        patience(FakeClock(), patience=0).after(Unreachable("away"))


def test_what_will_not_pass_is_raised_at_once():
    with pytest.raises(BadAnswer):
        patience(FakeClock()).after(BadAnswer("nonsense"))


def test_the_deadline_counts_from_the_start_of_the_call():
    clock = FakeClock()
    kept = patience(clock, deadline=10)
    clock.time += 6
    kept.sleep(3)

    with pytest.raises(OutOfTime):
        kept.sleep(1)

    clock.time += 1
    with pytest.raises(OutOfTime):
        kept.check()

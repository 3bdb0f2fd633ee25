"""A debouncer calls at once after a pause, seldom under load, and always for the last value (`app.queueing.debounced_broker`)."""

import threading
import time

from app.queueing.debounced_broker import Debouncer
from tests.at_once import at_once

EVERY = 0.05  # seconds


class Calls:
    """The values that a debouncer called this with, and when; from any thread."""

    def __init__(self) -> None:
        self.made: list[tuple[float, str]] = []
        self._changed = threading.Condition()

    def __call__(self, row_id: str) -> None:
        with self._changed:
            self.made.append((time.monotonic(), row_id))
            self._changed.notify_all()

    def wait_for(self, row_id: str) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: any(row == row_id for _, row in self.made), timeout=10)


def test_the_first_call_after_a_pause_is_made_at_once_in_the_callers_thread():
    calls = Calls()

    Debouncer(calls, every=3_600).call("1")

    assert [row for _, row in calls.made] == ["1"]


def test_calls_close_upon_each_other_become_one_for_the_last_of_them():
    calls = Calls()
    debouncer = Debouncer(calls, every=EVERY)

    for number in range(100):
        debouncer.call(str(number))

    assert calls.wait_for("99")
    assert len(calls.made) < 10
    assert calls.made[0][1] == "0"


def test_calls_are_few_however_many_threads_make_them_and_the_last_one_goes_through():
    calls, begun = Calls(), time.monotonic()
    debouncer = Debouncer(calls, every=EVERY)

    raised = at_once(8, lambda index: [debouncer.call(f"{index}-{number}") for number in range(2_000)])
    debouncer.call("last")

    assert raised == []
    assert calls.wait_for("last")
    assert len(calls.made) <= (time.monotonic() - begun) / EVERY + 2
    assert calls.made[-1][1] == "last"


def test_after_the_last_call_was_answered_the_next_one_is_made_at_once():
    calls = Calls()
    debouncer = Debouncer(calls, every=3_600)

    debouncer.call("1")
    debouncer.answered(lambda row: row == "1")
    debouncer.call("2")

    assert [row for _, row in calls.made] == ["1", "2"]


def test_an_answer_to_another_call_than_the_last_changes_nothing():
    calls = Calls()
    debouncer = Debouncer(calls, every=EVERY)

    debouncer.answered(lambda _: True)
    debouncer.call("1")
    debouncer.answered(lambda row: row == "0")
    debouncer.call("2")
    made_at_once = [row for _, row in calls.made]

    assert calls.wait_for("2")
    assert made_at_once == ["1"]

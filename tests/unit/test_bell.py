"""A doorbell that many press rings at once when it was silent, seldom under load, and for the last one always."""

import threading
import time

from app.bell import Bell
from tests.at_once import at_once

EVERY = 0.05  # seconds


class Heard:
    """What a bell rang for, and when; in whichever thread."""

    def __init__(self) -> None:
        self.rings: list[tuple[float, str]] = []
        self._rang = threading.Condition()

    def __call__(self, row_id: str) -> None:
        with self._rang:
            self.rings.append((time.monotonic(), row_id))
            self._rang.notify_all()

    def wait_for(self, row_id: str) -> bool:
        with self._rang:
            return self._rang.wait_for(lambda: any(row == row_id for _, row in self.rings), timeout=10)


def test_a_bell_that_was_silent_rings_at_once_in_the_thread_that_presses_it():
    heard = Heard()

    Bell(heard, every=3_600).ring("1")

    assert [row for _, row in heard.rings] == ["1"]


def test_presses_close_upon_each_other_are_one_ring_for_the_last_of_them():
    heard = Heard()
    bell = Bell(heard, every=EVERY)

    for number in range(100):
        bell.ring(str(number))

    assert heard.wait_for("99")
    assert len(heard.rings) < 10
    assert heard.rings[0][1] == "0"


def test_rings_are_few_however_many_threads_press_and_the_last_press_is_heard():
    heard, begun = Heard(), time.monotonic()
    bell = Bell(heard, every=EVERY)

    raised = at_once(8, lambda index: [bell.ring(f"{index}-{number}") for number in range(2_000)])
    bell.ring("last")

    assert raised == []
    assert heard.wait_for("last")
    assert len(heard.rings) <= (time.monotonic() - begun) / EVERY + 2
    assert heard.rings[-1][1] == "last"


def test_a_bell_whose_last_ring_was_answered_rings_at_once_again():
    heard = Heard()
    bell = Bell(heard, every=3_600)

    bell.ring("1")
    bell.answered(lambda row: row == "1")
    bell.ring("2")

    assert [row for _, row in heard.rings] == ["1", "2"]


def test_a_bell_does_not_mind_what_it_has_not_rung_for_last():
    heard = Heard()
    bell = Bell(heard, every=EVERY)

    bell.answered(lambda _: True)
    bell.ring("1")
    bell.answered(lambda row: row == "0")
    bell.ring("2")
    rung_at_once = [row for _, row in heard.rings]

    assert heard.wait_for("2")
    assert rung_at_once == ["1"]

"""Where a budget's end meets the end of its block, or code from which Python drops exceptions."""
# ruff: noqa: PT012  several statements in a bounded block are what is tested

import sys
import threading
import time
import weakref
from types import SimpleNamespace

import pytest

from app.work import limits
from app.work.limits import Budget, OverBudget, limited
from app.work.watcher import Watcher
from tests.unit.test_limits import spin, wait


@pytest.fixture(scope="module")
def watcher():
    return Watcher()


class EagerWatcher(Watcher):
    """Looks all the time, so that it meets a block at every place, its ends too."""

    def __init__(self):
        super().__init__()
        self._is_stopped = False
        self._looker = threading.Thread(target=self._look)
        self._looker.start()

    def _wake(self):
        pass

    def _look(self):
        while not self._is_stopped:
            for work in list(self._watched):
                work.tick()

    def stop(self):
        self._is_stopped = True
        self._looker.join()


def run(block, in_main_thread, eager):
    """Call it in the thread that is wanted, under a watcher that looks until it has ended."""
    try:
        if in_main_thread:
            block()
        else:
            thread = threading.Thread(target=block)
            thread.start()
            thread.join()
    finally:
        eager.stop()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_end_that_python_drops_comes_again(watcher):
    class Deaf:
        def __del__(self):
            wait(0.6)

    with pytest.raises(OverBudget), limited(Budget(seconds=0.1), watcher):
        Deaf()
        wait()


def test_no_end_comes_in_the_callback_of_a_weak_reference_from_which_python_would_drop_it(watcher):
    class Referent:
        pass

    called = []

    def callback():
        wait(0.6)  # two looks
        called.append("whole")

    with pytest.raises(OverBudget), limited(Budget(seconds=0.1), watcher):
        referent = Referent()
        weakref.finalize(referent, callback)
        del referent
        wait()

    assert called == ["whole"]


@pytest.mark.parametrize("in_main_thread", [True, False], ids=["main", "other"])
def test_work_that_ends_at_the_border_is_whole_or_over_and_nothing_comes_later(in_main_thread):
    eager, strays, ends = EagerWatcher(), [], {"whole": 0, "over": 0}

    def border():
        for round_ in range(200):
            seconds = 0.002 + round_ % 10 / 100_000
            try:
                with limited(Budget(seconds=seconds), eager):
                    end = time.monotonic() + seconds - 0.00005
                    while time.monotonic() < end:
                        pass
                outcome = "whole"
            except OverBudget:
                outcome = "over"
            try:
                for _ in range(200):
                    pass
                ends[outcome] += 1
            except BaseException as stray:
                strays.append(stray)

    run(border, in_main_thread, eager)

    assert strays == []
    assert sum(ends.values()) == 200
    assert not eager._watched


@pytest.mark.parametrize("in_main_thread", [True, False], ids=["main", "other"])
def test_a_block_that_ends_between_the_look_and_the_raise_ends_as_its_own(in_main_thread, monkeypatch):
    eager, ends = EagerWatcher(), []

    def look_and_pause():
        """The watcher loses the interpreter to the thread that it has just looked at, as on a machine with much to do."""
        frames = sys._current_frames()
        time.sleep(0.01)
        return frames

    monkeypatch.setattr(limits, "sys", SimpleNamespace(_current_frames=look_and_pause, _getframe=sys._getframe))

    def border():
        for _ in range(50):
            try:
                with limited(Budget(seconds=0.002), eager):
                    spin(0.003)
                ends.append("whole")
            except OverBudget:
                ends.append("over")

    run(border, in_main_thread, eager)

    assert len(ends) == 50
    assert not eager._watched

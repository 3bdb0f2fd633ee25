"""Budgets of time and processor time: what is over them ends as OverBudget, and nothing else is ever hit."""
# ruff: noqa: PT012, SIM117  several statements in a bounded block are what is tested, and blocks within blocks

import contextlib
import gc
import re
import threading
import time
from concurrent.futures import Future

import pytest

from app.errors import TransientError
from app.work.limits import Budget, OverBudget, limited, uncut
from app.work.watcher import Watcher

LONG = 30.0  # seconds; no test takes that long unless the limit fails


@pytest.fixture(scope="module")
def watcher():
    return Watcher()


def spin(seconds=LONG):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        re.sub("a+", "b", "aaaa")


def wait(seconds=LONG):
    never, end = threading.Event(), time.monotonic() + seconds
    while time.monotonic() < end:
        never.wait(0.01)


def test_a_block_within_its_budget_ends_as_it_would(watcher):
    with limited(Budget(seconds=LONG, cpu_seconds=LONG), watcher):
        result = sum(range(1000))

    assert result == 499_500


def test_work_over_its_processor_time_ends_with_that_reason(watcher):
    with pytest.raises(OverBudget, match=r"^It took more than 0\.2 s of processor time$") as raised:
        with limited(Budget(seconds=LONG, cpu_seconds=0.2), watcher):
            spin()

    assert (raised.value.seconds, raised.value.is_cpu) == (0.2, True)


def test_work_over_its_time_ends_with_that_reason(watcher):
    with pytest.raises(OverBudget, match=r"^It took more than 0\.2 s$") as raised:
        with limited(Budget(seconds=0.2, cpu_seconds=LONG), watcher):
            wait()

    assert (raised.value.seconds, raised.value.is_cpu) == (0.2, False)


def test_waiting_is_no_processor_time(watcher):
    with limited(Budget(cpu_seconds=0.3), watcher):
        wait(0.8)


def test_what_other_threads_compute_is_not_counted(watcher):
    other = threading.Thread(target=spin, args=(0.8,))
    other.start()

    with limited(Budget(cpu_seconds=0.3), watcher):
        wait(0.8)

    other.join()


def test_work_in_another_thread_ends_there_and_nowhere_else(watcher):
    ends = []

    def work(seconds):
        try:
            with limited(Budget(seconds=seconds), watcher):
                wait(1)
            ends.append("whole")
        except OverBudget as error:
            ends.append(error.seconds)

    threads = [threading.Thread(target=work, args=(seconds,)) for seconds in (0.1, LONG, 0.2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(ends, key=str) == [0.1, 0.2, "whole"]


def test_what_a_callback_of_the_collector_would_swallow_is_raised_after_it(watcher):
    def collected(_phase, _info):
        spin(0.02)

    gc.callbacks.append(collected)
    try:
        with pytest.raises(OverBudget, match=r"0\.1 s"), limited(Budget(seconds=0.1), watcher):
            for _ in range(1000):
                gc.collect(0)
                spin(0.02)
    finally:
        gc.callbacks.remove(collected)


def test_a_budget_grows_with_what_turns_out_to_be_larger(watcher):
    with limited(Budget(seconds=0.2, cpu_seconds=0.2), watcher) as limit:
        limit.extend(seconds=LONG, cpu_seconds=LONG)
        spin(0.8)

    with pytest.raises(OverBudget, match=r"0\.4 s"), limited(Budget(seconds=0.2), watcher) as limit:
        limit.extend(seconds=0.2)
        wait()


def test_an_error_of_the_work_itself_comes_through(watcher):
    with pytest.raises(KeyError, match="mine"), limited(Budget(seconds=LONG), watcher):
        raise KeyError("mine")


def test_an_error_raised_while_the_work_is_ended_does_not_hide_why(watcher):
    with pytest.raises(OverBudget), limited(Budget(seconds=0.1), watcher):
        try:
            wait()
        finally:
            raise KeyError("of cleaning up")


def test_no_handler_of_errors_within_goes_on_after_the_end(watcher):
    with pytest.raises(OverBudget), limited(Budget(seconds=0.1), watcher):
        while True:
            try:
                wait()
            except Exception:  # noqa: S112
                continue


def test_what_cleans_up_runs_undisturbed_and_may_itself_be_ended(watcher):
    cleaned = []
    with pytest.raises(OverBudget), limited(Budget(seconds=0.1), watcher):
        try:
            wait()
        finally:
            wait(0.6)  # two looks later
            cleaned.append("undisturbed")

    with pytest.raises(OverBudget), limited(Budget(seconds=0.1), watcher):
        try:
            try:
                raise KeyError("of the work")
            finally:
                wait()
        finally:
            cleaned.append("outer")

    assert cleaned == ["undisturbed", "outer"]


def test_what_is_not_to_be_cut_is_whole_before_the_end(watcher):
    whole = []

    def commit():
        wait(0.8)
        whole.append(True)

    uncut(commit)

    with pytest.raises(OverBudget), limited(Budget(seconds=0.1), watcher):
        commit()
        wait()

    assert whole == [True]


def test_a_wait_for_another_thread_is_ended(watcher):
    never = Future()

    with pytest.raises(OverBudget), limited(Budget(seconds=0.1), watcher):
        while True:
            with contextlib.suppress(TimeoutError):
                never.result(timeout=0.05)


def test_what_a_library_made_of_the_end_is_over_budget_all_the_same(watcher):
    with pytest.raises(OverBudget), limited(Budget(seconds=0.1), watcher):
        try:
            wait()
        except BaseException:
            error = TransientError()
        error.__context__ = None
        raise error

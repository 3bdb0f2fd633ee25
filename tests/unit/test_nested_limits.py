"""Blocks with a budget within blocks with a budget: whichever is over ends, the innermost first."""
# ruff: noqa: PT012, SIM117  blocks within blocks are what is tested

import pytest

from app.work.limits import Budget, OverBudget, limited
from app.work.watcher import Watcher
from tests.unit.test_limits import LONG, wait


@pytest.fixture(scope="module")
def watcher():
    return Watcher()


class OrderlyWatcher(Watcher):
    """Looks at outer blocks before inner ones, or the other way round; a set has either order for the life of a process."""

    def __init__(self, is_outer_first):
        super().__init__()
        self._watched = Ordered(is_outer_first)


class Ordered(list):
    def __init__(self, is_outer_first):
        super().__init__()
        self._is_outer_first = is_outer_first

    def add(self, work):
        self.append(work)

    def discard(self, work):
        self.remove(work)

    def __iter__(self):
        return super().__iter__() if self._is_outer_first else super().__reversed__()


def test_of_nested_blocks_the_innermost_that_is_over_ends(watcher):
    with limited(Budget(seconds=LONG), watcher):
        with pytest.raises(OverBudget, match=r"0\.1 s"), limited(Budget(seconds=0.1), watcher):
            wait()
        done = True

    with pytest.raises(OverBudget, match=r"0\.3 s"), limited(Budget(seconds=0.3), watcher):
        with pytest.raises(OverBudget, match=r"0\.1 s"), limited(Budget(seconds=0.1), watcher):
            wait()
        wait()

    assert done


def test_an_outer_block_that_is_over_ends_from_within_an_inner_one_that_is_not(watcher):
    with pytest.raises(OverBudget, match=r"0\.1 s"), limited(Budget(seconds=0.1), watcher):
        with limited(Budget(seconds=LONG), watcher):
            wait()


@pytest.mark.parametrize("is_outer_first", [True, False])
def test_the_exception_of_an_outer_block_is_not_replaced_by_that_of_an_inner_one(is_outer_first):
    looker = OrderlyWatcher(is_outer_first)

    with pytest.raises(OverBudget, match=r"0\.2 s"), limited(Budget(seconds=0.2), looker):
        for _ in range(100):
            with pytest.raises(OverBudget, match=r"0\.01 s"), limited(Budget(seconds=0.01), looker):
                wait()


def test_work_that_outlives_its_inner_block_is_ended_although_both_were_over_at_once(watcher):
    with pytest.raises(OverBudget, match=r"0\.2 s"), limited(Budget(seconds=0.2), watcher):
        for _ in range(100):
            with pytest.raises(OverBudget, match=r"0\.01 s"), limited(Budget(seconds=0.01), watcher):
                wait()

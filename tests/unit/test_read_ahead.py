"""Items that are fetched while the one before is worked on."""

import threading
from collections.abc import Iterator

import pytest

from app.jobs.read_ahead import read_ahead


def test_all_items_come_in_their_order():
    assert list(read_ahead(iter(range(5)))) == [0, 1, 2, 3, 4]
    assert list(read_ahead(iter([]))) == []


def test_the_next_item_is_fetched_while_the_caller_has_the_one_before():
    second_is_asked_for = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        second_is_asked_for.set()
        yield 2

    ahead = read_ahead(items())

    assert next(ahead) == 1
    assert second_is_asked_for.wait(10)
    assert list(ahead) == [2]


def test_an_error_comes_after_the_items_before_it():
    def items() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError

    ahead = read_ahead(items())

    assert next(ahead) == 1
    with pytest.raises(ZeroDivisionError):
        next(ahead)


def test_a_caller_who_stops_early_leaves_no_thread_behind():
    before = threading.active_count()
    ahead = read_ahead(iter(range(100)))
    next(ahead)

    ahead.close()

    assert threading.active_count() == before

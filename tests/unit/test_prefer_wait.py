"""`Prefer: wait=N`: what is asked for, and how many may wait."""

import threading
from contextlib import nullcontext

import pytest

from app.web.api.polling import wanted_wait
from app.web.api.waiting import MAX_WAIT, Pace, WaitingRoom


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=10", 10),
        ("wait=0", 0),
        ("Wait = 10", 10),
        ('wait="10"', 10),
        ("respond-async, wait=5", 5),
        ("wait=5, respond-async", 5),
        ("wait=5; foo=bar, x", 5),
        ("wait=31", MAX_WAIT),
        ("wait=999999999", MAX_WAIT),
    ],
)
def test_the_seconds_are_read_and_bounded(header, seconds):
    assert wanted_wait(header) == seconds


@pytest.mark.parametrize(
    "header", ["", "respond-async", "wait", "wait=", "wait=x", "wait=-1", "wait=1.5", "await=5", "wait=9999999999"]
)
def test_anything_else_asks_for_nothing(header):
    assert wanted_wait(header) is None


@pytest.fixture
def room():
    return WaitingRoom(1, 0.5, Pace(), nullcontext)


def test_waiting_ends_when_it_is_over(room):
    looks = iter([False, False, True])

    assert room.wait(30, "list", 0.0, lambda: next(looks))
    assert next(looks, "none left") == "none left"


def test_waiting_ends_with_its_time(room):
    assert room.wait(0, "list", 0.0, lambda: False)


def test_a_full_room_sends_the_next_one_away_at_once(room):
    entered, leave = threading.Event(), threading.Event()

    def is_over() -> bool:
        entered.set()
        return leave.wait(10)

    holder = threading.Thread(target=room.wait, args=(30, "list", 0.0, is_over))
    holder.start()
    entered.wait(10)
    refused = room.wait(30, "list", 0.0, lambda: True)
    leave.set()
    holder.join()

    assert refused is False
    assert room.wait(30, "list", 0.0, lambda: True) is True


def test_a_look_that_fails_gives_its_place_back(room):
    with pytest.raises(ZeroDivisionError):
        room.wait(30, "list", 0.0, lambda: 1 // 0 == 0)

    assert room.wait(30, "list", 0.0, lambda: True) is True

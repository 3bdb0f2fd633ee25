"""Sketches of users: exact while they are few, near while they are many, and merged without counting twice."""

from random import Random

import pytest

from app.sketches import Distinct, with_users


def users(number: int, seed: int = 1) -> list[int]:
    random = Random(seed)
    return [random.getrandbits(64) for _ in range(number)]


def counted(*sketches: bytes | None) -> int:
    found = Distinct()
    for sketch in sketches:
        found.add(sketch)
    return found.number


@pytest.mark.parametrize(("number", "within"), [(0, 0), (1, 0), (100, 0), (3_000, 1), (20_000, 300), (200_000, 3_000)])
def test_users_are_counted_exactly_while_they_are_few(number, within):
    assert counted(with_users(None, users(number))) == pytest.approx(number, abs=within)


def test_the_same_users_again_change_nothing():
    once = with_users(None, users(2_000))

    assert with_users(once, users(2_000)) == once


def test_users_of_several_days_are_counted_once():
    everybody = users(2_000)
    days = [with_users(None, everybody[at : at + 1_000]) for at in range(0, 1_001, 250)]

    assert counted(*days, None) == 2_000


def test_no_sketch_is_larger_than_17_kib():
    assert len(with_users(None, users(200_000)) or b"") < 17 * 1024

"""Waiting until something changes: the thread that is due looks for all, and no answer is older than what its receiver knows."""

import threading
from collections.abc import Callable, Collection, Mapping

from app.errors import TransientError
from app.web.api.streams import Watch

LONG = 60.0  # seconds; no test takes as long


def watch(look: Callable[[Collection[str]], Mapping[str, int]]) -> Watch[str, int]:
    return Watch(look, pause=0.0001)


def test_a_change_ends_the_waiting():
    looks = iter([{"a": 1}, {"a": 1}, {"a": 2}])

    assert watch(lambda _: next(looks)).wait("a", 1, LONG) == 2


def test_the_known_value_comes_back_when_the_time_is_up():
    assert watch(lambda _: {"a": 1}).wait("a", 1, 0.01) == 1
    assert watch(lambda _: {"a": 2}).wait("a", 1, 0) == 1


def test_what_may_not_be_seen_any_more_is_told_as_nothing():
    looks = iter([{"a": 1}, {}])

    assert watch(lambda _: next(looks)).wait("a", 1, LONG) is None


def test_a_look_that_fails_for_a_while_changes_nothing():
    def look(_: Collection[str]) -> dict[str, int]:
        if next(numbers) < 3:
            raise TransientError
        return {"a": 2}

    numbers = iter(range(9))

    assert watch(look).wait("a", 1, LONG) == 2
    assert next(numbers) == 4


def test_one_look_is_for_all_that_wait():
    asked: list[list[str]] = []
    all_wait = threading.Event()

    def look(keys: Collection[str]) -> dict[str, int]:
        asked.append(sorted(keys))
        if len(keys) == 3:
            all_wait.set()
        return dict.fromkeys(keys, 2 if all_wait.is_set() else 1)

    watching, found = watch(look), []
    threads = [
        threading.Thread(target=lambda key=key: found.append(watching.wait(key, 1, LONG))) for key in ("a", "b", "c")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)

    assert found == [2, 2, 2]
    assert ["a", "b", "c"] in asked


def test_a_look_that_began_before_is_not_believed():
    began, entered = threading.Event(), threading.Event()
    looks = iter(["old", "new"])

    def look(keys: Collection[str]) -> dict[str, str]:
        assert set(keys) <= {"a", "b"}
        which = next(looks)
        if which == "old":
            began.set()
            entered.wait(LONG)
        return {"a": which, "b": which}

    watching: Watch[str, str] = Watch(look, pause=0.0001)
    first = threading.Thread(target=watching.wait, args=("a", "known", LONG))
    first.start()
    began.wait(LONG)
    second_found: list[str | None] = []
    second = threading.Thread(target=lambda: second_found.append(watching.wait("b", "known", LONG)))
    second.start()
    while "b" not in watching._waiting:  # it has entered while the first one looks
        first.join(0.001)
    entered.set()
    first.join(LONG)
    second.join(LONG)

    assert second_found == ["new"]


def test_where_nobody_waits_nothing_is_kept():
    watching = watch(lambda keys: dict.fromkeys(keys, 2))
    watching.wait("a", 1, LONG)

    assert watching._waiting == {}

"""Only so many requests are worked on at a time, however many threads there are; a body is sent without a request slot."""

import threading
from queue import SimpleQueue

import pytest

from app.web.application import AtOnce

LONG = 60.0  # seconds; no test takes as long


def test_the_next_request_waits_until_one_has_been_worked_out():
    entered: SimpleQueue[str] = SimpleQueue()
    go_on = {name: threading.Event() for name in ("first", "second", "third")}

    def application(environ, _):
        entered.put(environ["name"])
        go_on[environ["name"]].wait(LONG)
        return []

    at_once = AtOnce(application, 2, LONG)
    threads = [threading.Thread(target=at_once, args=({"name": name}, None)) for name in go_on]
    for thread in threads[:2]:
        thread.start()
    both = {entered.get(timeout=LONG), entered.get(timeout=LONG)}
    threads[2].start()
    threads[2].join(0.01)  # time enough to get in, if it could
    is_kept_out = entered.empty()
    go_on["first"].set()
    last = entered.get(timeout=LONG)
    for event in go_on.values():
        event.set()
    for thread in threads:
        thread.join(LONG)

    assert both == {"first", "second"}
    assert (is_kept_out, last) == (True, "third")


def test_a_request_that_breaks_gives_its_slot_back():
    def application(environ, _):
        return [1 // environ["divisor"]]

    at_once = AtOnce(application, 1, LONG)
    with pytest.raises(ZeroDivisionError):
        at_once({"divisor": 0}, None)

    assert at_once({"divisor": 1}, None) == [1]


def test_a_body_that_is_being_sent_keeps_nobody_out():
    at_once = AtOnce(lambda *_: iter([b"a", b"b"]), 1, LONG)

    bodies = [at_once({}, None) for _ in range(2)]

    assert [next(iter(body)) for body in bodies] == [b"a", b"a"]


def test_a_request_that_only_waits_frees_its_slot():
    def application(environ, _):
        if "another" in environ:
            return ["another"]
        with at_once.rest():
            return at_once({"another": True}, None)

    at_once = AtOnce(application, 1, LONG)

    assert [at_once({}, None) for _ in range(2)] == [["another"], ["another"]]

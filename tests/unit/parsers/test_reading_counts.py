"""What reading a log costs, by count: how often its lines are cut and which objects are made."""

from collections import Counter
from typing import Any

import pytest

from app.parsers import document, java_stack, logcat, parse, values
from app.parsers.document import Document, load_json
from app.parsers.traces import dotnet

JAVA = "java.lang.IllegalStateException: no note {n}\n\tat com.example.Notes.open(Notes.java:{n})\n"
NOISE = "2026-03-01 10:00:00 INFO com.example.Notes - opened note {n} of a user\n"


@pytest.fixture
def calls(monkeypatch):
    """How often each function was called that `count` was asked to count."""
    found: Counter[str] = Counter()

    def count(module: Any, name: str) -> Counter[str]:
        counted = getattr(module, name)

        def called(*arguments: Any, **named: Any) -> Any:
            found[name] += 1
            return counted(*arguments, **named)

        monkeypatch.setattr(module, name, called)
        return found

    return count


def test_a_java_log_is_cut_into_lines_once_for_sniff_and_parse(calls):
    counted = calls(logcat, "read")

    parse("".join(JAVA.format(n=number) for number in range(50)).encode())

    assert counted["read"] == 1


def test_a_log_of_another_language_is_not_searched_for_java(calls):
    counted = calls(logcat, "read")

    parse(b"TypeError: x is undefined\n    at pay (/app/cart.js:7:12)\n")

    assert counted["read"] == 1


def test_of_a_runaway_recursion_only_the_frames_that_are_kept_are_made(calls):
    counted = calls(java_stack, "_named")
    lines = [f"\tat com.example.Notes.open(Notes.java:{number})\n" for number in range(1, 20_001)]

    parse(("java.lang.StackOverflowError\n" + "".join(lines)).encode())

    assert counted["_named"] <= values.MAX_FRAMES


def test_lines_that_are_none_of_a_trace_are_not_matched_as_frames(calls):
    counted = calls(java_stack, "is_frame")

    parse(("".join(NOISE.format(n=number) for number in range(2_000)) + JAVA.format(n=1)).encode())

    assert counted["is_frame"] < 10


def test_a_line_of_dotnet_is_cut_up_once():
    dotnet.frame.cache_clear()

    parse(b"Shop.CartException: empty\n   at Shop.Cart.Pay(Int32 a) in C:\\src\\Cart.cs:line 7\n")

    assert dotnet.frame.cache_info().misses == 3  # the two lines and the empty one behind them


def test_json_with_more_behind_it_is_read_once(calls):
    counted = calls(document, "_loads")

    value, reason = load_json('{"a": 1}\n{"b": 2}')

    assert (value, reason, counted["_loads"]) == (None, "not valid JSON at line 2, column 1", 1)


def test_what_is_kept_of_a_document_is_made_for_its_first_reader():
    log, made = Document(b""), iter(range(7, 10))

    assert [log.once("a", lambda: next(made)) for _ in range(3)] == [7, 7, 7]


def test_integers_of_json_are_read_without_a_call_for_each_unless_one_is_too_long_for_python(calls):
    counted = calls(document, "_bounded_int")

    usual = load_json('{"a": [1, 2, 3]}')[0]

    assert (usual, counted["_bounded_int"]) == ({"a": [1, 2, 3]}, 0)
    assert load_json(f'{{"a": [1, {"9" * 5_000}]}}')[0] == {"a": [1, None]}


def test_json_with_few_brackets_is_not_searched_for_too_deep_nesting(calls):
    counted = calls(document, "_is_deeper_than")

    assert load_json('{"a": [1, {"b": "[{"}]}')[1] is None
    assert counted["_is_deeper_than"] == 0
    assert load_json("[" * 202 + "]" * 202)[1] == "nested deeper than 200 levels"

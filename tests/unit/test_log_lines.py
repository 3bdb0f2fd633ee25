"""Log lines hold ids, counts and words of our own, never what somebody sent."""

import ast
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from app.telemetry.log_lines import current_request_id, on_behalf_of, request_id_from

ROOT = Path(__file__).parents[2]
LEVELS = {"debug", "info", "warning", "error", "exception"}
KEYS = {
    "ids": {"app", "crash", "delivery", "erasure", "export", "folder", "job", "key", "log", "log_id", "logs", "part", "recount",
            "regrouping", "row", "run", "symbols", "upload", "user", "webhook"},
    "counts": {"attempt", "bytes", "chunks", "crashes", "failures", "files", "jobs", "unfinished", "moved", "ms", "number",
               "objects", "occurrences", "parts", "pid", "port", "rows", "tokens", "unreadable"},
    "words of ours": {"code", "endpoint", "error", "event", "for_symbols", "format", "hint", "is_damaged", "is_own", "kind",
                      "method", "queue", "reason", "recorded", "role", "route", "status", "step", "task", "work", "exc_info"},
}  # fmt: skip
"""`key` and `folder` are keys of the store, made of ids; `error` is the name of an exception's class;
of `exc_info` only the stack is written."""


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call of a module's `log`, with where it stands."""
    for path in sorted([*(ROOT / "app").rglob("*.py"), *(ROOT / "workers").rglob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in LEVELS
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "log"
            ):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def test_every_line_says_only_what_is_known_to_hold_no_content():
    allowed = set().union(*KEYS.values())
    found = {where: {keyword.arg for keyword in call.keywords} - allowed for where, call in calls()}

    assert len(found) > 40
    assert {where: keys for where, keys in found.items() if keys} == {}


def test_an_error_is_the_name_of_its_class_and_a_stack_holds_no_message(lines):
    try:
        int("ada.private@example.org")
    except ValueError as error:
        structlog.get_logger().exception("it_broke", error=type(error).__name__)

    line = json.loads(lines.getvalue())
    assert line["exception"].startswith("builtins.ValueError\n")
    assert f"{Path(__file__).name}:" in line["exception"]
    assert "ada.private" not in lines.getvalue()


def test_a_stack_tells_of_the_cause_too(lines):
    try:
        try:
            raise KeyError("ada.private@example.org")
        except KeyError as cause:
            raise RuntimeError("ada.private@example.org") from cause
    except RuntimeError:
        structlog.get_logger().exception("it_broke")

    told = [line for line in json.loads(lines.getvalue())["exception"].splitlines() if not line.startswith(" ")]
    assert told == ["builtins.RuntimeError", "builtins.KeyError"]


def test_lines_of_libraries_have_the_same_form_and_no_message_of_an_exception(lines):
    try:
        raise ValueError("ada.private@example.org")
    except ValueError:
        logging.getLogger("some.library").exception("a task failed")

    line = json.loads(lines.getvalue())
    assert (line["event"], line["logger"], line["level"]) == ("a task failed", "some.library", "error")
    assert "ada.private" not in lines.getvalue()


def test_every_line_of_a_block_names_the_request_that_it_is_for(lines):
    with on_behalf_of("asked-1"):
        assert current_request_id() == "asked-1"
        with on_behalf_of("asked-2"):
            structlog.get_logger().info("inner")
        structlog.get_logger().info("outer")
    structlog.get_logger().info("after")

    assert [json.loads(line).get("request") for line in lines.getvalue().splitlines()] == ["asked-2", "asked-1", None]


@pytest.mark.parametrize("given", [None, "", "two words", "x" * 65, "new\nline", "é"])
def test_a_request_id_that_is_not_short_and_plain_is_replaced(given):
    assert request_id_from(given) != given
    assert request_id_from("client-7.a_B") == "client-7.a_B"

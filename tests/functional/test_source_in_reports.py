"""Lines of source and local variables that senders add to frames: from the log to every kind of report."""

import json
from pathlib import Path

import jsonschema
import pytest

from tests.sentry_events import sentry_event
from tests.uploads import digested, export_url

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "report.schema.json").read_text(encoding="utf-8"))
FRAME = {
    "function": "pay", "module": "shop.cart", "filename": "shop/cart.py", "lineno": 42, "in_app": True,
    "pre_context": ["def pay(cart):", "    # <b>mind</b>"], "context_line": "    return cart.total('to ada@example.com')",
    "post_context": ["", "x" * 1_000], "vars": {"cart": "None", "count": 3, "who": {"mail": "ada@example.com"}},
}  # fmt: skip
EVENT = sentry_event(
    None, platform="python", exception={"values": [{"type": "ValueError", "stacktrace": {"frames": [FRAME]}}]}
)
BUGSNAG = json.dumps({"exceptions": [{"errorClass": "ValueError", "type": "python", "stacktrace": [
    {"file": "shop/cart.py", "lineNumber": 42, "method": "pay", "inProject": True,
     "code": {"41": "def pay(cart):", "42": "    return cart.total()", "43": ""}}]}]}).encode()  # fmt: skip


@pytest.fixture
def report_of(client, member, run_workers):
    def made(body: bytes, format_name: str) -> str:
        url = export_url(digested(client, member, run_workers, body), format=format_name)
        client.get(url, headers=member.headers)
        run_workers()
        return client.get(client.get(url, headers=member.headers).json["result"]["url"]).text

    return made


def test_the_json_report_has_them_bounded_and_keeps_to_its_schema(report_of):
    document = json.loads(report_of(EVENT, "json"))
    [frame] = document["exceptions"][0]["frames"]

    jsonschema.validate(document, SCHEMA)
    assert frame["source"]["pre_context"] == FRAME["pre_context"]
    assert frame["source"]["context_line"] == FRAME["context_line"]
    assert [len(line) for line in frame["source"]["post_context"]] == [0, 300]
    assert frame["vars"] == {"cart": "None", "count": "3", "who": '{"mail": "ada@example.com"}'}


def test_bugsnags_numbered_lines_are_read_as_well(report_of):
    [frame] = json.loads(report_of(BUGSNAG, "json"))["exceptions"][0]["frames"]

    assert frame["source"] == {
        "pre_context": ["def pay(cart):"], "context_line": "    return cart.total()", "post_context": [""],
    }  # fmt: skip


def test_the_text_report_numbers_the_lines_and_marks_the_frames_own(report_of):
    text = report_of(EVENT, "txt")

    assert "        40 | def pay(cart):\n" in text
    assert "      > 42 |     return cart.total" in text
    assert "        cart = None\n" in text


def test_the_html_report_escapes_them(report_of):
    page = report_of(EVENT, "html")

    assert "<em>41</em>    # &lt;b&gt;mind&lt;/b&gt;" in page
    assert "<dt>cart</dt><dd>None</dd>" in page


def test_the_rules_of_an_app_reach_lines_and_values(client, member, report_of):
    rules = {"patterns": ["email"], "fields": ["exceptions[*].frames[*].vars.count"]}
    settings = f"/api/apps/{member.app.identifier}/settings"
    assert client.patch(settings, json={"redaction": rules}, headers=member.headers).status_code == 200

    [frame] = json.loads(report_of(EVENT, "json"))["exceptions"][0]["frames"]

    assert frame["source"]["context_line"] == "    return cart.total('to [email]')"
    assert frame["vars"] == {"cart": "None", "count": "[redacted]", "who": '{"mail": "[email]"}'}

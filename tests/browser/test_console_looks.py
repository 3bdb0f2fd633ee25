"""Every page as anybody may meet it: light and dark, wide and narrow, judged by axe-core."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.cli.opening import opened
from tests.browser import axe as judge
from tests.browser.chromium import NARROW, Watched, settle
from tests.browser.conftest import Console
from tests.browser.places import addresses
from tests.system.conftest import finished

NOWHERE = "/nowhere"
HOOK = {"url": "https://1.1.1.1/", "events": ["crash.new"], "active": False}
EXPORTER = {"name": "Nightly", "bucket_name": "archive"}


@pytest.fixture(scope="session")
def paths(console) -> list[str]:
    """All pages but those that lead on at once, and some in which there is nothing to show."""
    [crash, *_] = console.crashes()
    [occurrence, *_] = finished(console.http, f"/api/crashes/{crash['identifier']}/occurrences")
    known = {
        "app_identifier": console.app,
        "crash_identifier": crash["identifier"],
        "log_id": occurrence["log_id"],
        "job_id": console.http.send("GET", "/api/jobs").json["result"][0]["job_id"],
        "webhook_identifier": made(console, f"/api/apps/{console.app}/webhooks", HOOK),
        "exporter_identifier": made(console, "/api/data_exporters", {**EXPORTER, "apps": [console.app]}),
    }
    with opened(console.operator.data_dir) as services:
        found = set(addresses(services, known)) - {"/", "/sign-in"}
    return [*sorted(found), f"/apps/{console.app}/crashes?search=nothing", NOWHERE]


def made(console: Console, path: str, wanted: dict[str, Any]) -> str:
    """The identifier of what the API makes of that."""
    answer = console.http.send("POST", path, json.dumps(wanted).encode())
    assert answer.status == 201, answer.body
    return str(answer.json["result"]["identifier"])


def faults(made: Watched, paths: list[str]) -> dict[str, list[str]]:
    """What is wrong with each page, where anything is."""
    made.expected.append(NOWHERE)
    page, found = made.page(), {}
    width = page.viewport_size["width"]
    for path in paths:
        page.goto(path)
        settle(page)
        wide = page.evaluate("document.documentElement.scrollWidth")
        wrong = [*judge.barriers(page), *([f"{wide} pixels wide, on {width}"] if wide > width else [])]
        if wrong:
            found[path] = wrong
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_barrier(visit, paths, axe, scheme):
    made = visit(color_scheme=scheme)
    judge.bring(made.context, axe)

    assert faults(made, paths) == {}


def test_no_page_scrolls_aside_or_has_a_barrier_on_a_small_screen(visit, paths, axe):
    made = visit(viewport=NARROW)
    judge.bring(made.context, axe)

    assert faults(made, paths) == {}


def test_the_page_to_sign_in_has_no_barrier(visit, axe):
    for scheme in ("light", "dark"):
        made = visit(color_scheme=scheme, storage_state=None)
        judge.bring(made.context, axe)
        page = made.page()
        page.goto("/")

        assert urlsplit(page.url).path == "/sign-in"
        assert judge.barriers(page) == []


def test_the_judge_and_the_guards_find_what_they_are_to_find(visit, axe):
    made = visit()
    judge.bring(made.context, axe)
    page = made.page()
    page.goto("/apps")

    page.evaluate("document.body.innerHTML = '<main><img src=/logo.png><p style=color:#eee>pale</p></main>'")
    page.evaluate("document.head.append(Object.assign(document.createElement('script'), {textContent: '1'}))")
    page.goto("about:blank")
    page.set_content("<img src='http://elsewhere.example.com/x.png'><p>no heading</p>")

    found = "\n".join(judge.barriers(page))
    assert "image-alt" in found
    assert any(fault.startswith("asked another host") for fault in made.faults)
    assert any("policy" in fault and "script-src" in fault for fault in made.faults)
    made.faults.clear()

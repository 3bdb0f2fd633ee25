"""Every page as anybody may meet it: light and dark, wide and narrow, judged by axe-core."""

import json
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from app.cli.demo import Http
from app.cli.opening import opened
from app.identity import accounts, passwords
from app.notifications.unsubscribing import unsubscribe_link
from tests.browser import axe as judge
from tests.browser.chromium import NARROW, WIDE, wait_until_idle
from tests.browser.places import filled, pages, variables
from tests.system.conftest import EMAIL, finished

NOWHERE = "/nowhere"
LOOKS = {"light and wide": ("light", WIDE), "dark and narrow": ("dark", NARROW)}


@pytest.fixture(scope="session")
def paths(console) -> list[str]:
    """All pages but those that lead on at once, and some in which there is nothing to show."""
    [crash, *_] = console.crashes()
    [occurrence, *_] = finished(console.http, f"/api/crashes/{crash['identifier']}/occurrences")
    app = f"/api/apps/{console.app}"
    hook = {"url": "https://1.1.1.1/", "events": ["crash.new"], "active": False}
    channel = made(
        console.http, f"{app}/notifications", {"kind": "webhook", "address": "https://1.1.1.1/", "rules": {}}
    )
    exporter = {"name": "Nightly", "apps": [console.app], "bucket_name": "archive", "active": False}
    known = {
        "webhook_identifier": made(console.http, f"{app}/webhooks", hook),
        "channel_identifier": channel,
        "exporter_identifier": made(console.http, "/api/data_exporters", exporter),
        "app_identifier": console.app,
        "crash_identifier": crash["identifier"],
        "log_id": occurrence["log_id"],
        "job_id": console.http.send("GET", "/api/jobs").json["result"][0]["job_id"],
    }
    with opened(console.operator.data_dir) as services:
        empty, _ = accounts.create_app_for(services, "Just begun", EMAIL)
        routed = pages(services)
        reset = passwords.begin_reset(services, EMAIL)
        link = unsubscribe_link(services.config.secret_key, "", channel, "https://1.1.1.1/")
    known["signed"] = link.rpartition("/")[2]
    invitation = console.http.send("POST", f"{app}/invitations", b"{}").json["result"]["url"]
    secrets = {"/password/<secret>": reset, "/invitations/<secret>": invitation.rpartition("/")[2]}
    full = {filled(page, {**known, "secret": secrets.get(page)}) for page in routed}
    full -= {"/", "/sign-in", "/forgot-password", "/sign-in/openid", "/sign-in/openid/callback"}  # or not set up
    bare = {filled(page, {"app_identifier": empty}) for page in routed if variables(page) == ["app_identifier"]}
    found = full | bare
    return [*sorted(found), f"/apps/{console.app}/crashes?search=nothing", "/docs", NOWHERE]


def made(http: Http, path: str, what: dict) -> str:
    """What is begun by a POST; returns its identifier."""
    answer = http.send("POST", path, json.dumps(what).encode())
    assert answer.status == 201, answer.body
    return answer.json["result"]["identifier"]


def faults(page: Page, look: str) -> list[str]:
    """What is wrong with a page in one of LOOKS."""
    scheme, size = LOOKS[look]
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(size)
    wide, width = page.evaluate("document.documentElement.scrollWidth"), size["width"]
    return [*judge.barriers(page), *([f"{wide} pixels wide, on {width}"] if wide > width else [])]


def test_no_page_has_a_barrier_or_scrolls_aside(visit, paths, axe):
    made = visit()
    made.expected.append(NOWHERE)
    judge.bring(made.context, axe)
    page, found = made.page(), {}

    for path in paths:
        page.goto(path)
        wait_until_idle(page)
        found |= {f"{path}, {look}": wrong for look in LOOKS if (wrong := faults(page, look))}

    assert not found, "\n".join(f"{where}: {one}" for where, wrong in found.items() for one in wrong)


def test_the_page_to_sign_in_has_no_barrier(visit, axe):
    made = visit(storage_state=None)
    judge.bring(made.context, axe)
    page = made.page()
    page.goto("/")

    assert urlsplit(page.url).path == "/sign-in"
    assert {look: wrong for look in LOOKS if (wrong := faults(page, look))} == {}


def test_the_judge_and_the_guards_find_what_they_are_to_find(visit, axe):
    made = visit()
    judge.bring(made.context, axe)
    page = made.page()
    page.goto("/apps")

    page.evaluate("document.body.innerHTML = '<main><img src=/logo.png><p style=color:#eee>pale</p></main>'")
    with page.expect_console_message(lambda message: message.text.startswith("policy: script-src")):
        page.evaluate("document.head.append(Object.assign(document.createElement('script'), {textContent: '1'}))")
    page.goto("about:blank")
    page.set_content("<img src='http://elsewhere.example.com/x.png'><p>no heading</p>")

    found = "\n".join(judge.barriers(page))
    assert "image-alt" in found
    assert any(fault.startswith("asked another host") for fault in made.faults)
    assert any("policy" in fault and "script-src" in fault for fault in made.faults)
    made.faults.clear()

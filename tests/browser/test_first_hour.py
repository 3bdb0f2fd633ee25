"""The first hour: from an app without crashes to its first one, wide and on a phone, by an SDK's event and by a sample."""

import re
import urllib.request
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from app.cli.opening import opened
from app.identity import accounts
from app.ingest.sample_crash import MESSAGE, sample_crash
from tests.browser import axe as judge
from tests.browser.chromium import NARROW, WIDE, wait_until_idle
from tests.system.conftest import EMAIL, PASSWORD, until


@pytest.fixture
def fresh(console) -> str:
    """The path of an app that has just been made."""
    with opened(console.operator.data_dir) as services:
        identifier, _ = accounts.create_app_for(services, "Meadow", EMAIL)
    return f"/apps/{identifier}"


def test_a_new_user_makes_an_app_and_the_event_of_its_snippet_turns_the_wait_into_the_crash(console, visit, axe):
    with opened(console.operator.data_dir) as services:
        accounts.create_user(services, "newcomer@example.com", PASSWORD)
    made = visit(viewport=WIDE, storage_state=None)
    judge.bring(made.context, axe)
    page = made.page()
    page.goto("/")
    page.get_by_label("E-mail").fill("newcomer@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="No apps yet")).to_be_visible()
    assert judge.barriers(page) == []
    page.get_by_label("Name").fill("Meadow")
    page.get_by_role("button", name="Create app").click()
    page.get_by_role("link", name="Web", exact=True).click()
    expect(page.get_by_text("Waiting for the first crash")).to_be_visible()
    snippet = page.get_by_label("JavaScript, Sentry SDK").inner_text()
    [(key, host, project)] = re.findall(r'"http://([0-9a-f]{32})@([^/]+)/(\d+)"', snippet)

    _, event = sample_crash("web", datetime.now(UTC))
    address = f"http://{host}/api/{project}/store/?sentry_key={key}"
    with urllib.request.urlopen(urllib.request.Request(address, data=event)) as answer:
        assert answer.status == 200

    expect(page.get_by_text("A crash has arrived")).to_be_visible(timeout=30_000)
    assert judge.barriers(page) == []
    page.get_by_role("link", name="Open the crash").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(MESSAGE)
    wait_until_idle(page)
    expect(page.locator("#report .source").first).to_contain_text("throw new Error")
    assert judge.barriers(page) == []


def test_a_sample_crash_arrives_on_a_phone_and_by_keyboard(fresh, visit, axe):
    made = visit(viewport=NARROW, color_scheme="dark")
    judge.bring(made.context, axe)
    page = made.page()
    page.goto(f"{fresh}/first-crash?platform=server")

    page.get_by_role("button", name="Send a sample crash").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("The sample crash has arrived")).to_be_visible(timeout=30_000)
    assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
    assert judge.barriers(page) == []
    page.get_by_role("link", name="Open the crash").click()
    wait_until_idle(page)

    expect(page.get_by_text("-12.4 s")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
    assert judge.barriers(page) == []


def test_without_scripts_a_link_looks_again(console, fresh, visit):
    page = visit(java_script_enabled=False).page()
    page.goto(f"{fresh}/first-crash")
    page.get_by_role("button", name="Send a sample crash").click()

    digested = f"/api{fresh}/logs?status=digested"
    until(lambda: console.http.send("GET", digested).json["result"], "the log to be digested")
    if page.get_by_role("link", name="Look again").is_visible():  # a fast worker leaves nothing to look for
        page.get_by_role("link", name="Look again").click()

    expect(page.get_by_text("The sample crash has arrived")).to_be_visible()

"""What a team does in the console day by day, on a phone: views, channels, members, and releases side by side."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser import axe as judge
from tests.browser.chromium import NARROW, wait_until_idle
from tests.receiver import receiver
from tests.system.conftest import until


@pytest.fixture
def page(visit, axe) -> Page:
    """A page on a phone, which is judged."""
    made = visit(viewport=NARROW)
    made.expected.append("status of 400")  # of a search that is not understood
    judge.bring(made.context, axe)
    return made.page()


def check(page: Page) -> None:
    wait_until_idle(page)
    assert judge.barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]


def test_a_list_is_narrowed_by_keyboard_and_kept_as_a_view(console, page):
    page.goto(f"/apps/{console.app}/crashes")
    wait_until_idle(page)
    page.keyboard.press("/")
    page.keyboard.type("vesion:3.2.1 os:ios")
    page.keyboard.press("Enter")
    expect(page.get_by_text("vesion is not understood")).to_be_visible()
    check(page)

    page.get_by_label("Search crashes").fill("version:3.2.1 os:ios")
    page.keyboard.press("Enter")
    expect(page.locator("#crash-list tbody tr").first).to_be_visible()
    page.get_by_text("Save this view").press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("The latest on iOS")
    page.keyboard.press("Enter")
    view = page.get_by_role("link", name="The latest on iOS")
    expect(view).to_be_visible()
    page.goto(f"/apps/{console.app}/crashes")
    view.press("Enter")
    expect(page.get_by_label("Search crashes")).to_have_value("version:3.2.1 os:ios")
    check(page)

    page.get_by_role("button", name="Remove the view").press("Enter")
    expect(view).to_have_count(0)


def test_a_channel_is_made_and_tried_by_keyboard(console, page):
    with receiver() as sink:
        page.goto(f"/apps/{console.app}/settings/notifications")
        page.get_by_label("Kind").select_option("mattermost")
        page.get_by_label("Webhook URL or e-mail address").fill(sink.url)
        page.get_by_label("Only in this environment").fill("production")
        check(page)
        page.get_by_role("button", name="Add channel").press("Enter")
        page.get_by_role("button", name="Send a test").press("Enter")
        expect(page.get_by_text("A test message is on its way")).to_be_visible()

        def is_delivered() -> bool:
            page.reload()
            return "delivered" in page.locator("tbody").inner_text()

        until(is_delivered, "the test message to be delivered", every=0.5)
        check(page)
        assert b"Test message in Larkspur" in sink.got[0].body

        page.locator("summary", has_text="Remove").press("Enter")
        page.get_by_role("button", name="Remove the channel").press("Enter")
        expect(page.get_by_text("The channel is deleted.")).to_be_visible()


def test_two_releases_are_compared_by_keyboard(console, page):
    page.goto(f"/apps/{console.app}/releases")
    check(page)
    versions = page.get_by_label("Compare", exact=True).locator("option").all_inner_texts()
    page.get_by_label("with", exact=True).select_option(versions[2])
    page.get_by_role("button", name="Compare").press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text(f"{versions[0]} and {versions[2]}")
    figures = page.get_by_role("table", name="Two releases side by side")
    expect(figures.get_by_role("row", name="Occurrences").first).to_be_visible()
    check(page)


def test_somebody_is_invited_joins_without_an_account_gets_another_role_and_is_removed(console, page, visit):
    grace = "grace@example.com"
    page.goto(f"/apps/{console.app}/settings/members")
    check(page)
    page.get_by_label("E-mail; empty: anybody who has an account").fill(grace)
    page.keyboard.press("Enter")
    link = page.get_by_label("Invitation", exact=True).locator("code").inner_text().strip()
    check(page)

    joining = visit(viewport=NARROW, storage_state=None).page()
    joining.goto(link)
    joining.get_by_label("Password").fill("staple battery horse correct")
    joining.keyboard.press("Enter")
    joining.wait_for_url(f"**/apps/{console.app}/crashes")

    page.goto(f"/apps/{console.app}/settings/members")
    role = page.get_by_label(f"Role of {grace}", exact=True)
    role.select_option("viewer")
    page.get_by_role("button", name=f"Set the role of {grace}").press("Enter")
    expect(role).to_have_value("viewer")
    joining.goto(f"/apps/{console.app}/settings/members")
    expect(joining.get_by_role("button", name="Make a link")).to_have_count(0)
    page.get_by_role("row", name=grace).locator("summary").press("Enter")
    page.get_by_role("button", name=f"Remove {grace}").press("Enter")
    expect(role).to_have_count(0)
    check(page)

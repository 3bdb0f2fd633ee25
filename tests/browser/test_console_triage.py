"""Triage by the keyboard alone: from the list of open crashes to a comment on one, and back."""

import pytest
from playwright.sync_api import expect

from tests.browser import axe as judge
from tests.browser.chromium import NARROW, wait_until_idle


@pytest.mark.parametrize("size", [None, NARROW], ids=["wide", "narrow"])
def test_keys_resolve_comment_and_open_again(console, visit, axe, size):
    made = visit()
    judge.bring(made.context, axe)
    page = made.page()
    if size:
        page.set_viewport_size(size)
    page.goto(f"/apps/{console.app}/crashes")
    wait_until_idle(page)

    page.keyboard.press("j")
    first = page.evaluate("document.activeElement.getAttribute('href')")
    page.keyboard.press("x")
    expect(page.get_by_text("1 selected")).to_be_visible()
    assert judge.barriers(page) == []
    page.keyboard.press("r")
    expect(page.get_by_text("1 crash is resolved.")).to_be_visible()
    expect(page.locator(f"#crash-list a[href='{first}']")).to_have_count(0)

    page.goto(first)
    page.keyboard.press("c")
    page.keyboard.type("Seen by <b>nobody</b>")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#history .comment").first).to_have_text("Seen by <b>nobody</b>")
    page.keyboard.press("i")
    expect(page.get_by_role("button", name="For good")).to_be_focused()
    assert judge.barriers(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("o")

    expect(page.get_by_text("It is open again.")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

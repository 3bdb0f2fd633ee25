"""Releases as pages: the list, one release, and two side by side."""

import pytest

from app.web.console.pages.releases import percent
from tests.console import HOSTILE, Page, sign_in
from tests.factories import run_enqueued
from tests.functional.test_releases import crash_in, released  # noqa: F401


@pytest.fixture
def browser(client, member):
    return sign_in(client, member)


def seen(browser, services, path: str) -> Page:
    """The page once its job is finished."""
    begun = browser.get(path)
    assert "data-follow" in begun.text
    assert '<noscript><meta http-equiv="refresh"' in begun.text
    run_enqueued(services)
    done = browser.get(path)
    assert (done.status_code, "data-follow" in done.text) == (200, False)
    return Page(done.text)


def test_the_list_tells_rates_and_leads_to_a_release(browser, services, member, released):  # noqa: F811
    page = seen(browser, services, f"/apps/{member.app.identifier}/releases")

    links = [link["href"] for link in page.all("a") if "data-row" in link]
    assert [link.rpartition("version=")[2] for link in links] == ["3.0.0", "2.0.0-beta", "1.10.0", "1.9.0"]
    words = " ".join(page.text.split())
    assert "1.10.0 25 % 80 % 75 % 5" in words
    assert "From 2018-08-15 to 2018-09-13 (UTC)" in words
    one = seen(browser, services, links[2])
    assert "Crash-free sessions80 %" in " ".join(one.text.split())


def test_two_releases_stand_side_by_side_with_their_crashes(browser, services, member, released):  # noqa: F811
    page = seen(browser, services, f"/apps/{member.app.identifier}/release?version=1.10.0&compare=1.9.0")

    words = " ".join(page.text.split())
    assert "Crash-free sessions80 %100 %" in words
    assert "New crashes11" in words
    assert words.count("SecurityException") == 2
    assert f"/apps/{member.app.identifier}/crashes?app_version=1.10.0&state=all" in [
        link["href"] for link in page.all("a")
    ]


def test_what_a_sender_calls_a_version_is_text(browser, services, member):
    crash_in(services, member, "one", HOSTILE[:100], environment=HOSTILE[:100])
    page = seen(browser, services, f"/apps/{member.app.identifier}/releases")
    [link] = [link["href"] for link in page.all("a") if "data-row" in link]
    one = seen(browser, services, link)

    assert "<script>alert(1)</script>" in page.text
    assert "<script>alert(1)</script>" in one.text


def test_a_problem_is_said(browser, member):
    page = Page(browser.get(f"/apps/{member.app.identifier}/releases?since_date=never").text)

    assert "since_date is not a date" in page.text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (None, "–"),
        (1.0, "100 %"),
        (0.99999, "99.99 %"),
        (0.8, "80 %"),
        (0.9988, "99.88 %"),
        (0.0, "0 %"),
        (0.29, "29 %"),
    ],
)
def test_a_share_is_cut_and_not_rounded(share, text):
    assert percent(share) == text

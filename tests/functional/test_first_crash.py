"""The first crash of an app: picked, sent as a sample, waited for and shown, without JavaScript."""

import re

import pytest

from app.crashes.title import title
from app.ingest import sample_crash
from app.parsers import parse
from app.web.console.snippets import PLATFORMS
from tests.console import Page, press, sign_in
from tests.factories import NOON, make_member
from tests.places import event
from tests.uploads import digested


@pytest.fixture
def path(client, member) -> str:
    sign_in(client, member)
    return f"/apps/{member.app.identifier}/first-crash"


def test_an_app_without_crashes_leads_there_and_the_snippet_has_its_own_key(client, member, path):
    crashes = Page(client.get(f"/apps/{member.app.identifier}/crashes").text)
    page = client.get(f"{path}?platform=web").text

    assert path in [link.get("href") for link in crashes.all("a")]
    assert f"http://{member.ingest_key}@localhost/{member.app.id}" in page
    assert "@sentry/browser" in page
    assert "Waiting for the first crash" in page
    assert f'href="{path}?platform=web">Look again' in page


def test_a_sample_crash_goes_the_way_of_all_logs_and_is_marked(client, member, path, run_workers):
    sent = press(client, f"{path}/sample", platform="android")
    waiting = client.get(sent.location).text
    run_workers()
    arrived = client.get(sent.location).text

    assert "The sample crash is sent." in waiting
    assert "A log has arrived; a worker reads it" in waiting
    assert "The sample crash has arrived" in arrived
    assert "IllegalStateException: Sample crash: the cart is empty in Cart.total" in arrived
    [crash] = set(re.findall(r'href="(/crashes/[0-9a-f]{24})"', arrived))
    client.get(crash)
    run_workers()
    shown = client.get(crash).text
    assert "<dd>true</dd>" in shown  # the tag
    assert "sample-user" in shown
    assert "-12.4 s" in shown


def test_a_log_that_cannot_be_read_says_why(client, member, path, run_workers):
    digested(client, member, run_workers, b"no crash at all")

    page = client.get(path).text

    assert "A log has arrived that cannot be read" in page
    assert "Waiting for the first crash" in page


@pytest.mark.parametrize("platform", PLATFORMS, ids=[platform.id for platform in PLATFORMS])
def test_each_platform_has_a_sample_that_is_read_and_titled_by_the_app_s_frame(platform):
    log_id, content = sample_crash.sample_crash(platform.id, NOON)
    [log] = parse(content)

    assert log_id.startswith(f"sample-{platform.id}-")
    assert sample_crash.MESSAGE in title(log)
    assert "otal" in title(log)
    assert (log.user_id, log.details["environment"], len(log.breadcrumbs)) == ("sample-user", "sample", 4)


def test_the_platforms_of_page_and_samples_are_the_same():
    assert sorted(platform.id for platform in PLATFORMS) == sorted(sample_crash.PLATFORMS)


def test_a_stranger_finds_nothing(client, services, member, path):
    stranger = sign_in(client.application.test_client(), make_member(services, "mallory@example.com"))

    assert stranger.get(path).status_code == 404
    assert press(stranger, f"{path}/sample", platform="ios").status_code == 404


def test_a_crash_of_long_ago_has_arrived_when_its_log_came(client, member, path, run_workers):
    digested(client, member, run_workers, event("Cart", 400))

    arrived = client.get(path).text.partition("A crash has arrived")[2].partition(":</p>")[0]

    assert 'datetime="2018-09-13' in arrived

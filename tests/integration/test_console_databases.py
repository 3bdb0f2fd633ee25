"""The console's pages on both databases: the same pages, and no bad input that breaks one."""

import pytest

from tests.console import OWN, Page, sign_in
from tests.factories import PASSWORD, kscrash, make_crash
from tests.uploads import digested

BAD = ["%00", "%ED%A0%80", "%FF", "a%0Ab", "%F0%9F%92%A5" * 300, "x" * 9_000, "9" * 400, "-1", "' OR 1=1 --", "%25_%5C"]
EMAILS = ["\0", "\ud800", "x" * 9_000, "a@b\0", "ada@example.com\0"]


@pytest.fixture
def browser(client, member):
    return sign_in(client, member)


def test_what_is_looked_at_is_there_when_its_jobs_are_done(services, client, browser, member, run_workers):
    log = digested(client, member, run_workers, kscrash("index 4 beyond bounds"))
    listing, crash = f"/apps/{member.app.identifier}/crashes", f"/crashes/{log['occurrences'][0]['crash_identifier']}"
    for path in (listing, crash):
        browser.get(path)
    run_workers()

    pages = [browser.get(path).text for path in ("/apps", listing, f"{crash}?occurrence={log['occurrences'][0]['id']}")]

    assert member.app.name in pages[0]
    assert 'class="sparkline"' in pages[1]
    assert 'class="histogram"' in pages[2]
    assert "index 4 beyond bounds" in pages[2]
    assert "-[PageView tapped:]" in pages[2]


@pytest.mark.parametrize("value", BAD, ids=lambda value: value[:12])
def test_no_address_breaks_a_page(services, browser, member, value):
    crash = make_crash(services, member.app)
    names = ("page", "search", "since_date", "until_date", "first_seen_since", "sort", "order")
    addresses = [
        f"/sign-in?next={value}",
        f"/apps?page={value}",
        f"/apps/{value}/crashes",
        f"/crashes/{value}",
        *(f"/apps/{member.app.identifier}/crashes?{name}={value}" for name in names),
        *(f"/crashes/{crash.identifier}?{name}={value}" for name in ("since_date", "until_date", "occurrence")),
    ]

    for address in addresses:
        answer = browser.get(address)
        assert (address, answer.status_code) in {(address, status) for status in (200, 303, 400, 404)}
        assert answer.status_code == 303 or Page(answer.text).all("main")


@pytest.mark.parametrize("email", EMAILS, ids=lambda value: repr(value[:12]))
def test_no_form_breaks_signing_in(client, member, email):
    body = f"email={email}&password={PASSWORD}".encode(errors="surrogatepass")

    answer = client.post("/sign-in", data=body, content_type="application/x-www-form-urlencoded", headers=OWN)

    assert answer.status_code == 401
    assert "Wrong e-mail or password." in answer.text

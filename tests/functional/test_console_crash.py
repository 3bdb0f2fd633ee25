"""One crash as a page: its figures, its occurrences, and the report of one of them."""

import json
import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from app.db.models.log import find_log
from tests.console import Page, sign_in
from tests.factories import NOON, kscrash, make_crash, make_member
from tests.sentry_events import sentry_event
from tests.uploads import digested

EVIL = "</pre><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture
def browser(client, member):
    return sign_in(client, member)


def crash_of(log) -> str:
    return log["occurrences"][0]["crash_identifier"]


def rows(page: Page) -> list[dict]:
    return [link for link in page.all("a") if "data-row" in link]


def followed(page: Page) -> dict[str, str]:
    """Section -> the question that it waits for."""
    return {one["id"]: one["data-follow"] for one in page.all("section") if "data-follow" in one}


def test_a_look_begins_what_the_page_shows_and_it_is_there_when_the_jobs_are_done(client, browser, member, run_workers):
    log = digested(client, member, run_workers, kscrash("index 4 beyond bounds"))
    url = f"/crashes/{crash_of(log)}"

    begun = browser.get(url).text
    run_workers()
    done = browser.get(url).text

    assert set(followed(Page(begun))) == {"statistics", "report"}
    assert '<noscript><meta http-equiv="refresh"' in begun
    assert followed(Page(done)) == {}
    assert "refresh" not in done
    assert 'class="histogram"' in done
    assert "NSInvalidArgumentException" in done
    assert "index 4 beyond bounds" in done
    assert re.search(r'class="frame own">.*-\[PageView tapped:\]', done)
    assert "iPhone9,4" in done


def test_a_frame_without_its_name_comes_with_the_command_that_names_it(client, browser, member, run_workers):
    trace = b"java.lang.Error: x\n\tat a.a.b(SourceFile:1)\n"
    event = sentry_event("ada", platform="java", release="com.example.shop@1.2+45", exception=obfuscated())
    pages = []
    for content, name in ((event, "one"), (trace, "two")):
        url = f"/crashes/{crash_of(digested(client, member, run_workers, content, name))}?since_date=2000-01-01"
        browser.get(url)
        run_workers()
        pages.append(browser.get(url).text)

    add = f"crashq remote symbols add --app {member.app.identifier}"
    assert f"{add} --version 1.2 --build 45 mapping.txt" in pages[0]
    assert "The log names no version" in pages[1]
    assert add not in pages[1]


def obfuscated() -> dict:
    frames = [{"module": "a.a", "function": "b", "filename": "SourceFile", "lineno": 1}]
    return {"values": [{"type": "c", "module": "a", "stacktrace": {"frames": frames}}]}


def test_what_the_page_follows_are_the_same_questions_at_the_api(client, browser, member, run_workers):
    log = digested(client, member, run_workers)
    page = Page(browser.get(f"/crashes/{crash_of(log)}").text)
    begun = {job["job_id"] for job in browser.get("/api/jobs").json["result"]}

    answers = [browser.get(question).json for question in followed(page).values()]

    assert {answer["job_id"] for answer in answers} == begun
    assert [answer["loading"] for answer in answers] == [[True], [True]]


def test_the_lists_own_link_and_that_of_reports_lead_to_the_api(client, browser, member, run_workers):
    log = digested(client, member, run_workers)
    page = Page(browser.get(f"/crashes/{crash_of(log)}?since_date=2018-09-01").text)
    [card] = [one for one in page.all("section") if "data-occurrences" in one]
    [reports] = [one["data-reports"] for one in page.all("div") if "data-reports" in one]
    [batch] = [one["data-batch"] for one in page.all("section") if "data-batch" in one]

    assert card["data-occurrences"] == f"/api/crashes/{crash_of(log)}/occurrences?since_date=2018-09-01"
    assert browser.get(card["data-occurrences"]).status_code == 200
    assert browser.get(f"{reports}&format=txt").json["loading"] == [True]
    assert urlsplit(batch).path == f"/api/crashes/{crash_of(log)}/exports"


def test_rows_lead_to_each_occurrence_and_the_newest_is_chosen(services, browser, member):
    crash = make_crash(services, member.app, 3)

    page = Page(browser.get(f"/crashes/{crash.identifier}").text)
    found = rows(page)
    other = Page(browser.get(found[2]["href"].partition("#")[0]).text)

    assert [row.get("aria-current") for row in found] == ["true", None, None]
    assert [row.get("aria-current") for row in rows(other)] == [None, None, "true"]


def test_days_choose_occurrences_and_figures(services, browser, member):
    crash = make_crash(services, member.app, 5)
    day = (NOON - timedelta(days=1)).date()

    page = Page(browser.get(f"/crashes/{crash.identifier}?since_date={day}&until_date={day}").text)
    none = browser.get(f"/crashes/{crash.identifier}?since_date=2030-01-01").text

    assert len(rows(page)) == 1
    assert f"since_date={day}&until_date={day}" in followed(page)["statistics"]
    assert "None in these days" in none
    assert "no occurrence in these days" in none


def test_occurrences_before_the_days_of_the_figures_are_led_to(services, browser, member, run_workers):
    crash = make_crash(services, member.app, 120)
    url, first = f"/crashes/{crash.identifier}", (NOON - timedelta(days=119)).date()
    browser.get(url)
    run_workers()

    [link] = [
        one["href"] for one in Page(browser.get(url).text).all("a") if f"since_date={first}" in (one["href"] or "")
    ]
    browser.get(link)
    run_workers()

    assert "120 occurrences from" in browser.get(link).text
    assert "There are earlier ones" not in browser.get(link).text


@pytest.mark.parametrize("name", ["x", "a-crash-1", "../../etc-crash-1", "-crash-"])
def test_an_occurrence_that_is_not_of_the_crash_is_not_found(services, browser, member, name):
    crash = make_crash(services, member.app)

    answer = browser.get(f"/crashes/{crash.identifier}?occurrence={name}")

    assert answer.status_code == 404
    assert "There is no such occurrence of this crash" in answer.text


def test_another_tenants_occurrence_is_not_found_through_ones_own_crash(services, browser, member):
    own, others = make_crash(services, member.app), make_member(services, "mallory@example.com")
    theirs = make_crash(services, others.app, 1, newest=NOON - timedelta(days=99))
    name = Page(sign_in(browser.application.test_client(), others).get(f"/crashes/{theirs.identifier}").text)
    [link] = rows(name)

    answer = browser.get(f"/crashes/{own.identifier}?{urlsplit(link['href']).query}")

    assert answer.status_code == 404


def test_whatever_a_log_says_is_shown_as_text(client, browser, member, run_workers):
    raw = json.loads(kscrash(EVIL, EVIL))
    raw["crash"]["threads"][0]["name"] = EVIL
    raw["binary_images"][0]["name"] = f"/x/{EVIL}"
    raw["user"] = {EVIL: EVIL}
    raw["system"]["machine"] = EVIL
    log = digested(client, member, run_workers, json.dumps(raw).encode())
    url = f"/crashes/{crash_of(log)}"
    browser.get(url)
    run_workers()

    answer = browser.get(url)

    page = Page(answer.text)
    assert "<script>alert" not in answer.text
    assert page.text.count("alert(2)") >= 5
    assert not [attributes for _, attributes in page.elements if "onerror" in attributes]
    assert all(script["src"].startswith("/static/") for script in page.all("script"))


def test_a_report_that_cannot_be_made_says_why_and_leaves_the_rest(services, client, browser, member, run_workers):
    log = digested(client, member, run_workers)
    with services.db.write() as session:
        find_log(session, member.app.id, log["log_id"]).removed_at = NOON
    url = f"/crashes/{crash_of(log)}"
    browser.get(url)
    run_workers()

    page = browser.get(url).text

    assert 'class="histogram"' in page
    assert "The log of this occurrence is no longer kept: it was older than the app keeps logs." in page
    assert "data-follow" not in page


def test_why_occurrences_are_one_crash_is_told(client, browser, member, run_workers):
    log = digested(client, member, run_workers)

    page = Page(browser.get(f"/crashes/{crash_of(log)}").text)

    assert "Why these are one crash" in page.text
    assert "-[PageView tapped:]" in page.text


def test_a_report_of_megabytes_is_offered_for_download(client, browser, member, run_workers, monkeypatch):
    monkeypatch.setattr("app.web.console.page_results.MAX_SHOWN", 1_000)
    log = digested(client, member, run_workers)
    url = f"/crashes/{crash_of(log)}"
    browser.get(url)
    run_workers()

    assert "too long to be shown here; download it instead" in browser.get(url).text


def test_bars_lead_to_the_crashes_with_their_value_and_rows_tell_what_their_logs_do(
    client, browser, member, run_workers
):
    for number, user in enumerate(("ada", "bob", EVIL)):
        event = sentry_event(user, name=str(number), environment="staging", timestamp=f"2018-09-1{number}T08:00:00Z")
        log = digested(client, member, run_workers, event, f"log-{number}")
    url = f"/crashes/{crash_of(log)}?occurrence=log-1-crash-1"
    browser.get(url)
    run_workers()

    page = Page(browser.get(url).text)

    links = [link["href"] or "" for link in page.all("a")]
    for filters in ("app_version=1.2", "environment=staging"):
        assert f"/apps/{member.app.identifier}/crashes?state=all&{filters}" in links
    assert "1.2 · bob" in page.text
    beside = {link["rel"]: link["href"] for link in page.all("a") if link.get("rel") in ("prev", "next")}
    assert ["log-2-crash-1" in beside["prev"], "log-0-crash-1" in beside["next"]] == [True, True]

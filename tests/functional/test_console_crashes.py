"""The crashes of an app as a page: searched, filtered, in order, with the figures that a job counts."""

from datetime import timedelta

import pytest

from app.ingest.receive import receive
from tests.console import Page, sign_in
from tests.factories import NOON, make_crash
from tests.places import crashes_of_places, event


@pytest.fixture
def browser(client, member):
    return sign_in(client, member)


@pytest.fixture
def url(member):
    return f"/apps/{member.app.identifier}/crashes"


def titled(services, app, title, **values):
    crash = make_crash(services, app, **values)
    with services.db.write() as session:
        session.get_one(type(crash), crash.id).title = title
    return crash


def shown(page: Page) -> list[str]:
    """Identifiers of the rows, from above."""
    return [link["href"].removeprefix("/crashes/") for link in page.all("a") if "data-row" in link]


def test_rows_tell_what_is_known_at_once_and_the_rest_when_it_is_counted(services, browser, member, url, run_workers):
    crash = titled(services, member.app, "SIGSEGV: null in Notes.open", occurrences=1_204)
    begun = browser.get(url)
    [section] = [one for one in Page(begun.text).all("section") if one.get("id") == "crash-list"]

    run_workers()
    done = browser.get(url)

    assert "1,204" in begun.text
    assert section["data-follow"].startswith(
        f"/api/apps/{member.app.identifier}/crashes/statistics?crashes={crash.identifier}"
    )
    assert '<noscript><meta http-equiv="refresh"' in begun.text
    assert 'class="sparkline"' in done.text
    assert "data-follow" not in done.text
    assert "refresh" not in done.text


def test_figures_say_of_which_days_they_are_and_what_no_log_has_told(services, browser, member, url, run_workers):
    titled(services, member.app, "Late", occurrences=1)
    titled(services, member.app, "Early", occurrences=1, newest=NOON - timedelta(days=400))
    browser.get(url)

    run_workers()
    page = Page(browser.get(url).text)

    dashes = [one["title"] for one in page.all("span") if one.get("class") == "muted" and "title" in one]
    assert "those of 2018-08-15 to 2018-09-13 (UTC)" in page.text
    assert sorted(dashes) == ["No log tells", "No log tells", "None in these days", "None in these days"]


def test_what_the_page_follows_is_the_same_question_at_the_api(services, browser, member, url):
    make_crash(services, member.app)
    [section] = [one for one in Page(browser.get(url).text).all("section") if one.get("id") == "crash-list"]

    answer = browser.get(section["data-follow"])

    jobs = browser.get("/api/jobs").json["result"]
    assert answer.json["loading"] == [True]
    assert [job["job_id"] for job in jobs] == [answer.json["job_id"]]


def test_a_search_finds_titles_and_says_when_none_fits(services, browser, member, url):
    wanted = titled(services, member.app, "SIGSEGV in Notes.open")
    titled(services, member.app, "SIGABRT in Cart.total", newest=NOON - timedelta(hours=1))

    assert shown(Page(browser.get(f"{url}?search=notes").text)) == [wanted.identifier]
    nothing = browser.get(f"{url}?search=absent").text
    assert "No crash fits" in nothing
    assert 'value="absent"' in nothing


def test_headings_sort_and_turn_round(services, browser, member, url):
    few, many = (
        make_crash(services, member.app, 1),
        make_crash(services, member.app, 5, newest=NOON - timedelta(days=1)),
    )

    high = Page(browser.get(f"{url}?sort=occurrences_count&search=NSRange").text)
    low = Page(browser.get(f"{url}?sort=occurrences_count&order=asc").text)

    assert shown(high) == [many.identifier, few.identifier]
    assert shown(low) == [few.identifier, many.identifier]
    assert [heading.get("aria-sort") for heading in high.all("th") if heading.get("aria-sort")] == ["descending"]
    turned = [link["href"] for link in high.all("a") if "order=asc" in link["href"]]
    assert turned == ["?search=NSRange&sort=occurrences_count&order=asc"]


def test_a_time_is_chosen_by_one_press(services, browser, member, url, clock):
    old = make_crash(services, member.app, 1, newest=NOON - timedelta(days=20))
    new = make_crash(services, member.app, 1)
    ranges = {link["href"]: link for link in Page(browser.get(url).text).all("a") if "since_date" in link["href"]}
    week, month = "?since_date=2018-09-06", "?since_date=2018-08-14"

    assert {week, month} <= set(ranges)
    assert shown(Page(browser.get(url + week).text)) == [new.identifier]
    assert shown(Page(browser.get(url + month).text)) == [new.identifier, old.identifier]


@pytest.mark.parametrize(
    "query", ["sort=title", "order=up", "since_date=x", "search=" + "x" * 201, "first_seen_since=-"]
)
def test_what_makes_no_sense_is_told(browser, url, query):
    answer = browser.get(f"{url}?{query}")

    assert (answer.status_code, answer.mimetype) == (400, "text/html")
    assert query.partition("=")[0] in answer.text


def test_a_search_with_a_slip_stays_in_its_field_beside_what_is_understood(browser, url):
    answer = browser.get(f"{url}?search=vesion:2.4+cart&environment=staging")

    values = {one["name"]: one.get("value") for one in Page(answer.text).all("input") if one.get("name")}
    assert (answer.status_code, values["search"], values["environment"]) == (400, "vesion:2.4 cart", "staging")
    assert "vesion is not understood, version is" in answer.text
    assert "tag.screen:cart, is:open, assignee:me." in answer.text
    assert "No crash fits" not in answer.text


def test_a_page_beyond_the_last_leads_to_the_first(services, browser, member, url):
    make_crash(services, member.app)

    page = browser.get(f"{url}?search=NSRange&page=9").text

    assert "Nothing on this page" in page
    assert 'href="?search=NSRange&amp;page=1"' in page


def test_pages_follow_each_other_and_keep_what_was_asked_for(services, browser, member, url):
    for number in range(51):
        make_crash(services, member.app, 1, newest=NOON - timedelta(minutes=number))

    first = Page(browser.get(f"{url}?search=NSRange").text)
    [onward] = [link["href"] for link in first.all("a") if link.get("rel") == "next"]
    second = Page(browser.get(url + onward).text)

    assert onward == "?search=NSRange&page=2"
    assert (len(shown(first)), len(shown(second))) == (50, 1)
    assert set(shown(first)).isdisjoint(shown(second))


def test_what_an_app_takes_out_of_titles_is_not_shown(services, client, browser, member, url):
    titled(services, member.app, "Error: mail to ada@example.com failed")
    client.patch(
        f"/api/apps/{member.app.identifier}/settings",
        json={"redaction": {"patterns": ["email"]}},
        headers=member.headers,
    )

    page = browser.get(url).text

    assert "mail to [email] failed" in page


def test_filters_are_kept_in_the_form_and_counts_are_of_the_chosen_time(services, browser, member, url):
    crash = titled(services, member.app, "SIGSEGV", occurrences=5, every=timedelta(days=1))

    page = Page(browser.get(f"{url}?since_date=2018-09-12&sort=users&kind=&assignee=none").text)
    none = Page(browser.get(f"{url}?app_version=9.9&search=env:staging").text)

    assert shown(page) == [crash.identifier]
    assert [cell for cell in page.all("td") if cell.get("data-label") == "Occurrences"]
    assert "2 " in page.text.partition("SIGSEGV")[2].partition("ago")[0] or "\n2" in page.text
    values = {one["name"]: one.get("value") for one in none.all("input") if one.get("name")}
    assert (values["app_version"], values["search"], values["environment"]) == ("9.9", "env:staging", "")
    assert [one for one in none.all("details") if "filter-fold" in (one.get("class") or "") and "open" in one]
    assert "No crash fits" in none.text


def test_trend_users_and_versions_are_of_what_fits_the_filters(services, browser, member, url, run_workers):
    crashes_of_places(services, member, run_workers)
    filters = "state=all&environment=production"
    browser.get(f"{url}?{filters}")

    run_workers()
    shown_rows = browser.get(f"{url}?{filters}").text
    with_user = browser.get(f"{url}?state=all&user_id=ada").text

    cart = shown_rows.partition("CartException")[2].partition("</tr>")[0]
    assert "1.1" in cart
    assert "+1" not in cart  # 1.0 met it elsewhere
    assert "of the occurrences that fit the filters" in shown_rows
    assert "CartException" in with_user
    assert 'class="sparkline"' not in with_user
    dashes = [one for one in Page(with_user).all("span") if one.get("title") == "Not counted with these filters"]
    assert len(dashes) == 3  # trend, users and versions of one crash
    assert "not counted with a user as a filter" in with_user


def test_in_the_order_of_users_the_column_shows_what_the_order_is_by(services, browser, member, url, run_workers):
    for number, day in enumerate((0, 60)):
        log = event("Login", day, f"user-{number}", release="x@1.0")
        receive(services, member.app, f"log-{number}", log)
    run_workers()
    browser.get(f"{url}?sort=users")
    run_workers()

    page = browser.get(f"{url}?sort=users").text

    assert '<td class="end" data-label="Users">2</td>' in page  # one of them in the last 30 days
    assert "Trend and versions are those of" in page


def test_a_search_that_names_a_state_is_of_no_other(services, browser, member, url):
    titled(services, member.app, "SIGSEGV")

    assert shown(Page(browser.get(f"{url}?search=is:open").text)) != []
    assert shown(Page(browser.get(f"{url}?search=is:resolved").text)) == []
    assert "contradicts state=open" in browser.get(f"{url}?search=is:resolved&state=open").text


def test_no_two_elements_of_the_list_have_one_id(services, browser, member, url):
    titled(services, member.app, "SIGSEGV")

    ids = [one["id"] for _, one in Page(browser.get(url).text).elements if one.get("id")]

    assert sorted(ids) == sorted(set(ids))

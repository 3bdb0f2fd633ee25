"""The occurrences of a crash over HTTP: the same GET starts, joins, polls and returns."""

import threading
from dataclasses import replace

import pytest

from app import create_app
from app.web.api.polling import WAITING
from tests.factories import NOON, add_newer, join, make_crash, make_member, run_enqueued


@pytest.fixture
def crash(services, member):
    return make_crash(services, member.app, occurrences=3)


@pytest.fixture
def url(crash) -> str:
    return f"/api/crashes/{crash.identifier}/occurrences"


def test_polling_the_same_url_returns_the_finished_list(client, member, url, run_workers):
    first = client.get(url, headers=member.headers)
    run_workers()
    second = client.get(url, headers=member.headers)

    assert (first.status_code, first.json["loading"], first.json["result"]) == (200, [True], [])
    assert (second.status_code, second.json["loading"], second.json["job_id"]) == (200, [False], first.json["job_id"])
    assert [row["date"] for row in second.json["result"]] == ["2018-09-13", "2018-09-12", "2018-09-11"]
    assert second.json["result"][0] == {
        "id": "2544355787-1536840000-logs-00000-crash-1", "date": "2018-09-13", "log_id": "2544355787-1536840000-logs-00000"
    }  # fmt: skip


def test_an_unfinished_answer_tells_when_to_ask_again_and_is_not_kept(client, member, url, clock):
    headers = client.get(url, headers=member.headers).headers
    clock.advance(seconds=35)
    later = client.get(url, headers=member.headers).headers

    assert (headers["Retry-After"], headers["X-Progress"], headers["Cache-Control"]) == ("1", "0/3 rows", "no-store")
    assert later["Retry-After"] == "7"
    assert "ETag" not in headers


def test_a_finished_answer_may_be_kept_by_the_client_and_is_not_sent_again(client, member, url, run_workers):
    client.get(url, headers=member.headers)
    run_workers()
    finished = client.get(url, headers=member.headers)

    tag = finished.headers["ETag"]
    again = client.get(url, headers={**member.headers, "If-None-Match": tag})
    others = [
        client.get(url, headers={**member.headers, "If-None-Match": tags}).status_code
        for tags in (f"W/{tag}", f'"another", {tag}', "*", '"another"')
    ]

    assert others == [304, 304, 304, 200]
    assert finished.headers["Cache-Control"] == "private"
    assert finished.headers["Last-Modified"] == "Thu, 13 Sep 2018 12:00:00 GMT"
    assert finished.headers["Expires"] == "Fri, 14 Sep 2018 12:00:00 GMT"
    assert "Retry-After" not in finished.headers
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", finished.headers["ETag"])


def test_another_result_has_another_etag(client, services, member, crash, url, clock, run_workers):
    etags = set()
    for _ in range(2):
        client.get(url, headers=member.headers)
        run_workers()
        etags.add(client.get(url, headers=member.headers).headers["ETag"])
        add_newer(services, crash)
        clock.advance(minutes=1)

    assert len(etags) == 2


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ("since_date=2018-09-12", [13, 12]),
        ("until_date=2018-09-12", [12, 11]),
        ("since_date=2018-09-12&until_date=2018-09-12", [12]),
        ("since_date=2018-09-12T12:00:00Z", [13, 12]),
        ("since_date=2018-09-12T12:00:01Z", [13]),
        ("since_date=2018-09-12T14:00:00%2B02:00", [13, 12]),
        ("until_date=2018-09-12T11:59:59Z", [11]),
        ("since_date=9999-12-31", []),
        ("since_date=0001-01-01&until_date=9999-12-31", [13, 12, 11]),
        ("since_date=2018-09-13&until_date=2018-09-11", []),
        ("page=1&per_page=2", [13, 12]),
        ("page=2&per_page=2", [11]),
        ("page=3&per_page=2", []),
        ("per_page=1", [13]),
        ("page=1", [13, 12, 11]),
        ("per_page=0", [13, 12, 11]),
        ("per_page=-1&page=-1", [13, 12, 11]),
        ("per_page=10001", [13, 12, 11]),
        ("page=99999999999999999999999", []),
        ("per_page=99999999999999999999999", [13, 12, 11]),
        ("since_date=&until_date=&page=&per_page=", [13, 12, 11]),
        ("nonsense=1", [13, 12, 11]),
    ],
)
def test_days_and_pages_choose_the_rows(client, member, url, run_workers, query, days):
    client.get(f"{url}?{query}", headers=member.headers)
    run_workers()

    answer = client.get(f"{url}?{query}", headers=member.headers)

    assert [row["date"] for row in answer.json["result"]] == [f"2018-09-{day}" for day in days]


@pytest.mark.parametrize(
    "value", ["2018-02-30", "13-09-2018", "0000-01-01", "yesterday", "%00", "%FF", "2018-09-13T25:00"]
)
@pytest.mark.parametrize("name", ["since_date", "until_date"])
def test_a_date_that_cannot_be_read_is_named(client, member, url, name, value):
    answer = client.get(f"{url}?{name}={value}", headers=member.headers)

    assert (answer.status_code, answer.json["status"]) == (400, "bad_request")
    assert answer.json["error_message"].startswith(f"{name} is not a date")


@pytest.mark.parametrize("query", ["page=one", "per_page=1e3", "page=1.0", "page=%00", "page=--1", "page=-"])
def test_a_page_that_is_no_number_is_named(client, member, url, query):
    answer = client.get(f"{url}?{query}", headers=member.headers)

    assert (answer.status_code, answer.json["error_message"]) == (
        400,
        f"{query.partition('=')[0]} is not a whole number",
    )


def test_a_crash_of_others_and_an_unknown_one_are_told_apart_as_the_vendor_does(client, services, member):
    theirs = make_crash(services, make_member(services, "mallory@example.com").app)

    hidden = client.get(f"/api/crashes/{theirs.identifier}/occurrences", headers=member.headers)
    unknown = client.get(f"/api/crashes/{'0' * 24}/occurrences", headers=member.headers)

    assert (hidden.status_code, hidden.json["error_message"]) == (404, "You have no access to this app crash")
    assert (unknown.status_code, unknown.json["error_message"]) == (404, "App Crash with identifier occurrences.")


def test_a_job_id_is_for_users_who_asked_before(client, services, member, url, run_workers):
    job_id = client.get(url, headers=member.headers).json["job_id"]
    run_workers()
    other = join(services, "bob@example.com", member.app)

    mine = client.get(f"{url}?job_id={job_id}", headers=member.headers)
    theirs = client.get(f"{url}?job_id={job_id}", headers=other.headers)

    assert mine.json["loading"] == [False]
    assert (theirs.status_code, theirs.json["error_message"]) == (404, "Job not found")


def test_a_request_that_prefers_to_wait_gets_the_finished_list(client, services, member, url):
    job_id = client.get(url, headers=member.headers).json["job_id"]
    worker = threading.Thread(target=run_enqueued, args=(services,))
    worker.start()

    answer = client.get(url, headers={**member.headers, "Prefer": "wait=30"})
    worker.join()

    assert (answer.json["loading"], answer.json["job_id"]) == ([False], job_id)
    assert answer.headers.get("Preference-Applied", "wait=30") == "wait=30"


def test_waiting_ends_with_its_time_and_says_that_it_waited(client, member, url):
    answer = client.get(url, headers={**member.headers, "Prefer": "respond-async, wait=0"})

    assert (answer.json["loading"], answer.headers["Preference-Applied"]) == ([True], "wait=0")


def test_half_of_the_threads_at_most_wait(services, member, url):
    crowded = create_app(replace(services, config=replace(services.config, web_threads=2)))
    room = crowded.extensions[WAITING].held
    entered, leave = threading.Event(), threading.Event()
    holder = threading.Thread(
        target=room.wait, args=(30, "occurrences", 0.0, lambda: (entered.set(), leave.wait(10))[1])
    )
    holder.start()
    entered.wait(10)

    answer = crowded.test_client().get(url, headers={**member.headers, "Prefer": "wait=30"})
    leave.set()
    holder.join()

    assert (answer.json["loading"], "Preference-Applied" in answer.headers) == ([True], False)


def test_a_crash_without_occurrences_has_an_empty_list(client, services, member, run_workers):
    crash = make_crash(services, member.app, occurrences=0, newest=NOON)
    url = f"/api/crashes/{crash.identifier}/occurrences"

    client.get(url, headers=member.headers)
    run_workers()

    assert client.get(url, headers=member.headers).data.endswith(b'"success":true,"result":[]}')

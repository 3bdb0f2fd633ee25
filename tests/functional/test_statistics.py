"""Figures of crashes over HTTP: jobs like all others."""

from datetime import timedelta

import pytest

from app.jobs.types import app_statistics
from tests.batches import describe
from tests.factories import NOON, make_crash, make_member
from tests.uploads import digested


@pytest.fixture
def crash(services, member):
    made = make_crash(services, member.app, occurrences=3)
    describe(services, made, app_version="1.2", device_model="ada@example.com's phone", user_id="ada")
    return made


def test_polling_the_same_url_returns_the_figures(client, member, crash, run_workers):
    url = f"/api/crashes/{crash.identifier}/statistics"

    first = client.get(url, headers=member.headers)
    run_workers()
    second = client.get(url, headers=member.headers)

    assert (first.status_code, first.json["loading"], first.json["result"]) == (200, [True], None)
    assert first.headers["X-Progress"] == "0/3 occurrences"
    assert (second.json["loading"], second.json["job_id"]) == ([False], first.json["job_id"])
    assert second.json["result"]["occurrences_per_day"][-3:] == [1, 1, 1]
    assert second.json["result"]["app_versions"]["top"] == [{"app_version": "1.2", "occurrences": 3}]
    assert len(second.json["result"]["occurrences_per_day"]) == 90


def test_a_digested_log_is_counted_with_its_facts(client, member, run_workers):
    log = digested(client, member, run_workers)
    url = f"/api/crashes/{log['occurrences'][0]['crash_identifier']}/statistics"

    client.get(url, headers=member.headers)
    run_workers()
    told = client.get(url, headers=member.headers).json["result"]

    assert told["os_versions"]["top"] == [{"os_name": "iOS", "os_version": "11.4.1", "occurrences": 1}]
    assert told["device_models"]["top"] == [{"device_model": "iPhone9,4", "occurrences": 1}]
    assert (told["users"], told["occurrences_without_user"]) == (0, 1)


def test_the_crashes_of_a_page_are_one_question_in_any_order(client, services, member, crash, run_workers):
    other = make_crash(services, member.app, newest=NOON - timedelta(hours=1))
    base = f"/api/apps/{member.app.identifier}/crashes/statistics?crashes="

    first = client.get(f"{base}{crash.identifier},{other.identifier}", headers=member.headers)
    run_workers()
    second = client.get(f"{base}{other.identifier},%20{crash.identifier},", headers=member.headers)

    assert (first.json["loading"], first.json["result"]) == ([True], None)
    assert (second.json["loading"], second.json["job_id"]) == ([False], first.json["job_id"])
    assert [one["occurrences"] for one in second.json["result"]["crashes"]] == [3, 3]


def test_what_the_app_takes_out_of_reports_is_not_in_the_figures(client, member, crash, run_workers):
    url = f"/api/crashes/{crash.identifier}/statistics"
    client.get(url, headers=member.headers)
    run_workers()
    before = client.get(url, headers=member.headers).json
    client.patch(f"/api/apps/{member.app.identifier}/settings", json={"redaction": {"patterns": ["email"]}},
                 headers=member.headers)  # fmt: skip

    client.get(f"{url}?since_date=2018-01-01", headers=member.headers)
    run_workers()
    after = client.get(f"{url}?since_date=2018-01-01", headers=member.headers).json

    assert before["result"]["device_models"]["top"][0]["device_model"] == "ada@example.com's phone"
    assert [one["occurrences"] for one in after["result"]["device_models"]["top"]] == [3]
    assert "ada@example.com" not in str(after)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("crashes", "crashes"),
        ("crashes=,%20", "crashes"),
        ("crashes=xyz", "crashes"),
        ("crashes=" + ",".join(f"{n:024x}" for n in range(app_statistics.MOST_CRASHES + 1)), "crashes"),
        (f"crashes={'0' * 24}&since_date=2018-02-30", "since_date"),
        (f"crashes={'0' * 24}&since_date=2018-02-20&until_date=2018-02-19", "until_date"),
    ],
)
def test_a_question_that_makes_no_sense_is_told_so_by_name(client, member, query, named):
    answer = client.get(f"/api/apps/{member.app.identifier}/crashes/statistics?{query}", headers=member.headers)

    assert (answer.status_code, answer.json["status"]) == (400, "bad_request")
    assert answer.json["error_message"].startswith(named)


def test_another_tenants_figures_are_not_to_be_had(client, services, member, crash):
    stranger = make_member(services, "mallory@example.com")

    of_crash = client.get(f"/api/crashes/{crash.identifier}/statistics", headers=stranger.headers)
    of_app = client.get(
        f"/api/apps/{member.app.identifier}/crashes/statistics?crashes={crash.identifier}", headers=stranger.headers
    )

    assert of_crash.json["error_message"] == "You have no access to this app crash"
    assert of_app.json["error_message"] == "App not found"
    assert {of_crash.status_code, of_app.status_code} == {404}


def test_without_a_token_there_is_nothing_to_see(client, member, crash):
    paths = (f"crashes/{crash.identifier}/statistics", f"apps/{member.app.identifier}/crashes/statistics?crashes=x")

    assert {client.get(f"/api/{path}").status_code for path in paths} == {401}

"""The public API asked with a session's cookie: the same answers and checks, and nothing for other sites' pages."""

import pytest

from tests.console import OWN, csrf_of, sign_in
from tests.factories import kscrash, make_crash, make_member

FOREIGN = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]
NOT_OURS = "This request did not come from a page of this console; reload the page and try again"


@pytest.fixture
def listing(services, member):
    return f"/api/crashes/{make_crash(services, member.app).identifier}/occurrences"


def test_the_cookie_asks_polls_and_gets_the_same_result_as_the_token(client, member, listing, run_workers):
    sign_in(client, member)

    begun = client.get(listing)
    run_workers()
    by_cookie, by_token = client.get(listing), client.get(listing, headers=member.headers)

    assert begun.json["loading"] == [True]
    assert by_cookie.json["loading"] == [False]
    assert by_cookie.json == by_token.json


def test_a_browser_keeps_no_answer_that_it_would_not_ask_about_again(client, member, listing, run_workers):
    sign_in(client, member)
    client.get(listing)
    run_workers()

    answer = client.get(listing)
    again = client.get(listing, headers={"If-None-Match": answer.headers["ETag"]})

    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert "Cookie" in answer.vary
    assert again.status_code == 304
    assert client.get(listing, headers=member.headers).headers["Cache-Control"] == "private"


def test_a_repeated_answer_is_never_anothers(services, client, member, listing, run_workers):
    stranger = make_member(services, "mallory@example.com")
    sign_in(client, member)
    client.get(listing)
    run_workers()
    assert [client.get(listing).json["loading"] for _ in range(2)] == [[False], [False]]  # kept to be repeated

    others = client.application.test_client()
    others.set_cookie("crashq", stranger.token)

    assert others.get(listing).status_code == 404
    assert client.application.test_client().get(listing).status_code == 401
    assert client.get(listing).json["loading"] == [False]


def test_a_token_in_the_header_goes_before_the_cookie(services, client, member):
    stranger = make_member(services, "mallory@example.com", "Theirs")
    sign_in(client, member)

    names = [app["name"] for app in client.get("/api/apps", headers=stranger.headers).json["result"]]

    assert names == ["Theirs"]
    assert client.get("/api/apps", headers={"Authorization": "Token "}).status_code == 401
    assert client.get("/api/apps", headers={"Authorization": "Token unknown-token-of-nobody"}).status_code == 401


def test_a_password_for_a_proxy_in_front_does_not_hide_the_cookie(client, member):
    sign_in(client, member)

    assert client.get("/api/apps", headers={"Authorization": "Basic eDp5"}).status_code == 200


@pytest.mark.parametrize("headers", FOREIGN)
def test_another_sites_page_gets_nothing_by_the_cookie_not_even_a_job(client, member, listing, headers):
    sign_in(client, member)

    answer = client.get(listing, headers=headers)

    assert (answer.status_code, answer.headers["X-Error-Code"]) == (401, "foreign_page")
    assert answer.json == {"success": False, "status": "unauthorized", "error_message": NOT_OURS}
    assert client.get("/api/jobs").json["result"] == []


def test_what_changes_something_needs_the_proof_of_the_session(client, member, listing):
    sign_in(client, member)
    job = f"/api/jobs/{client.get(listing).json['job_id']}"

    answer = client.delete(job, headers={**OWN, "X-CSRF-Token": csrf_of(client)})

    assert answer.json["result"]["state"] == "cancelled"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        OWN,
        {**OWN, "X-CSRF-Token": ""},
        {**OWN, "X-CSRF-Token": "0" * 128},
        {**OWN, "X-CSRF-Token": "0" * 64},
        {**OWN, "X-CSRF-Token": "x" * 128},
        {**OWN, "X-CSRF-Token": "ü"},
    ],
)
def test_without_the_proof_nothing_is_changed(client, member, listing, headers):
    sign_in(client, member)
    job = f"/api/jobs/{client.get(listing).json['job_id']}"

    answer = client.delete(job, headers=headers)

    assert (answer.status_code, answer.json["error_message"]) == (401, NOT_OURS)
    assert client.get(job).json["result"]["state"] == "queued"


@pytest.mark.parametrize("headers", [*FOREIGN, {"Origin": "https://evil.example.com"}, {"Origin": "null"}])
def test_a_good_proof_from_another_origin_changes_nothing(client, member, listing, headers):
    sign_in(client, member)
    job = f"/api/jobs/{client.get(listing).json['job_id']}"

    answer = client.delete(job, headers={"X-CSRF-Token": csrf_of(client), **headers})

    assert answer.status_code == 401
    assert client.get(job).json["result"]["state"] == "queued"


def test_the_proof_of_another_session_is_none(services, client, member, listing):
    stranger = make_member(services, "mallory@example.com")
    sign_in(client, member)
    job = f"/api/jobs/{client.get(listing).json['job_id']}"
    others = csrf_of(sign_in(client.application.test_client(), stranger))

    assert client.delete(job, headers={**OWN, "X-CSRF-Token": others}).status_code == 401


def test_each_page_shows_the_proof_in_another_guise_and_all_hold(client, member):
    sign_in(client, member)
    shown = {csrf_of(client) for _ in range(3)}

    answers = [client.delete("/api/jobs/x", headers={**OWN, "X-CSRF-Token": proof}).status_code for proof in shown]

    assert len(shown) == 3
    assert answers == [404, 404, 404]


def test_a_log_is_uploaded_with_cookie_and_proof_and_not_without(client, member):
    sign_in(client, member)
    url = f"/api/apps/{member.app.identifier}/logs?log_id=a"

    refused = client.post(url, data=kscrash(), headers=OWN)
    taken = client.post(url, data=kscrash(), headers={**OWN, "X-CSRF-Token": csrf_of(client)})

    assert (refused.status_code, taken.status_code) == (401, 202)


def test_a_token_in_the_header_needs_no_proof(client, member, listing):
    job = f"/api/jobs/{client.get(listing, headers=member.headers).json['job_id']}"

    assert client.delete(job, headers={**member.headers, "Sec-Fetch-Site": "cross-site"}).status_code == 200

"""One crash over HTTP: why it is one, what people merge and split, and that old identifiers go on leading to it."""

import pytest

from app.identity.accounts import app_for_operator, create_app_for
from app.ingest.regrouping import begin_regrouping
from tests.factories import make_crash, make_member
from tests.regrouping import crash_of, rules_of_the_next_version, send


@pytest.fixture
def two(services, member, run_workers):
    """Crash A with two occurrences, crash B with one."""
    send(services, member, run_workers, "-[A go]", "-[A go]", "-[B go]")
    return crash_of(services, "log-0"), crash_of(services, "log-2")


def test_a_crash_tells_why_its_occurrences_are_one(client, member, two):
    crash = two[0]

    answer = client.get(f"/api/crashes/{crash.identifier}", headers=member.headers)

    assert answer.status_code == 200
    assert answer.json == {
        "success": True,
        "result": {
            "identifier": crash.identifier,
            "title": crash.title,
            "app_identifier": member.app.identifier,
            "first_seen": "2018-09-13T08:02:53Z",
            "last_seen": "2018-09-13T08:02:53Z",
            "occurrences_count": 2,
            "versions": ["1.2"],
            "fingerprint": crash.fingerprint,
            "why": {
                "rule": "in-app frames",
                "version": crash.fingerprint_version,
                "parts": ["type: NSInvalidArgumentException", "frame: -[A go]"],
                "symbols": False,
            },
            "merged": [],
            "state": "open",
            "state_changed_at": None,
            "resolved_in": None,
            "ignored_until": None,
            "assignee": None,
            "regressed_at": None,
        },
    }


def test_a_crash_made_before_its_reason_was_kept_says_so(client, services, member):
    crash = make_crash(services, member.app)

    assert client.get(f"/api/crashes/{crash.identifier}", headers=member.headers).json["result"]["why"] is None


def test_merged_crashes_answer_by_either_identifier_at_every_endpoint(client, member, two, run_workers):
    one, other = two

    merged = client.post(
        f"/api/crashes/{one.identifier}/merge", json={"into": other.identifier}, headers=member.headers
    )
    run_workers()

    assert merged.json["result"]["identifier"] == other.identifier
    assert [(group["identifier"], group["moving"]) for group in merged.json["result"]["merged"]] == [
        (one.identifier, True)
    ]
    for identifier in (one.identifier, other.identifier):
        path = f"/api/crashes/{identifier}"
        shown = client.get(path, headers=member.headers).json["result"]
        assert (shown["identifier"], shown["occurrences_count"]) == (other.identifier, 3)
        assert client.get(f"{path}/occurrences", headers=member.headers).json["loading"] == [True]
        run_workers()
        assert client.post(f"{path}/exports", headers=member.headers).json["loading"] == [True]
        run_workers()
        rows = client.get(f"{path}/occurrences", headers=member.headers).json["result"]
        assert sorted(row["log_id"] for row in rows) == ["log-0", "log-1", "log-2"]
        assert client.post(f"{path}/exports", headers=member.headers).json["loading"] == [False]
        question = {"id": rows[0]["id"], "log_id": rows[0]["log_id"], "date": rows[0]["date"]}
        client.get(f"{path}/export_occurrences", query_string=question, headers=member.headers)
        run_workers()
        report = client.get(f"{path}/export_occurrences", query_string=question, headers=member.headers)
        assert report.json["loading"] == [False]
    listed = client.get(f"/api/apps/{member.app.identifier}/crashes", headers=member.headers).json["result"]
    assert [crash["identifier"] for crash in listed] == [other.identifier]


def test_a_split_group_is_a_crash_again(client, member, two, run_workers):
    one, other = two
    client.post(f"/api/crashes/{one.identifier}/merge", json={"into": other.identifier}, headers=member.headers)
    run_workers()

    answer = client.post(
        f"/api/crashes/{other.identifier}/split", json={"fingerprint": one.fingerprint}, headers=member.headers
    )
    run_workers()

    assert (answer.status_code, answer.json["result"]["merged"]) == (200, [])
    for crash, number in ((one, 2), (other, 1)):
        shown = client.get(f"/api/crashes/{crash.identifier}", headers=member.headers).json["result"]
        assert (shown["identifier"], shown["occurrences_count"]) == (crash.identifier, number)


def test_a_list_asked_for_before_a_regrouping_is_made_anew_after_it(client, services, member, two, run_workers, clock):
    path = f"/api/crashes/{two[0].identifier}/occurrences"
    client.get(path, headers=member.headers)
    run_workers()
    first = client.get(path, headers=member.headers).json["job_id"]

    with rules_of_the_next_version(lambda parts: parts[:1]):
        begin_regrouping(services, member.app.id)
        run_workers()
    clock.advance(seconds=31)
    answer = client.get(path, headers=member.headers).json
    run_workers()

    assert (answer["loading"], answer["job_id"] != first) == ([True], True)
    assert len(client.get(path, headers=member.headers).json["result"]) == 3


def test_a_job_that_waits_for_an_emptied_crash_tells_of_the_one_that_took_its_occurrences(
    client, services, member, two, run_workers
):
    path = f"/api/crashes/{two[0].identifier}/occurrences"
    job_id = client.get(path, headers=member.headers).json["job_id"]
    waiting, services.broker.messages = services.broker.messages, []

    with rules_of_the_next_version():
        begin_regrouping(services, member.app.id)
        run_workers()
    services.broker.messages = waiting
    run_workers()
    answer = client.get(path, query_string={"job_id": job_id}, headers=member.headers).json

    assert (answer["loading"], len(answer["result"])) == ([False], 2)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("merge", {}, 400),
        ("merge", {"into": "{one}"}, 409),
        ("merge", {"into": "no identifier"}, 404),
        ("merge", {"into": "0" * 24}, 404),
        ("merge", {"into": "{foreign}"}, 404),
        ("merge", {"into": "{second app}"}, 400),
        ("merge", {"into": ["{other}", "{one}"]}, 400),
        ("merge", {"into": "{other}", "x": "y"}, 400),
        ("split", {}, 400),
        ("split", {"fingerprint": "0" * 32}, 404),
        ("split", {"fingerprint": "{own}"}, 400),
    ],
)
def test_a_senseless_decision_is_refused_and_changes_nothing(
    client, services, member, two, run_workers, path, body, status
):
    stranger = make_member(services, "eve@example.com")
    foreign = make_crash(services, stranger.app)
    identifier, _ = create_app_for(services, "Second", member.email)
    second = make_crash(services, app_for_operator(services, identifier))
    names = {"{one}": two[0].identifier, "{other}": two[1].identifier, "{foreign}": foreign.identifier,
             "{second app}": second.identifier, "{own}": two[0].fingerprint}  # fmt: skip
    filled = {
        name: [names.get(one, one) for one in value] if isinstance(value, list) else names.get(value, value)
        for name, value in body.items()
    }

    answer = client.post(f"/api/crashes/{two[0].identifier}/{path}", json=filled, headers=member.headers)

    assert (answer.status_code, answer.json["success"]) == (status, False)
    assert set(answer.json) == {"success", "status", "error_message"}
    assert not services.broker.messages


@pytest.mark.parametrize(("method", "path"), [("get", ""), ("post", "/merge"), ("post", "/split")])
def test_another_tenants_crash_is_not_found(client, services, member, two, method, path):
    stranger = make_member(services, "eve@example.com")
    own = make_crash(services, stranger.app)
    body = {"into": own.identifier} if path == "/merge" else {"fingerprint": "0" * 32}

    send_it = getattr(client, method)
    answers = [
        send_it(f"/api/crashes/{two[0].identifier}{path}", headers=headers, **({"json": body} if path else {}))
        for headers in (stranger.headers, {})
    ]

    assert [answer.status_code for answer in answers] == [404, 401]
    assert answers[0].json["error_message"] == "You have no access to this app crash"

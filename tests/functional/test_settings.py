"""Settings of an app over HTTP, and what its rules do to everything that leaves."""

import io
import json
import zipfile

import pytest

from app.jobs import running
from tests.batches import made, ndjson, reports
from tests.factories import make_member
from tests.sentry_events import sentry_event
from tests.uploads import digested, export_url

WHO = "ada@example.com"
DEFAULTS = {"keep_logs_days": None, "keep_occurrences_days": None, "keep_reports_days": None,
            "logs_per_minute": None, "splits": [], "redaction": None}  # fmt: skip


@pytest.fixture
def address(member) -> str:
    return f"/api/apps/{member.app.identifier}/settings"


def downloaded(client, url: str, headers: dict, run_workers) -> bytes:
    client.get(url, headers=headers)
    run_workers()
    return client.get(client.get(url, headers=headers).json["result"]["url"]).data


def test_an_app_begins_with_the_services_own_settings(client, member, address):
    assert client.get(address, headers=member.headers).json == {"success": True, "result": DEFAULTS}


def test_a_change_sets_what_it_names_and_leaves_the_rest(client, member, address):
    client.patch(address, json={"keep_logs_days": 30, "redaction": {"patterns": ["email"]}}, headers=member.headers)

    answer = client.patch(address, json={"keep_logs_days": None, "keep_reports_days": 7}, headers=member.headers)

    assert answer.json["result"] == {**DEFAULTS, "keep_reports_days": 7, "redaction": {"patterns": ["email"]}}
    assert client.get(address, headers=member.headers).json == answer.json


@pytest.mark.parametrize(
    "body",
    [
        {"keep_logs_days": 0}, {"keep_logs_days": True}, {"keep_logs_days": "30"}, {"keep_logs_days": 1e3},
        {"keep_logs_days": 10**30}, {"keep_log_days": 3}, {"logs_per_minute": 0},
        {"logs_per_minute": 10_000_001}, {"redaction": {"regexes": [{"name": "x", "regex": "("}]}},
        {"redaction": []}, [],
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_and_changes_nothing(client, member, address, body):
    answer = client.patch(address, json={"keep_reports_days": 9, **body} if body else body, headers=member.headers)

    assert (answer.status_code, answer.json["status"]) == (400, "bad_request")
    assert client.get(address, headers=member.headers).json["result"] == DEFAULTS


def test_another_tenants_settings_are_not_there_and_a_sender_may_not_ask(client, services, member, address):
    stranger = make_member(services, "mallory@example.com")

    for method in (client.get, client.patch):
        assert method(address, json={}, headers=stranger.headers).status_code == 404
        assert method(address, json={}, headers=member.sender).status_code == 401
        assert method(address, json={}).status_code == 401


def test_nothing_that_leaves_holds_what_the_rules_take_out(client, member, address, run_workers):
    client.patch(address, json={"redaction": {"patterns": ["email"], "fields": ["user.name"]}}, headers=member.headers)
    log = digested(client, member, run_workers, sentry_event(WHO, f"no mail for {WHO}", tags={"who": WHO}))
    crash = log["occurrences"][0]["crash_identifier"]

    files = [downloaded(client, export_url(log, format=name), member.headers, run_workers)
             for name in ("json", "txt", "html", "zip")]  # fmt: skip
    [row] = ndjson(client, made(client, member, run_workers, f"crashes/{crash}"))
    in_zip = reports(client, made(client, member, run_workers, f"apps/{member.app.identifier}", format="zip"))
    titles = client.get(f"/api/apps/{member.app.identifier}/crashes", headers=member.headers).json["result"]

    with zipfile.ZipFile(io.BytesIO(files[3])) as archive:
        files += [archive.read(name) for name in archive.namelist()]
        assert [name.rpartition(".")[2] for name in archive.namelist()] == ["json", "txt", "html"]
    assert [file for file in files if WHO.encode() in file] == []
    assert b"no mail for [email]" in files[0]
    assert row["user_id"] == "[email]"
    assert WHO not in json.dumps(in_zip)
    assert WHO not in json.dumps(titles)
    assert "no mail for [email]" in titles[0]["title"]


def test_a_version_that_looks_like_an_address_stays_wherever_it_is_told(client, member, address, run_workers):
    client.patch(address, json={"redaction": {"patterns": ["ipv4"]}}, headers=member.headers)
    raw = sentry_event("192.0.2.7", "no answer of 192.0.2.7", release="com.example.notes@1.2.3.4+45")
    log = digested(client, member, run_workers, raw)
    crash = log["occurrences"][0]["crash_identifier"]

    shown = client.get(f"/api/crashes/{crash}", headers=member.headers).json["result"]
    [row] = ndjson(client, made(client, member, run_workers, f"crashes/{crash}"))
    report = json.loads(downloaded(client, export_url(log), member.headers, run_workers))

    assert (shown["versions"], row["app_version"], report["app"]["version"]) == (["1.2.3.4"], "1.2.3.4", "1.2.3.4")
    assert "192.0.2.7" not in json.dumps([shown, row, report])


@pytest.mark.parametrize("given", [None, {"patterns": ["email"], "raw_log": True}])
def test_the_raw_log_leaves_in_a_zip_where_there_are_no_rules_or_the_app_says_so(
    client, member, address, run_workers, given
):
    raw = sentry_event(WHO)
    log = digested(client, member, run_workers, raw)
    client.patch(address, json={"redaction": given}, headers=member.headers)

    file = downloaded(client, export_url(log, format="zip"), member.headers, run_workers)

    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        assert archive.read(archive.namelist()[3]) == raw
        assert (WHO.encode() in archive.read(archive.namelist()[0])) == (given is None)


def test_a_finished_report_is_made_anew_when_the_rules_change_and_only_then(
    client, member, address, run_workers, clock
):
    log = digested(client, member, run_workers, sentry_event(WHO))
    url = export_url(log)
    downloaded(client, url, member.headers, run_workers)
    first = client.get(url, headers=member.headers).json["job_id"]
    clock.advance(minutes=1)
    client.patch(address, json={"keep_logs_days": 30}, headers=member.headers)
    same = client.get(url, headers=member.headers).json

    client.patch(address, json={"redaction": {"patterns": ["email"]}}, headers=member.headers)
    anew = client.get(url, headers=member.headers).json

    assert (same["job_id"], same["loading"]) == (first, [False])
    assert anew["job_id"] != first
    assert WHO.encode() not in downloaded(client, url, member.headers, run_workers)


def test_a_batch_whose_rules_change_while_it_is_made_ends_instead_of_mixing_them(
    services, client, member, address, run_workers
):
    log = digested(client, member, run_workers, sentry_event(WHO))
    url = f"/api/crashes/{log['occurrences'][0]['crash_identifier']}/exports"
    job_id = client.post(url, headers=member.headers).json["job_id"]
    services.broker.messages.clear()
    running.run(services, job_id)  # plans it

    client.patch(address, json={"redaction": {"patterns": ["email"]}}, headers=member.headers)
    run_workers()

    ended = client.get(f"/api/jobs/{job_id}", headers=member.headers).json["result"]
    assert (ended["state"], ended["error"]["code"]) == ("failed", "reports_changed")


def test_what_explains_a_crash_keeps_to_the_rules(client, member, address, run_workers):
    client.patch(address, json={"redaction": {"patterns": ["email"]}}, headers=member.headers)
    bare = {"event_id": "0" * 32, "platform": "java", "logentry": {"formatted": f"no mail for {WHO}"}, "level": "fatal"}
    log = digested(client, member, run_workers, json.dumps(bare).encode())

    shown = client.get(f"/api/crashes/{log['occurrences'][0]['crash_identifier']}", headers=member.headers)

    assert "[email]" in shown.text
    assert WHO not in shown.text


def test_rules_are_tried_on_a_text_and_nothing_is_set(client, member, address):
    rules = {"patterns": ["email"], "regexes": [{"name": "staff", "regex": "S-[0-9]+"}]}

    answer = client.post(f"{address}/try", json={"redaction": rules, "text": f"{WHO} is S-12"}, headers=member.headers)

    assert answer.json == {"success": True, "result": {"text": "[email] is [staff]"}}
    assert client.get(address, headers=member.headers).json["result"] == DEFAULTS


@pytest.mark.parametrize(
    "body", [{}, {"text": 5}, {"text": "a", "rules": {}}, {"text": "a", "redaction": {"patterns": ["x"]}}]
)
def test_a_trial_that_makes_no_sense_is_refused(client, member, address, body):
    assert client.post(f"{address}/try", json=body, headers=member.headers).status_code == 400


def test_rules_are_tried_by_members_only(client, services, member, address):
    stranger = make_member(services, "mallory@example.com")

    assert client.post(f"{address}/try", json={"text": "a"}, headers=stranger.headers).status_code == 404

"""Data exporters over HTTP: made, listed, changed, deleted; their runs; and what is refused."""

from dataclasses import replace

import pytest

from app import create_app
from app.jobs.exporter_runs import run_exports
from tests.factories import make_crash, make_member, run_enqueued

PATH = "/api/data_exporters"


@pytest.fixture
def wanted(member) -> dict:
    return {"name": "Nightly", "apps": [member.app.identifier], "bucket_name": "archive"}


def made(client, member, wanted, **fields) -> dict:
    answer = client.post(PATH, json={**wanted, **fields}, headers=member.headers)
    assert answer.status_code == 201, answer.json
    return answer.json["result"]


def test_an_exporter_is_told_in_the_vendors_shape_with_four_names_more(client, member, wanted):
    created = made(client, member, wanted, subfolder="a/b", format="csv", initial_run_at="2018-09-14T03:00:00Z")

    assert created == {
        "identifier": created["identifier"], "name": "Nightly", "type": "storage", "active": True,
        "stopped": None,
        "apps": [{"name": "Notes", "identifier": member.app.identifier}], "bucket_name": "archive", "subfolder": "a/b",
        "exported_data": ["crashes"], "initial_run_at": "2018-09-14T03:00:00Z", "last_run_at": None,
        "frequency": "daily", "format": "csv", "next_run_at": "2018-09-14T03:00:00Z",
    }  # fmt: skip
    assert client.get(f"{PATH}/{created['identifier']}", headers=member.headers).json["result"] == created
    assert client.get(PATH, headers=member.headers).json["result"] == [created]


def test_it_is_changed_in_what_is_given_only_and_deleted(client, member, wanted):
    one = f"{PATH}/{made(client, member, wanted)['identifier']}"

    changed = client.patch(one, json={"active": False, "frequency": "weekly"}, headers=member.headers).json["result"]

    assert (changed["active"], changed["frequency"], changed["name"]) == (False, "weekly", "Nightly")
    assert [app["identifier"] for app in changed["apps"]] == wanted["apps"]
    assert client.delete(one, headers=member.headers).json == {"success": True}
    for path in (one, f"{one}/runs"):
        assert client.get(path, headers=member.headers).status_code == 404


def test_its_runs_can_be_seen(client, services, member, wanted, clock):
    make_crash(services, member.app)
    one = f"{PATH}/{made(client, member, wanted)['identifier']}"
    clock.advance(days=1)
    for _ in range(3):
        run_exports(services)
        run_enqueued(services)
        clock.advance(seconds=6)

    [run] = client.get(f"{one}/runs", headers=member.headers).json["result"]

    assert run.pop("job_id")
    assert run.pop("finished_at")
    assert run == {
        "app_identifier": member.app.identifier, "scheduled_for": "2018-09-14T12:00:00Z", "since": None, "state": "done",
        "rows": 3, "files": 1, "files_done": 1, "failures": 0, "error": None,
    }  # fmt: skip
    assert client.get(one, headers=member.headers).json["result"]["last_run_at"] is not None


@pytest.mark.parametrize(
    "change",
    [{"name": ""}, {"name": "a\nb"}, {"name": "\ud800"}, {"apps": []}, {"apps": "x"}, {"bucket_name": "../x"},
     {"bucket_name": ""}, {"bucket_name": "a/b"}, {"subfolder": "/a"}, {"subfolder": "a/../b"}, {"subfolder": "a//b"},
     {"subfolder": ".."}, {"exported_data": ["sessions"]}, {"exported_data": []}, {"frequency": "hourly"}, {"format": "xls"},
     {"active": 1}, {"more": 1}, {"initial_run_at": "yesterday"}, {"initial_run_at": "2018-09-12"}, {"name": None}],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_and_nothing_is_made(client, member, wanted, change):
    answer = client.post(PATH, json={**wanted, **change}, headers=member.headers)

    assert answer.status_code == 400
    assert list(answer.json) == ["success", "status", "error_message"]
    assert client.get(PATH, headers=member.headers).json["result"] == []


def test_a_bucket_has_to_be_one_of_those_that_the_operator_names(services, member, wanted):
    named = replace(services, config=replace(services.config, export_buckets=(("cold", "s3://cold/crashes"),)))
    client = create_app(named).test_client()

    assert client.post(PATH, json=wanted, headers=member.headers).status_code == 400
    assert made(client, member, wanted, bucket_name="cold")["type"] == "bucket"


def test_another_tenants_apps_and_exporters_are_as_good_as_none(client, services, member, wanted):
    stranger = make_member(services, "mallory@example.com")
    one = f"{PATH}/{made(client, member, wanted)['identifier']}"

    assert client.post(PATH, json=wanted, headers=stranger.headers).status_code == 404
    assert client.get(PATH, headers=stranger.headers).json["result"] == []
    for path in (one, f"{one}/runs", f"{PATH}/x", f"{PATH}/%00"):
        assert client.get(path, headers=stranger.headers).status_code == 404
    assert client.patch(one, json={"active": False}, headers=stranger.headers).status_code == 404
    assert client.delete(one, headers=stranger.headers).status_code == 404
    assert client.patch(one, json={"apps": [stranger.app.identifier]}, headers=member.headers).status_code == 404
    assert client.get(PATH).status_code == 401
    assert [app["identifier"] for app in client.get(one, headers=member.headers).json["result"]["apps"]] == wanted[
        "apps"
    ]

"""Releases as Sentry's tools declare them; commits and files are told to be none."""

import io

import pytest

from tests.factories import make_member
from tests.symbols import mapping
from tests.unit.symbols.test_contents import zipped

RELEASES = "/api/0/organizations/any/releases/"
ONE = f"{RELEASES}shop@1.2+45/"


@pytest.fixture
def bearer(member) -> dict[str, str]:
    return {"Authorization": f"Bearer {member.token}"}


def test_a_release_is_declared_finalized_deployed_listed_and_forgotten(client, member, bearer):
    new = client.post(RELEASES, json={"version": "shop@1.2+45", "projects": [str(member.app.id)]}, headers=bearer)
    again = client.post(RELEASES, json={"version": "shop@1.2+45", "projects": [member.app.identifier]}, headers=bearer)
    client.put(
        ONE, json={"dateReleased": "2018-09-13T10:00:00.123456789Z", "url": "https://example.com"}, headers=bearer
    )
    deploy = client.post(f"{ONE}deploys/", json={"environment": "production"}, headers=bearer)
    [listed] = client.get(RELEASES, headers=bearer).json
    deploys = client.get(f"{ONE}deploys/", headers=bearer).json
    gone = client.delete(ONE, headers=bearer)

    assert (new.status_code, again.status_code, deploy.status_code, gone.status_code) == (201, 200, 201, 200)
    assert listed == {
        "version": "shop@1.2+45", "url": "https://example.com", "status": "open", "dateCreated": "2018-09-13T12:00:00Z",
        "dateReleased": "2018-09-13T10:00:00Z", "commitCount": 0, "deployCount": 1,
        "projects": [{"id": str(member.app.id), "slug": member.app.identifier, "name": "Notes"}],
    }  # fmt: skip
    assert deploys == [deploy.json]
    assert (deploy.json["environment"], deploy.json["dateFinished"]) == ("production", "2018-09-13T12:00:00Z")
    assert client.get(RELEASES, headers=bearer).json == []


def test_commits_and_files_are_taken_for_none(client, member, bearer):
    path = f"/api/0/projects/any/{member.app.id}/releases/"
    client.post(path, json={"version": "shop@1.2+45"}, headers=bearer)
    commits = [{"id": "a" * 40, "repository": "shop", "patch_set": [], "timestamp": "2018-09-13T10:00:00+02:00"}]
    changed = client.put(f"{path}shop@1.2+45/", json={"commits": commits}, headers=bearer)

    assert (changed.status_code, changed.json["commitCount"]) == (200, 0)
    assert client.get(f"{ONE}commits/", headers=bearer).json == []
    assert client.get(f"{ONE}previous-with-commits/", headers=bearer).json == {}
    assert client.get("/api/0/organizations/any/repos/?cursor=", headers=bearer).json == []
    assert client.get(f"{path}shop@1.2+45/files/?cursor=", headers=bearer).json == []
    assert client.post(f"{path}shop@1.2+45/files/", headers=bearer).status_code == 400


def test_a_release_is_not_archived_in_silence(client, member, bearer):
    archived = client.post(
        RELEASES, json={"version": "shop@1.2", "projects": [str(member.app.id)], "status": "archived"}, headers=bearer
    )

    assert (archived.status_code, "releases delete" in archived.json["error_message"]) == (400, True)
    assert client.get(RELEASES, headers=bearer).json == []
    new = {"version": "shop@1.2", "projects": [str(member.app.id)], "status": "open"}
    assert client.post(RELEASES, json=new, headers=bearer).status_code == 201
    changed = client.put(f"{RELEASES}shop@1.2/", json={"status": "archived"}, headers=bearer)
    assert changed.status_code == 400


def test_older_builds_that_name_the_release_of_a_mapping_pass(client, services, member, bearer):
    path = f"/api/0/projects/any/{member.app.id}/files/proguard-artifact-releases"  # as sentry-cli 2 writes it
    told = {"release_name": "com.example.shop@1.2+45", "proguard_uuid": "0a0b0c0d-0000-4000-8000-00000000000a"}
    theirs = {"Authorization": f"Bearer {make_member(services, 'mallory@example.com').token}"}

    passed = client.post(path, json=told, headers=bearer)
    assert (passed.status_code, passed.data.strip()) == (200, b"null")  # all that sentry-cli reads
    assert client.post(path, json={**told, "proguard_uuid": "x"}, headers=bearer).status_code == 400
    assert client.post(path, json=told, headers=theirs).status_code == 404


def test_nobody_sees_or_changes_the_releases_of_others(client, services, member, bearer):
    stranger = make_member(services, "mallory@example.com")
    theirs = {"Authorization": f"Bearer {stranger.token}"}
    client.post(RELEASES, json={"version": "shop@1.2+45", "projects": [member.app.identifier]}, headers=bearer)

    assert client.get(RELEASES, headers=theirs).json == []
    for method, path, body in (
        ("get", ONE, None), ("put", ONE, {}), ("delete", ONE, None), ("post", f"{ONE}deploys/", {"environment": "a"}),
        ("post", RELEASES, {"version": "x", "projects": [member.app.identifier]}),
        ("get", f"/api/0/projects/any/{member.app.id}/releases/", None),
    ):  # fmt: skip
        assert (path, getattr(client, method)(path, json=body, headers=theirs).status_code) == (path, 404)


@pytest.mark.parametrize(
    "body",
    [{}, {"version": ""}, {"version": "a/b"}, {"version": "a\0"}, {"version": ".."}, {"version": "x" * 251}, {"version": 1},
     {"version": "x", "dateReleased": "yesterday"}, {"version": "x", "dateReleased": 5}, {"version": "x", "url": "\ud800"},
     {"version": "x", "url": "u" * 1001}, {"version": "x", "projects": ["nothing"]}],
)  # fmt: skip
def test_a_release_that_makes_no_sense_is_refused(client, member, bearer, body):
    path = f"/api/0/projects/any/{member.app.id}/releases/" if "projects" not in body else RELEASES

    assert client.post(path, json=body, headers=bearer).status_code in (400, 404)
    assert client.get(RELEASES, headers=bearer).json == []


def test_a_tool_learns_who_it_is_and_which_apps_there_are(client, member, bearer):
    made = client.post(
        f"/api/apps/{member.app.identifier}/upload_keys", json={"name": "CI"}, headers=member.headers
    ).json
    key = {"Authorization": f"Bearer {made['result']['key']}"}

    assert client.get("/api/0/", headers=bearer).json["user"] == {"id": str(member.user_id), "email": member.email}
    assert client.get("/api/0/", headers=key).json["user"] is None
    assert client.get("/api/0/", headers=member.sender).status_code == 401
    [organization] = client.get("/api/0/organizations/?cursor=", headers=key).json
    [project] = client.get("/api/0/organizations/any/projects/?cursor=", headers=key).json
    assert (organization["slug"], organization["require2FA"]) == ("crashq", False)
    assert (project["id"], project["slug"]) == (str(member.app.id), member.app.identifier)


def test_mappings_in_the_archive_of_an_old_tool_are_found_by_the_uuids_in_their_names(
    client, member, bearer, run_workers
):
    uuid = "0a0b0c0d-0000-4000-8000-00000000000a"
    archive = zipped((f"proguard/{uuid}.txt", mapping("a.b", "total")))
    path = f"/api/0/projects/any/{member.app.identifier}/files/dsyms/"
    answer = client.post(path, data={"file": (io.BytesIO(archive), "mapping.zip")}, headers=bearer)
    run_workers()
    [shown] = client.get(f"/api/apps/{member.app.identifier}/symbols", headers=member.headers).json["result"]

    assert (answer.status_code, [one["debugId"] for one in answer.json]) == (201, [uuid])
    assert uuid in shown["debug_ids"]
    assert client.post(path, data={}, headers=bearer).status_code == 400


@pytest.mark.parametrize("content", [b"no zip", zipped(("a.txt", b"x"))[:-5], b"PK\5\6" + b"\xff" * 18, zipped()])
def test_an_archive_that_cannot_be_read_is_taken_and_its_reason_told_later(
    client, member, bearer, run_workers, content
):
    path = f"/api/0/projects/any/{member.app.identifier}/files/dsyms/"
    answer = client.post(path, data={"file": (io.BytesIO(content), "mapping.zip")}, headers=bearer)
    run_workers()
    [shown] = client.get(f"/api/apps/{member.app.identifier}/symbols", headers=member.headers).json["result"]

    assert (answer.status_code, answer.json) == (201, [])
    assert (shown["state"], bool(shown["reason"])) == ("rejected", True)

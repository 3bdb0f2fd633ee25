"""Keys: ingest keys of an app with their DSNs, and personal keys of a user."""

from dataclasses import replace

import pytest
from sqlalchemy import delete

from app import create_app
from app.db.models.ingest_key import IngestKey
from app.identity import keys
from tests.factories import PASSWORD, kscrash, make_member
from tests.functional.test_dump_senders import minidump


@pytest.fixture
def path(member) -> str:
    return f"/api/apps/{member.app.identifier}/keys"


def listed(client, member, path) -> list[dict]:
    return client.get(path, headers=member.headers).json["result"]


def sends(client, member, key: str) -> int:
    logs = client.post(
        f"/api/apps/{member.app.identifier}/logs", data=kscrash(), headers={"Authorization": f"Token {key}"}
    )
    dump = client.post(f"/api/{member.app.id}/minidump/?sentry_key={key}", data=minidump())
    assert (logs.status_code == 401) == (dump.status_code == 401)
    return logs.status_code


def test_an_app_begins_with_one_key_which_members_see_with_its_dsn(client, member, path):
    [first] = listed(client, member, path)

    assert (first["name"], first["key"]) == ("First key", member.ingest_key)
    assert first["dsn"] == f"http://{member.ingest_key}@localhost/{member.app.id}"


def test_one_more_key_sends_beside_the_first_until_either_is_revoked(client, member, path):
    made = client.post(path, json={"name": "Android 2.0"}, headers=member.headers)
    key = made.json["result"]["key"]
    both = [sends(client, member, one) for one in (member.ingest_key, key)]
    [first] = [one["identifier"] for one in listed(client, member, path) if one["name"] == "First key"]

    revoked = client.delete(f"{path}/{first}", headers=member.headers)

    assert (made.status_code, both, revoked.status_code) == (201, [202, 202], 200)
    assert [sends(client, member, one) for one in (member.ingest_key, key)] == [401, 202]
    assert [one["name"] for one in listed(client, member, path)] == ["Android 2.0"]
    client.delete(f"{path}/{made.json['result']['identifier']}", headers=member.headers)
    assert (sends(client, member, key), listed(client, member, path)) == (401, [])


def test_the_key_of_an_app_that_an_earlier_release_made_is_listed_without_its_text_and_can_be_revoked(
    client, services, member, path
):
    with services.db.write() as session:
        session.execute(delete(IngestKey))
    sent = sends(client, member, member.ingest_key)

    [first] = listed(client, member, path)
    client.delete(f"{path}/first", headers=member.headers)

    assert sent == 202
    assert (first["identifier"], first["key"], first["dsn"]) == ("first", None, None)
    assert (sends(client, member, member.ingest_key), listed(client, member, path)) == (401, [])
    assert client.delete(f"{path}/first", headers=member.headers).status_code == 404


def test_with_another_secret_key_a_key_still_sends_but_is_not_shown(services, member, path):
    other = replace(services, config=replace(services.config, secret_key="another one altogether"))
    client = create_app(other).test_client()

    [first] = listed(client, member, path)

    assert (first["key"], first["dsn"]) == (None, None)
    assert sends(client, member, member.ingest_key) == 202


def test_an_app_has_so_many_keys_at_most(client, services, member, path):
    statuses = [client.post(path, json={"name": "k"}, headers=member.headers).status_code for _ in range(20)]

    assert statuses == [201] * 19 + [409]


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": " "}, {"name": "x" * 101}, {"name": "a\nb"}, {"name": 5},
                                  {"name": "a", "key": "mine"}, []])  # fmt: skip
def test_a_key_without_a_sound_name_is_refused(client, member, path, body):
    assert client.post(path, json=body, headers=member.headers).status_code == 400
    assert len(listed(client, member, path)) == 1


def test_nobody_but_members_sees_or_changes_them(client, services, member, path):
    stranger = make_member(services, "mallory@example.com")
    own = listed(client, member, path)[0]["identifier"]
    theirs = f"/api/apps/{stranger.app.identifier}/keys"

    for method, address in (("GET", path), ("POST", path), ("DELETE", f"{path}/{own}"), ("DELETE", f"{theirs}/{own}")):
        assert client.open(address, method=method, json={"name": "x"}, headers=stranger.headers).status_code == 404
    assert client.get(path, headers=member.sender).status_code == 401
    assert client.delete(f"{path}/%00", headers=member.headers).status_code == 404
    assert sends(client, member, member.ingest_key) == 202


def made(client, member, **body) -> dict:
    answer = client.post("/api/tokens", json={"name": "Nightly script", **body}, headers=member.headers)
    assert answer.status_code == 201, answer.data
    return answer.json["result"]


def with_key(key: dict) -> dict[str, str]:
    return {"Authorization": f"Token {key['token']}"}


def test_a_personal_key_does_what_its_user_may_and_its_text_is_told_once(client, member):
    key = made(client, member)

    apps = client.get("/api/apps", headers=with_key(key)).json["result"]
    listed_keys = client.get("/api/tokens", headers=member.headers).json["result"]

    assert key["token"].startswith("crashq_")
    assert [app["identifier"] for app in apps] == [member.app.identifier]
    assert listed_keys == [
        {
            "identifier": key["identifier"], "name": "Nightly script", "created_at": "2018-09-13T12:00:00Z",
            "expires_at": "2019-09-13T12:00:00Z", "last_used_at": "2018-09-13T12:00:00Z",
        }
    ]  # fmt: skip


def test_its_last_use_is_noted_to_the_hour_and_a_refusal_is_none(client, services, member, clock):
    key = made(client, member)

    def last_used() -> str | None:
        return client.get("/api/tokens", headers=member.headers).json["result"][0]["last_used_at"]

    client.get("/api/apps/x/crashes", headers=with_key(key))
    refused = last_used()
    client.post(f"/api/apps/{member.app.identifier}/logs", data=b"x", headers=with_key(key))
    first = last_used()
    clock.advance(minutes=59)
    client.get("/api/apps", headers=with_key(key))
    within = last_used()
    clock.advance(minutes=1)
    client.get("/api/apps", headers=with_key(key))

    assert (refused, first, within, last_used()) == (
        None, "2018-09-13T12:00:00Z", "2018-09-13T12:00:00Z", "2018-09-13T13:00:00Z",
    )  # fmt: skip


def test_a_revoked_key_and_one_that_has_run_out_open_nothing(client, member, clock):
    revoked, short = made(client, member), made(client, member, expires_in_days=1)

    answer = client.delete(f"/api/tokens/{revoked['identifier']}", headers=member.headers)
    clock.advance(days=1)

    assert answer.json == {"success": True}
    assert [client.get("/api/apps", headers=with_key(key)).status_code for key in (revoked, short)] == [401, 401]
    assert client.get("/api/tokens", headers=member.headers).json["result"] == []
    assert client.delete(f"/api/tokens/{revoked['identifier']}", headers=member.headers).status_code == 404


def test_a_key_makes_no_access_that_outlives_it(client, services, member):
    _, key = keys.add_personal_key(services, member.user_id, keys.NewKey(name="Script"))
    app, held = f"/api/apps/{member.app.identifier}", {"Authorization": f"Token {key}"}
    named = {"name": "Another"}

    for path, body in (("/api/tokens", named), (f"{app}/keys", named), (f"{app}/upload_keys", named), (f"{app}/invitations", {}),
                       ("/api/password", {"current_password": PASSWORD, "new_password": "staple battery"})):  # fmt: skip
        by_key = client.post(path, json=body, headers=held)
        assert (path, by_key.status_code, by_key.json["status"]) == (path, 401, "unauthorized")
        assert client.post(path, json=body, headers=member.headers).status_code in (200, 201), path


def test_a_key_is_no_session_of_a_browser(client, services, member):
    _, key = keys.add_personal_key(services, member.user_id, keys.NewKey(name="Script"))
    client.set_cookie("crashq", key)

    assert "/sign-in" in client.get("/account").location
    assert client.get("/api/apps").status_code == 401


def test_logins_are_no_keys_and_are_not_listed(client, member):
    client.post("/api/login", json={"email": member.email, "password": PASSWORD})

    assert client.get("/api/tokens", headers=member.headers).json["result"] == []


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "a", "expires_in_days": 0}, {"name": "a", "expires_in_days": 3651},
                                  {"name": "a", "expires_in_days": "7"}, {"name": "a", "scope": "all"}, []])  # fmt: skip
def test_a_key_that_makes_no_sense_is_refused(client, member, body):
    assert client.post("/api/tokens", json=body, headers=member.headers).status_code == 400


def test_anothers_key_is_not_there(client, services, member):
    key, stranger = made(client, member), make_member(services, "mallory@example.com")

    assert client.delete(f"/api/tokens/{key['identifier']}", headers=stranger.headers).status_code == 404
    assert client.delete("/api/tokens/%00", headers=member.headers).status_code == 404
    assert client.get("/api/tokens", headers=stranger.headers).json["result"] == []
    assert client.get("/api/apps", headers=with_key(key)).status_code == 200

"""Webhooks, symbols, exporters and personal keys as pages."""

import io
from dataclasses import replace

import pytest
from sqlalchemy import update

from app import create_app
from app.db.models.symbols import SymbolFile
from app.db.models.webhook import Delivery, DeliveryState
from tests.console import HOSTILE, Page, press, said, sign_in
from tests.factories import make_member

MAPPING = b"com.example.notes.Page -> a.b:\n    void turn() -> a\n"


@pytest.fixture
def path(client, member) -> str:
    sign_in(client, member)
    return f"/apps/{member.app.identifier}/settings"


@pytest.fixture
def hook(client, path) -> str:
    """Path of a webhook's page."""
    press(client, f"{path}/webhooks", url="https://1.1.1.1/hook", events=["crash.new"])
    [made] = client.get(f"/api{path.replace('settings', 'webhooks')}").json["result"]
    return f"{path}/webhooks/{made['identifier']}"


def add_delivery(services, identifier: str, **values) -> int:
    with services.db.write() as session:
        [webhook_id] = session.execute(Delivery.__table__.metadata.tables["webhooks"].select()).first()[:1]
        made = Delivery(
            webhook_id=webhook_id, event="crash.new", subject="0" * 24, created_at=services.now(), attempts=3,
            state=DeliveryState.FAILED, next_at=services.now(), last_status=500, last_error=HOSTILE, **values,
        )  # fmt: skip
        session.add(made)
        session.flush()
        return made.id


def test_a_webhooks_secret_is_shown_once(client, path):
    answer = press(client, f"{path}/webhooks", url="https://1.1.1.1/hook", events=["crash.new", "job.failed"])

    again = client.get(f"{path}/webhooks").text
    assert answer.status_code == 201
    assert "whsec_" in answer.text
    assert "whsec_" not in again
    assert "https://1.1.1.1/hook" in again
    [made] = client.get(f"/api{path.replace('settings', 'webhooks')}").json["result"]
    assert made["events"] == ["job.failed", "crash.new"]


@pytest.mark.parametrize(
    ("fields", "where"),
    [({"url": "http://127.0.0.1/", "events": "crash.new"}, "url"), ({"url": "", "events": "crash.new"}, "url"),
     ({"url": "ftp://1.1.1.1/", "events": "crash.new"}, "url"), ({"url": HOSTILE, "events": "crash.new"}, "url"),
     ({"url": "https://1.1.1.1/"}, "events"), ({"url": "https://1.1.1.1/", "events": "crash.old"}, "events")],
)  # fmt: skip
def test_a_webhook_that_makes_no_sense_is_refused_beside_its_field(client, path, fields, where):
    answer = press(client, f"{path}/webhooks", **fields)

    page = Page(answer.text)
    assert answer.status_code == 400
    invalid = [one["name"] for one in page.all("input") if one.get("aria-invalid")]
    assert invalid == ([where] if where == "url" else [])
    assert ("Choose at least one." in page.text) is (where == "events")
    assert page.all("img") == []
    assert client.get(f"/api{path.replace('settings', 'webhooks')}").json["result"] == []


def test_a_webhook_is_changed_switched_off_and_deleted(client, path, hook):
    changed = said(client, press(client, hook, url="https://1.1.1.1/other", events=["job.failed"]))
    [now] = client.get(f"/api{path.replace('settings', 'webhooks')}").json["result"]

    deleted = said(client, press(client, f"{hook}/delete"))

    assert "Saved." in changed
    assert (now["url"], now["events"], now["active"]) == ("https://1.1.1.1/other", ["job.failed"], False)
    assert "The webhook is deleted." in deleted
    assert client.get(hook).status_code == 404


def test_a_change_that_makes_no_sense_changes_nothing(client, path, hook):
    answer = press(client, hook, url="http://10.0.0.1/", events=["job.failed"], active="yes")

    assert answer.status_code == 400
    assert "not a public address" in answer.text
    [now] = client.get(f"/api{path.replace('settings', 'webhooks')}").json["result"]
    assert (now["url"], now["events"]) == ("https://1.1.1.1/hook", ["crash.new"])


def test_its_log_tells_each_delivery_and_sends_one_again(client, services, hook):
    delivery = add_delivery(services, hook)
    page = Page(client.get(hook).text)

    again = said(client, press(client, f"{hook}/deliveries/{delivery}/replay"))

    assert HOSTILE in page.text
    assert page.all("img") == []
    assert "It is sent again now." in again
    assert "pending" in again


def test_a_delivery_of_a_webhook_that_is_off_is_not_sent_and_the_page_says_why(client, services, hook):
    press(client, hook, url="https://1.1.1.1/hook", events=["crash.new"])
    delivery = add_delivery(services, hook)

    assert "not active" in said(client, press(client, f"{hook}/deliveries/{delivery}/replay"))
    assert press(client, f"{hook}/deliveries/999/replay").status_code == 404


def test_a_file_of_symbols_is_taken_told_and_deleted(client, services, path, run_workers):
    sent = said(
        client, press(client, f"{path}/symbols", file=(io.BytesIO(MAPPING), "mapping.txt"), version="1.2", build="45")
    )
    run_workers()
    [file] = client.get(f"/api{path.replace('settings', 'symbols')}").json["result"]
    shown = Page(client.get(f"{path}/symbols").text).text

    deleted = said(client, press(client, f"{path}/symbols/{file['identifier']}/delete"))

    assert "Received." in sent
    assert (file["name"], file["version"], file["build"]) == ("mapping.txt", "1.2", "45")
    assert "mapping.txt" in shown
    assert file["state"] in shown
    assert "Deleted." in deleted
    assert client.get(f"/api{path.replace('settings', 'symbols')}").json["result"] == []


def test_a_form_without_a_file_or_with_an_empty_one_is_refused_beside_the_field(client, path):
    without = press(client, f"{path}/symbols")
    empty = press(client, f"{path}/symbols", file=(io.BytesIO(b""), "a.sym"))

    assert (without.status_code, empty.status_code) == (400, 400)
    assert "Choose a file." in without.text
    assert "The body is empty" in empty.text
    assert client.get(f"/api{path.replace('settings', 'symbols')}").json["result"] == []


def test_a_file_above_the_limit_is_refused(services, member):
    client = create_app(replace(services, config=replace(services.config, max_symbol_bytes=1_024))).test_client()
    sign_in(client, member)
    path = f"/apps/{member.app.identifier}/settings/symbols"

    a_little = press(client, path, file=(io.BytesIO(b"x" * 1_025), "a.sym"))
    far = press(client, path, file=(io.BytesIO(b"x" * 200_000), "a.sym"))

    assert (a_little.status_code, far.status_code) == (413, 413)
    assert list(services.storage.list("symbols")) == []


def test_what_a_file_is_called_is_text(client, services, path, run_workers):
    press(client, f"{path}/symbols", file=(io.BytesIO(b"nothing"), "a.sym"))
    run_workers()
    with services.db.write() as session:
        session.execute(update(SymbolFile).values(name=HOSTILE, reason=HOSTILE))

    page = Page(client.get(f"{path}/symbols").text)

    assert page.text.count(HOSTILE) == 2
    assert page.all("img") == []


def exporter(client, path, **more):
    fields = {"name": "Nightly", "bucket_name": "archive", "subfolder": "", "format": "csv", "frequency": "weekly"}
    return press(client, f"{path}/exports", **{**fields, **more})


def test_an_exporter_is_made_paused_and_deleted(client, member, path):
    made = said(client, exporter(client, path))
    [found] = client.get("/api/data_exporters").json["result"]
    one = f"{path}/exports/{found['identifier']}"

    paused = said(client, press(client, f"{one}/active", active="no"))
    is_active = client.get("/api/data_exporters").json["result"][0]["active"]
    deleted = said(client, press(client, f"{one}/delete"))

    assert "The exporter is made." in made
    assert (found["apps"][0]["identifier"], found["format"], found["frequency"]) == (
        member.app.identifier,
        "csv",
        "weekly",
    )
    assert "It is paused." in paused
    assert is_active is False
    assert "The exporter is deleted" in deleted
    assert client.get(one).status_code == 404


@pytest.mark.parametrize(
    ("fields", "where"),
    [({"name": ""}, "name"), ({"bucket_name": ""}, "bucket_name"), ({"bucket_name": "../x"}, "bucket_name"),
     ({"subfolder": "a/../b"}, "subfolder"), ({"name": f"{HOSTILE}\x07"}, "name")],
)  # fmt: skip
def test_an_exporter_that_makes_no_sense_is_refused_beside_its_field(client, path, fields, where):
    answer = exporter(client, path, **fields)

    page = Page(answer.text)
    assert answer.status_code == 400
    assert [one["name"] for one in page.all("input") if one.get("aria-invalid")] == [where]
    assert page.all("img") == []
    assert client.get("/api/data_exporters").json["result"] == []


def test_anothers_exporter_is_not_there_though_they_are_members_of_the_same_app(client, services, member, path):
    exporter(client, path, name=HOSTILE[:100])
    [found] = client.get("/api/data_exporters").json["result"]
    bob = make_member(services, "bob@example.com", "Theirs")
    client.post(f"/api{path.replace('settings', 'members')}", json={"email": bob.email}, headers=member.headers)
    bobs = sign_in(client.application.test_client(), bob)

    assert "onerror" not in bobs.get(f"{path}/exports").text
    assert bobs.get(f"{path}/exports/{found['identifier']}").status_code == 404
    page = Page(client.get(f"{path}/exports").text)
    assert HOSTILE in page.text
    assert page.all("img") == []


def test_where_the_operator_has_named_buckets_one_of_them_is_chosen(services, member):
    config = replace(services.config, export_buckets=(("cold", "memory://"),))
    client = create_app(replace(services, config=config)).test_client()
    sign_in(client, member)

    page = Page(client.get(f"/apps/{member.app.identifier}/settings/exports").text)

    assert "cold" in [one.get("value") for one in page.all("option")]


def test_a_personal_key_is_shown_once_works_and_is_revoked(client, member, path):
    made = press(client, "/keys", name="Nightly script", expires_in_days="30")
    [text] = [
        one["data-copy"] for one in Page(made.text).all("button") if (one.get("data-copy") or "").startswith("crashq_")
    ]
    works = client.get("/api/apps", headers={"Authorization": f"Token {text}"}).status_code
    [key] = client.get("/api/tokens").json["result"]

    revoked = said(client, press(client, f"/keys/{key['identifier']}/revoke"))

    assert (made.status_code, works) == (201, 200)
    assert text not in client.get("/keys").text
    assert key["expires_at"] == "2018-10-13T12:00:00Z"
    assert "The key is revoked" in revoked
    assert client.get("/api/apps", headers={"Authorization": f"Token {text}"}).status_code == 401


def test_a_personal_key_without_a_sound_name_is_refused_and_anothers_is_not_there(client, services, member, path):
    press(client, "/keys", name=HOSTILE)
    [key] = client.get("/api/tokens").json["result"]
    stranger = sign_in(client.application.test_client(), make_member(services, "mallory@example.com"))

    nameless = press(client, "/keys", name=" ")

    assert nameless.status_code == 400
    assert "It has to have 1 to 100 characters" in nameless.text
    assert press(stranger, f"/keys/{key['identifier']}/revoke").status_code == 404
    page = Page(client.get("/keys").text)
    assert HOSTILE in page.text
    assert page.all("img") == []

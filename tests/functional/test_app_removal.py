"""Apps as people make, rename and remove them: gone for everybody at once, and then also from tables and store."""

from dataclasses import replace

import pytest
from sqlalchemy import MetaData, func, select

from app import create_app
from app.background import app_removals
from app.background.session_folds import fold_sessions
from app.db.base import Base
from app.db.models.membership import Role
from app.db.models.unsubscription import add_unsubscription
from app.db.queries import app_removal
from app.sweep import sweep
from tests.console import Page, press, said, sign_in
from tests.factories import Member, join, kscrash, make_member
from tests.functional.test_sessions import send as send_session
from tests.sessions import update
from tests.uploads import digested, export_url

LEFT = {"app_removals"}  # the record of the removal


@pytest.fixture
def app_url(member) -> str:
    return f"/api/apps/{member.app.identifier}"


def rows_of(services, app_id: int) -> dict[str, int]:
    """Table -> how many rows it has of an app."""
    metadata: MetaData = Base.metadata
    with services.db.read() as session:
        found = {
            table.name: session.scalar(select(func.count()).select_from(table).where(table.c.app_id == app_id))
            for table in metadata.sorted_tables
            if "app_id" in table.c
        }
    return {name: number for name, number in found.items() if number and name not in LEFT}


def filled(client, services, member: Member, run_workers) -> None:
    """Let an app have some of everything."""
    url, auth = f"/api/apps/{member.app.identifier}", member.headers
    log = digested(client, member, run_workers)
    crash = log["occurrences"][0]["crash_identifier"]
    other = digested(client, member, run_workers, kscrash("another reason", "-[Other tapped:]"), "second")
    digested(client, member, run_workers, b"nothing", "rejected")
    client.get(export_url(log), headers=auth)
    client.post(f"{url}/exports", headers=auth)
    client.post(f"{url}/symbols?name=mapping.txt&version=1.2", data=b"a", headers=auth)
    client.post(f"{url}/upload_keys", json={"name": "CI"}, headers=auth)
    client.post(f"{url}/webhooks", json={"url": "https://1.1.1.1/", "events": ["job.finished"]}, headers=auth)
    client.patch(f"{url}/settings", json={"keep_logs_days": 90}, headers=auth)
    into = {"into": other["occurrences"][0]["crash_identifier"]}
    assert client.post(f"/api/crashes/{crash}/merge", json=into, headers=auth).status_code == 200
    exporter = {"name": "Nightly", "apps": [member.app.identifier], "bucket_name": "archive"}
    client.post("/api/data_exporters", json=exporter, headers=auth)
    run_workers()
    client.post(f"{url}/logs", data=kscrash("waits"), headers=auth)
    client.delete(f"{url}/users/somebody", headers=auth)


def test_who_makes_an_app_owns_it_and_can_send_to_it(client, member):
    answer = client.post("/api/apps", json={"name": " Notes 2 "}, headers=member.headers)

    made = answer.json["result"]
    assert (answer.status_code, made["name"]) == (201, "Notes 2")
    url = f"/api/apps/{made['identifier']}"
    assert client.post(f"{url}/logs", data=kscrash(), headers={"Authorization": f"Token {made['ingest_key']}"}).json[
        "success"
    ]
    assert client.get(f"{url}/members", headers=member.headers).json["result"] == [
        {"email": member.email, "role": "owner"}
    ]
    assert made["dsn"].startswith(f"http://{made['ingest_key']}@localhost/")


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "a\0"}, {"name": "x" * 101}, {"name": 5}, {"nam": "x"}])
def test_a_name_that_is_none_is_refused(client, member, app_url, body):
    for method, url in (("POST", "/api/apps"), ("PATCH", app_url)):
        assert client.open(url, method=method, json=body, headers=member.headers).status_code == 400


def test_operators_can_keep_the_making_of_apps_to_themselves(services, member):
    closed = replace(services, config=replace(services.config, apps_by="operators"))
    client = create_app(closed).test_client()

    answer = client.post("/api/apps", json={"name": "Notes 2"}, headers=member.headers)

    assert (answer.status_code, answer.json["status"]) == (403, "forbidden")
    assert "/apps" not in {form.get("action") for form in Page(sign_in(client, member).get("/apps").text).all("form")}


def test_an_app_can_be_renamed(client, member, app_url):
    assert client.patch(app_url, json={"name": "Paper"}, headers=member.headers).json["result"]["name"] == "Paper"
    assert client.get("/api/apps", headers=member.headers).json["result"][0]["name"] == "Paper"


def test_a_removed_app_is_gone_at_once_for_everybody(client, services, member, app_url, run_workers):
    viewer = join(services, "vi@example.com", member.app, Role.VIEWER)
    log = digested(client, member, run_workers)
    link = client.get(export_url(log), headers=member.headers)
    run_workers()
    link = client.get(export_url(log), headers=member.headers).json["result"]["url"].removeprefix("http://localhost")

    assert client.delete(app_url, headers=member.headers).json == {"success": True}

    crash = log["occurrences"][0]["crash_identifier"]
    for who in (member, viewer):
        assert client.get(f"{app_url}/crashes", headers=who.headers).status_code == 404
        assert client.get(f"/api/crashes/{crash}/occurrences", headers=who.headers).status_code == 404
        assert client.post(f"{app_url}/logs", data=kscrash(), headers=who.headers).status_code == 404
    assert client.get("/api/apps", headers=member.headers).json["result"] == []
    assert client.post(f"{app_url}/logs", data=kscrash(), headers=member.sender).status_code == 401
    assert client.get(link).status_code == 404
    assert client.delete(app_url, headers=member.headers).status_code == 404


def test_nothing_is_left_of_a_removed_app_and_all_of_another(client, services, clock, member, app_url, run_workers):
    other = make_member(services, "bob@example.com", "Others")
    filled(client, services, member, run_workers)
    filled(client, services, other, run_workers)
    for one in (member, other):
        with services.db.write() as session:
            add_unsubscription(session, one.app.id, f"channel{one.app.id}", "0" * 64, services.now())
        send_session(client, one, update())
        fold_sessions(services, one.app.id)
        send_session(client, one, update())
    before = rows_of(services, other.app.id)
    assert len(before) > 12
    assert {"session_batches", "session_days", "known_sessions", "unsubscriptions"} < set(before)

    client.delete(app_url, headers=member.headers)
    run_workers()  # removes what there is
    assert {
        "jobs",
        "logs",
        "crashes",
        "symbols",
        "erasures",
        "session_batches",
        "session_days",
        "known_sessions",
    } & set(rows_of(services, member.app.id)) == set()
    clock.advance(hours=1)
    services.broker.enqueue("remove_app", "1", "upkeep")
    run_workers()  # and then the app

    assert rows_of(services, member.app.id) == {}
    assert set(rows_of(services, other.app.id)) == set(before)
    kept = {key for key in (one.key for one in services.storage.list("")) if member.app.identifier in key}
    assert kept == set()


def test_a_removal_that_was_killed_goes_on(client, services, clock, member, app_url, run_workers, monkeypatch):
    filled(client, services, member, run_workers)
    client.delete(app_url, headers=member.headers)
    real, calls = app_removals.drop_crashes, []

    def die_once(*arguments):
        calls.append(1)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(app_removals, "drop_crashes", die_once)
    with pytest.raises(KeyboardInterrupt):
        run_workers()
    services.broker.messages.clear()
    clock.advance(hours=2)
    for _ in range(3):
        sweep(services)
        run_workers()
        clock.advance(minutes=5)

    assert rows_of(services, member.app.id) == {}


def test_every_table_of_an_app_goes_with_it_or_before_it():
    """A table whose rows would keep an app, a crash or a job from being deleted is named in `app.db.queries.app_removal`."""
    named = {"jobs", "logs", "crashes", "occurrences", "erasures", "doomed_objects"}
    named |= {table.__tablename__ for table in (*app_removal.AT_ONCE, *app_removal.BEFORE_CRASHES)}
    goes = {"apps", "crashes", "jobs", "logs", "erasures", "symbols", "symbol_uploads", "webhooks"}

    keeping = {
        table.name
        for table in Base.metadata.sorted_tables
        for key in table.foreign_keys
        if key.column.table.name in goes and (key.ondelete or "").upper() not in ("CASCADE", "SET NULL")
    }

    assert keeping - named == set()


def test_the_console_removes_an_app_only_by_its_name(client, services, member):
    sign_in(client, member)
    page = f"/apps/{member.app.identifier}/settings/app"

    refused = press(client, f"{page}/remove", confirmed="notes")

    assert refused.status_code == 400
    assert "Type the name of the app as it stands here" in refused.text
    assert "is called Paper now" in said(client, press(client, page, name="Paper"))
    assert "Paper is removed" in said(client, press(client, f"{page}/remove", confirmed="Paper"))
    assert client.get(page).status_code == 404


def test_the_console_makes_an_app_and_shows_what_to_put_into_it(client, member):
    sign_in(client, member)

    text = said(client, press(client, "/apps", name="Notes 2"))

    assert "Notes 2 is there" in text
    assert "DSN" in text
    assert press(client, "/apps", name="").status_code == 400

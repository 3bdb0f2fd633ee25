"""Channels of notifications over HTTP, and their messages: each crash once, few messages, none in quiet hours."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text

from app import create_app
from app.db.models.crash import Crash
from app.db.models.webhook import DeliveryState, add_delivery
from app.ingest.receive import receive
from app.notifications import settings as channels
from app.notifications.forms import ChannelRules, NewChannel
from app.notifications.settings import MOST_PER_APP
from app.triage.changes import TriageChange, change_one
from app.webhooks.deliveries import deliver_due
from tests.factories import join, make_member, run_enqueued
from tests.notifying import make_channel, reaching, seen, texts, told
from tests.receiver import receiver, verified
from tests.sentry_events import sentry_event
from tests.webhook_rows import rows

SECRET_URL = "http://127.0.0.1:9/services/T0000/B0000/aVerySecretPart"
WANTED = {"kind": "slack", "address": SECRET_URL, "name": "Team chat", "rules": {"new": True}}


@pytest.fixture
def services(services):
    return reaching(services)


@pytest.fixture
def client(services):
    return create_app(services).test_client()


@pytest.fixture
def base(member) -> str:
    return f"/api/apps/{member.app.identifier}/notifications"


@pytest.fixture
def sink():
    with receiver() as made:
        yield made


def made(client, member, base, **fields):
    answer = client.post(base, json={**WANTED, **fields}, headers=member.headers)
    assert answer.status_code == 201, answer.json
    return answer.json["result"]


def test_a_channel_is_made_listed_changed_and_deleted_and_its_address_told_in_part_only(client, services, member, base):
    created = made(client, member, base)
    one = f"{base}/{created['identifier']}"

    assert created == {
        "identifier": created["identifier"], "kind": "slack", "name": "Team chat", "address": "127.0.0.1:9/…Part",
        "rules": {"new": True, "regressed": False, "spike": None, "users_over": None, "summary_daily": False,
                  "summary_weekly": False, "environment": None},
        "time_zone": "UTC", "summary_hour": 9, "quiet_hours": None, "active": True, "disabled_reason": None,
        "failing_since": None, "created_at": "2018-09-13T12:00:00Z", "secret": None,
    }  # fmt: skip
    del created["secret"]
    assert client.get(base, headers=member.headers).json["result"] == [created]
    with services.db.read() as session:
        stored = session.execute(text("SELECT url, address FROM webhooks, notification_channels")).all()
    assert "VerySecret" not in str(stored)
    changed = client.patch(one, json={"rules": {"users_over": 5}, "quiet_hours": {"from_hour": 22, "until_hour": 7}},
                           headers=member.headers).json["result"]  # fmt: skip
    assert (changed["rules"]["new"], changed["rules"]["users_over"]) == (False, 5)
    assert (changed["quiet_hours"], changed["name"]) == ({"from_hour": 22, "until_hour": 7}, "Team chat")
    assert client.delete(one, headers=member.headers).json == {"success": True}
    assert client.get(base, headers=member.headers).json["result"] == []


def test_channels_are_no_webhooks(client, member, base):
    channel = made(client, member, base)["identifier"]
    hooks = base.replace("notifications", "webhooks")

    assert client.get(hooks, headers=member.headers).json["result"] == []
    assert client.get(f"{hooks}/{channel}", headers=member.headers).status_code == 404
    hook = {"url": "http://127.0.0.1:9/", "events": ["crash.new"]}
    identifier = client.post(hooks, json=hook, headers=member.headers).json["result"]["identifier"]
    assert client.get(f"{base}/{identifier}", headers=member.headers).status_code == 404
    assert len(client.get(base, headers=member.headers).json["result"]) == 1


@pytest.mark.parametrize(
    "fields",
    [{"kind": "pager"}, {"address": "ada@example.com"}, {"address": "http://10.0.0.1/"}, {"address": "https://1.1.1.1/"},
     {"kind": "mattermost", "address": "http://10.0.0.1/"}, {"kind": "discord", "address": "https://1.1.1.1/"},
     {"rules": None}, {"rules": {"old": True}}, {"rules": {"spike": {"times": 1, "at_least": 5}}}, {"more": 1},
     {"rules": {"users_over": 0}}, {"time_zone": "Paris"}, {"time_zone": "../../etc/passwd"}, {"summary_hour": 24},
     {"quiet_hours": {"from_hour": 7, "until_hour": 7}}, {"quiet_hours": {"from_hour": 7}}, {"name": "a\nb"},
     {"time_zone": "Factory"}, {"time_zone": "localtime"},
     {"name": "a" * 101}, {"address": ""}, {"address": None}, {"active": "yes"}],
)  # fmt: skip
def test_what_makes_no_sense_or_leads_inside_is_refused_and_nothing_is_made(client, member, base, fields):
    answer = client.post(base, json={**WANTED, **fields}, headers=member.headers)

    assert answer.status_code == 400, answer.json
    assert list(answer.json) == ["success", "status", "error_message"]
    assert client.get(base, headers=member.headers).json["result"] == []


def test_an_app_has_only_so_many_channels_and_mails_need_a_mail_server(client, member, base):
    mail = client.post(base, json={**WANTED, "kind": "email", "address": "ada@example.com"}, headers=member.headers)
    for _ in range(MOST_PER_APP):
        made(client, member, base)

    assert (mail.status_code, mail.headers["X-Error-Code"]) == (409, "mail_not_set")
    assert client.post(base, json=WANTED, headers=member.headers).status_code == 409


def test_another_tenants_channels_are_as_good_as_none(client, services, member, base):
    stranger = make_member(services, "mallory@example.com")
    one = f"{base}/{made(client, member, base)['identifier']}"
    theirs = one.replace(member.app.identifier, stranger.app.identifier)

    for path in (one, theirs):
        for method, suffix, body in (("get", "", None), ("patch", "", {"active": False}), ("delete", "", None),
                                     ("post", "/test", None), ("get", "/deliveries", None)):  # fmt: skip
            assert client.open(f"{path}{suffix}", method=method, json=body, headers=stranger.headers).status_code == 404
    assert client.get(base, headers=join(services, "bob@example.com", member.app).headers).status_code == 200
    assert client.get(base).status_code == 401
    assert client.get(one, headers=member.headers).json["result"]["active"] is True


def test_a_test_message_is_sent_once_a_minute_and_shown_in_the_log(client, services, member, base, sink):
    one = f"{base}/{made(client, member, base, address=sink.url)['identifier']}"

    for _ in range(2):
        sent = client.post(f"{one}/test", headers=member.headers).json["result"]
        deliver_due(services)
    [logged] = client.get(f"{one}/deliveries", headers=member.headers).json["result"]
    client.patch(one, json={"active": False}, headers=member.headers)

    assert texts(sink) == ["Test message in Notes"]
    assert (logged["id"], logged["event"], logged["state"], logged["last_status"]) == (
        sent["id"],
        "test",
        "delivered",
        204,
    )
    assert client.post(f"{one}/test", headers=member.headers).status_code == 409


def test_a_new_crash_is_told_with_title_version_counts_and_link_without_what_the_app_takes_out(
    services, member, sink, client
):
    rules = {"redaction": {"regexes": [{"name": "page", "regex": "pageAtIndex"}]}}
    assert (
        client.patch(f"/api/apps/{member.app.identifier}/settings", json=rules, headers=member.headers).status_code
        == 200
    )
    identifier = make_channel(services, member.app, sink.url)

    [crash] = told(services, member.app, identifier, 1)
    deliver_due(services)
    deliver_due(services)

    [got] = sink.got
    said = got.body.decode()
    assert "New crash in Notes: NSRangeException" in said
    assert "pageAtIndex" not in said
    assert "Occurrences: 3" in said
    assert f"https://crashq.example.com/crashes/{crash}" in said


def test_a_webhooks_message_is_signed(services, member, sink, clock):
    clock.now = datetime.now(UTC)
    wanted = NewChannel(kind="webhook", address=sink.url, rules=ChannelRules(new=True))
    hook, _, secret = channels.create(services, member.app, wanted)

    [crash] = told(services, member.app, hook.identifier, 1)
    deliver_due(services)

    event = verified(secret, sink.got[0])
    assert (event["type"], event["data"]["crash_identifier"], event["data"]["app"]) == ("crash.new", crash, "Notes")


def test_a_crash_that_comes_back_is_a_message_to_channels_that_want_it(services, member, sink):
    make_channel(services, member.app, sink.url, rules={"regressed": True})
    receive(services, member.app, "log-1", sentry_event("ada", release="notes@1.0"))
    run_enqueued(services)
    with services.db.read() as session:
        crash = session.scalars(select(Crash)).one()
    change_one(services, member.user_id, crash, TriageChange(state="resolved", resolved_in="2.0"))
    receive(services, member.app, "log-2", sentry_event("ada", release="notes@2.1", name="b"))
    run_enqueued(services)

    deliver_due(services)

    [text] = texts(sink)
    assert text.startswith("Crash is back in Notes: IllegalStateException")


def test_a_channel_that_wants_no_more_for_a_while_is_left_alone_for_so_long(services, member, sink, clock):
    sink.answer = lambda came: (429, {"Retry-After": "40"}) if came == 0 else (200, {})
    identifier = make_channel(services, member.app, sink.url)
    told(services, member.app, identifier, 2)

    deliver_due(services)
    clock.advance(seconds=39)
    deliver_due(services)
    early = len(sink.got)
    clock.advance(seconds=2)
    deliver_due(services)

    assert (early, len(sink.got)) == (1, 3)


def test_many_crashes_at_once_are_one_message_and_a_crash_that_is_gone_is_none(services, member, sink):
    identifier = make_channel(services, member.app, sink.url)
    crashes = told(services, member.app, identifier, 26)
    with services.db.write() as session:
        session.execute(text("UPDATE crashes SET occurrences_count = 0 WHERE identifier = :gone"), {"gone": crashes[3]})

    deliver_due(services)

    assert texts(sink) == ["25 notifications in Notes"]
    assert "and 15 more" in sink.got[0].body.decode()
    assert {row.state for row in rows(services)} == {DeliveryState.DELIVERED}


def test_messages_wait_for_the_end_of_quiet_hours_and_are_one_then(services, member, sink, clock):
    quiet = {"from_hour": 22, "until_hour": 7}  # in Paris, two hours ahead of UTC
    identifier = make_channel(services, member.app, sink.url, time_zone="Europe/Paris", quiet_hours=quiet)
    clock.now = datetime(2018, 9, 13, 20, 30, tzinfo=UTC)
    told(services, member.app, identifier, 1)
    channels.send_test(services, member.app, identifier)
    deliver_due(services)
    clock.advance(hours=4)
    told(services, member.app, identifier, 1)
    deliver_due(services)
    clock.now = datetime(2018, 9, 14, 4, 59, tzinfo=UTC)
    deliver_due(services)
    at_night = texts(sink)
    clock.advance(minutes=2)

    deliver_due(services)

    assert at_night == ["Test message in Notes"]
    assert texts(sink)[1:] == ["2 notifications in Notes"]


def test_a_crash_that_comes_back_again_and_again_is_one_message_an_hour(services, member, sink, clock):
    identifier = make_channel(services, member.app, sink.url)
    hook, crash = channels.find(services, member.app, identifier)[0], seen(services, member.app).identifier
    for entry in range(5):
        with services.db.write() as session:
            add_delivery(session, hook.id, "crash.regressed", crash, services.now(), str(entry))
        deliver_due(services)
        clock.advance(minutes=25)

    assert [text.partition(":")[0] for text in texts(sink)] == ["Crash is back in Notes"] * 2


def test_what_happens_to_a_crash_within_an_hour_of_a_message_about_it_is_one_message_after_it(
    services, member, sink, clock
):
    identifier = make_channel(services, member.app, sink.url)
    hook, [crash] = channels.find(services, member.app, identifier)[0], told(services, member.app, identifier, 1)
    deliver_due(services)
    clock.advance(minutes=20)
    with services.db.write() as session:
        for event in ("crash.regressed", "crash.users_over"):
            add_delivery(session, hook.id, event, crash, services.now(), "1")
    told(services, member.app, identifier, 1)
    deliver_due(services)
    clock.advance(minutes=39)
    deliver_due(services)
    within = [text.partition(":")[0] for text in texts(sink)]
    clock.advance(minutes=2)

    deliver_due(services)

    assert within == ["New crash in Notes"] * 2
    [late] = texts(sink)[2:]
    assert late.startswith("Crash is back, crash reaches more users in Notes: ")
    assert crash in sink.got[2].body.decode()
    assert {row.state for row in rows(services)} == {DeliveryState.DELIVERED}

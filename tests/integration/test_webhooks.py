"""Webhooks from the event to the receiver: told once it has happened, signed, replayed (both databases)."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update

from app.db.models.crash import Crash
from app.db.models.job import Job
from app.db.models.webhook import DeliveryState, Webhook
from app.errors import AppError
from app.ingest.receive import receive
from app.triage.changes import TriageChange, change_one
from app.web.api.webhooks import delivery_body
from app.webhooks import settings as webhooks
from app.webhooks.deliveries import KEPT_FOR, deliver_due, tidy
from tests.factories import kscrash, make_member, run_enqueued
from tests.job_types import write
from tests.receiver import verified
from tests.sentry_events import sentry_event
from tests.webhook_rows import EVERY, finish_a_job, rows


@pytest.fixture
def right_now(clock):
    """Signatures are verified against the real time."""
    clock.now = datetime.now(UTC)


def test_the_end_of_a_job_reaches_the_receiver_signed(hooked, member, sink, hook, ask_again, right_now):
    job_id = finish_a_job(hooked, ask_again)

    deliver_due(hooked)

    [got] = sink.got
    event = verified(hook[1], got)
    assert event["type"] == "job.finished"
    assert event["data"] == {"app_identifier": member.app.identifier, "job_id": job_id}
    assert got.headers["webhook-id"] == f"job_finished_{job_id}"
    assert got.headers["host"] == f"127.0.0.1:{sink.port}"
    [row] = rows(hooked)
    assert (row.state, row.attempts, row.last_status, row.last_error) == (DeliveryState.DELIVERED, 1, 204, None)


def test_a_job_that_fails_is_told_as_failed(hooked, job_type, hook, ask_again, sink):
    def act(_run):
        raise AppError("no")

    job_type.act = act

    job_id = finish_a_job(hooked, ask_again)

    assert [(row.event, row.subject) for row in rows(hooked)] == [("job.failed", job_id)]


def test_a_new_crash_is_told_once_however_many_occurrences_come(hooked, member, hook, sink):
    for number in range(3):
        receive(hooked, member.app, f"log-{number}", kscrash())
    run_enqueued(hooked)
    receive(hooked, member.app, "late", kscrash())
    receive(hooked, member.app, "other", kscrash(frame="-[Other thing]"))
    run_enqueued(hooked)

    assert [row.event for row in rows(hooked)] == ["crash.new", "crash.new"]
    deliver_due(hooked)
    assert len({json.loads(got.body)["data"]["crash_identifier"] for got in sink.got}) == 2


def test_a_crash_that_comes_back_is_notified_each_time_with_the_same_bytes_at_every_attempt(
    hooked, member, hook, sink, clock
):
    def occur(number: int, version: str) -> None:
        receive(hooked, member.app, f"log-{number}", sentry_event("ada", release=f"notes@{version}", name=str(number)))
        run_enqueued(hooked)

    occur(0, "1.0")
    with hooked.db.read() as session:
        crash = session.scalars(select(Crash)).one()
    for number in (1, 2):
        change_one(hooked, member.user_id, crash, TriageChange(state="resolved", resolved_in=f"{number}.0"))
        occur(number, f"{number}.1")
    sink.answer = lambda before: (500 if before < 3 else 204, {})
    deliver_due(hooked)
    with hooked.db.write() as session:
        session.get_one(Crash, crash.id).title = "Another"
    clock.advance(hours=1)
    deliver_due(hooked)

    assert [row.event for row in rows(hooked)] == ["crash.new", "crash.regressed", "crash.regressed"]
    bodies = [got.body for got in sink.got]
    assert (len(bodies), bodies[:3]) == (6, bodies[3:])
    data = [json.loads(body) for body in bodies[:3]]
    assert [(one["type"], one["data"]["version"]) for one in data] == [
        ("crash.new", "1.0"), ("crash.regressed", "1.1"), ("crash.regressed", "2.1")
    ]  # fmt: skip
    assert data[1]["data"] == {
        "app_identifier": member.app.identifier, "crash_identifier": crash.identifier, "title": crash.title,
        "app": "Notes", "version": "1.1", "link": None,
    }  # fmt: skip
    assert len({got.headers["webhook-id"] for got in sink.got}) == 3


def test_only_webhooks_of_the_app_that_are_active_and_want_the_event_are_told(hooked, member, sink, ask_again):
    other = make_member(hooked, "bob@example.com")
    webhooks.create(hooked, other.app, webhooks.NewWebhook(url=sink.url, events=EVERY))
    webhooks.create(hooked, member.app, webhooks.NewWebhook(url=sink.url, events=["job.failed", "crash.new"]))
    webhooks.create(hooked, member.app, webhooks.NewWebhook(url=sink.url, events=EVERY, active=False))
    wanted = webhooks.create(hooked, member.app, webhooks.NewWebhook(url=sink.url, events=["job.finished"]))

    finish_a_job(hooked, ask_again)

    assert [row.webhook_id for row in rows(hooked)] == [wanted[0].id]


def test_an_attempt_that_is_no_longer_the_latest_tells_nothing(hooked, job_type, hook, ask_again):
    def lose(run):
        with hooked.db.write() as session:
            session.execute(update(Job).values(attempt=9), execution_options={"synchronize_session": False})
        return write(run)

    job_type.act = lose

    finish_a_job(hooked, ask_again)

    assert rows(hooked) == []


def test_a_name_that_means_another_address_by_the_time_of_delivery_is_not_connected_to(
    services, hooked, sink, hook, ask_again
):
    finish_a_job(hooked, ask_again)
    with hooked.db.write() as session:
        session.get_one(Webhook, hook[0].id).url = f"http://rebound.example.com:{sink.port}/"
    asked = []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    deliver_due(services, rebinding)  # of an operator who allows nothing

    assert asked == ["rebound.example.com"]
    assert sink.got == []
    [row] = rows(hooked)
    assert row.state == DeliveryState.PENDING
    assert "not a public address" in row.last_error


def test_the_connection_goes_to_the_address_that_was_checked_and_names_the_host(hooked, sink, hook, ask_again):
    finish_a_job(hooked, ask_again)
    with hooked.db.write() as session:
        session.get_one(Webhook, hook[0].id).url = f"http://no-such-host.example.com:{sink.port}/path?q=1"
    answers = iter([["127.0.0.1"], ["192.0.2.1"]])

    deliver_due(hooked, lambda _host, _port: next(answers))

    [got] = sink.got  # the name was looked up once; a second answer would lead elsewhere
    assert got.headers["host"] == f"no-such-host.example.com:{sink.port}"
    assert got.path == "/path?q=1"


def test_a_replay_sends_the_same_event_again(hooked, member, sink, hook, ask_again):
    finish_a_job(hooked, ask_again)
    deliver_due(hooked)
    [row] = rows(hooked)

    webhooks.replay(hooked, member.app, hook[0].identifier, str(row.id))
    deliver_due(hooked)

    assert len(sink.got) == 2
    assert sink.got[0].body == sink.got[1].body
    assert sink.got[0].headers["webhook-id"] == sink.got[1].headers["webhook-id"]
    assert delivery_body(rows(hooked)[0]).to_json()["state"] == "delivered"


def test_old_deliveries_are_deleted_and_pending_ones_are_not(hooked, clock, hook, ask_again, sink):
    finish_a_job(hooked, ask_again)
    deliver_due(hooked)
    clock.advance(seconds=40)
    finish_a_job(hooked, ask_again, about="later")
    clock.advance(seconds=KEPT_FOR.total_seconds())

    tidy(hooked)

    assert [row.state for row in rows(hooked)] == [DeliveryState.PENDING]


def test_a_secret_encrypted_with_another_secret_key_is_named_in_the_log(hooked, sink, hook, ask_again):
    finish_a_job(hooked, ask_again)

    deliver_due(replace(hooked, config=replace(hooked.config, secret_key="quite another key than before")))

    assert sink.got == []
    assert "SECRET_KEY has changed" in rows(hooked)[0].last_error

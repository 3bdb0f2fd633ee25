"""Rules that workers evaluate, over simulated days: each is decided once, however often it is evaluated."""

from datetime import date

import pytest
from sqlalchemy import select

from app.background.notification_rules import evaluate_rules
from app.db.models.crash import Crash
from app.ingest.receive import receive
from app.notifications import settings as channels
from app.triage.changes import TriageChange, change_one
from app.webhooks.deliveries import deliver_due
from tests.factories import NOON, run_enqueued
from tests.notifying import count, make_channel, reaching, seen, texts
from tests.places import event
from tests.receiver import receiver


@pytest.fixture
def services(services):
    return reaching(services)


@pytest.fixture
def sink():
    with receiver() as made:
        yield made


def evaluate(services, member, identifier) -> None:
    """What the sweep's task message does, twice at once."""
    _, channel = channels.find(services, member.app, identifier)
    for _ in range(2):
        evaluate_rules(services, channel.webhook_id)
        services.now.advance(minutes=5)
    deliver_due(services)


def test_a_spike_is_told_once_a_day_beside_a_crash_that_is_always_busy(services, member, sink, clock):
    spiking = {"spike": {"times": 3, "at_least": 20}}
    identifier = make_channel(services, member.app, sink.url, rules=spiking)
    busy, grows = (seen(services, member.app, days_ago=9) for _ in range(2))
    for day in range(10):
        count(services, busy, clock.now.date(), 40)
        count(services, grows, clock.now.date(), 6)
        if day > 4:  # before, both are busier than in the days when there were none
            evaluate(services, member, identifier)
        clock.advance(days=1)
    calm = len(sink.got)

    count(services, grows, clock.now.date(), 18)
    evaluate(services, member, identifier)
    too_few = len(sink.got)
    count(services, grows, clock.now.date(), 25)
    evaluate(services, member, identifier)
    count(services, grows, clock.now.date(), 90)
    evaluate(services, member, identifier)

    assert (calm, too_few) == (0, 0)
    [said] = [got.body.decode() for got in sink.got]
    assert "Crash occurs more often in Notes" in said
    assert "On 2018-09-23: 25 (6.0 a day before)" in said
    assert grows.identifier in said


def test_a_crash_is_told_when_it_passes_a_number_of_users_and_not_if_it_had_before(services, member, sink, clock):
    old, new = (seen(services, member.app) for _ in range(2))
    count(services, old, date(2018, 9, 12), 10, users=10)
    identifier = make_channel(services, member.app, sink.url, rules={"users_over": 4})
    for users in (2, 4, 5, 6):
        count(services, new, clock.now.date(), users, users=users)
        count(services, old, clock.now.date(), users, users=users)
        evaluate(services, member, identifier)

    [said] = [got.body.decode() for got in sink.got]
    assert "Crash reaches more users in Notes" in said
    assert "Users: 5" in said
    assert new.identifier in said


def test_summaries_are_sent_at_their_hour_each_day_and_on_mondays(services, member, sink, clock):
    rules = {"summary_daily": True, "summary_weekly": True}
    clock.advance(minutes=1)  # 8:01 in New York
    identifier = make_channel(services, member.app, sink.url, rules=rules, time_zone="America/New_York", summary_hour=8)
    crash = seen(services, member.app)  # on a Thursday
    count(services, crash, date(2018, 9, 13), 4)
    count(services, crash, date(2018, 9, 14), 6)
    for _ in range(5 * 24 + 1):  # until Tuesday
        evaluate(services, member, identifier)
        clock.advance(minutes=50)

    assert texts(sink) == [
        f"Summary of {period} in Notes"
        for period in ("2018-09-13", "2018-09-14", "2018-09-15", "2018-09-16", "2018-09-10 to 2018-09-16", "2018-09-17")
    ]
    said = sink.got[1].body.decode()
    assert "Occurrences: 6 (before: 4)" in said
    assert "6 occurrences" in said


RULES = {"new": True, "regressed": True, "spike": {"times": 2, "at_least": 4}, "summary_daily": True}


def test_rules_of_an_environment_are_about_its_occurrences_only(services, member, sink, clock):
    identifier = make_channel(services, member.app, sink.url, rules={**RULES, "environment": "production"})
    number = 0

    def send(version: str, environment: str, times: int = 1) -> None:
        nonlocal number
        for _ in range(times):
            number += 1
            log = event("Cart", (NOON - clock.now).days + 1, release=f"x@{version}", environment=environment)
            receive(services, member.app, f"log-{number}", log)
        run_enqueued(services)
        evaluate(services, member, identifier)

    def resolve() -> None:
        with services.db.read() as session:
            crash = session.scalars(select(Crash)).one()
        change_one(services, member.user_id, crash, TriageChange(state="resolved", resolved_in="1.1"))

    send("1.0", "staging", 9)
    send("1.0", "production")  # new
    resolve()
    send("1.1", "staging")  # back, but elsewhere
    resolve()
    clock.advance(days=1)
    send("1.2", "production")  # back, and the summary of the first day
    clock.advance(days=1)
    send("1.2", "staging", 9)  # another summary
    send("1.2", "production", 5)

    said = [text.partition(":")[0] for text in texts(sink)]
    assert said == [
        "New crash in Notes",
        "Summary of 2018-09-13 in Notes",
        "Crash is back in Notes",
        "Summary of 2018-09-14 in Notes",
        "Crash occurs more often in Notes",
    ]
    bodies = [got.body.decode() for got in sink.got]
    assert all("production" in body for body in bodies)
    assert "Occurrences: 1 (before: 0)" in bodies[1]
    assert "On 2018-09-15: 5 (1.0 a day before)" in bodies[4]


def test_users_are_no_rule_of_an_environment(client, member):
    rules = {"users_over": 5, "environment": "production"}
    wanted = {"kind": "slack", "address": "https://hooks.slack.com/services/a", "rules": rules}

    answer = client.post(f"/api/apps/{member.app.identifier}/notifications", json=wanted, headers=member.headers)

    assert (answer.status_code, answer.headers["X-Error-Code"]) == (400, "bad_parameters")
    assert "users are not counted by it" in answer.json["error_message"]

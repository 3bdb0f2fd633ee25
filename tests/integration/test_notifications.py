"""Notifications on both databases: from the digest of a log to the message, and rules evaluated by two workers at once."""

from datetime import timedelta
from functools import partial

import pytest

from app.background import notification_rules
from app.notifications import settings as channels
from app.webhooks.deliveries import deliver_due
from tests.at_once import at_once
from tests.factories import kscrash, run_enqueued
from tests.notifying import count, make_channel, reaching, seen, texts
from tests.uploads import digested


@pytest.fixture
def services(services):
    return reaching(services)


def test_a_crash_that_a_digest_makes_is_told_once(services, member, sink, client_of):
    make_channel(services, member.app, sink.url)
    for number, frame in enumerate(("-[PageView tapped:]", "-[PageView tapped:]", "-[Cart total]")):
        work = partial(run_enqueued, services)
        digested(client_of(services), member, work, kscrash(frame=frame), f"2544355787-1536831773-logs-{number:05}")

    deliver_due(services)

    assert len(sink.got) == 2
    assert "Version: 1.2" in sink.got[0].body.decode()


def test_rules_that_two_workers_evaluate_at_once_are_decided_once(services, member, sink, clock):
    rules = {"spike": {"times": 3, "at_least": 20}, "users_over": 4, "summary_daily": True, "summary_weekly": True}
    identifier = make_channel(services, member.app, sink.url, rules=rules, summary_hour=0)
    crash = seen(services, member.app, days_ago=9)
    for day in range(1, 8):
        count(services, crash, clock.now.date() - timedelta(days=day), 6)
    count(services, crash, clock.now.date(), 30, users=6)
    _, channel = channels.find(services, member.app, identifier)
    clock.advance(hours=4 * 24)  # the next Monday
    count(services, crash, clock.now.date(), 200)

    assert at_once(4, lambda _: notification_rules.evaluate_rules(services, channel.webhook_id)) == []
    clock.advance(minutes=5)
    notification_rules.evaluate_rules(services, channel.webhook_id)
    deliver_due(services)

    assert sorted(text.partition(":")[0] for text in texts(sink)) == [
        "Crash occurs more often, crash reaches more users in Notes", "Summary of 2018-09-10 to 2018-09-16 in Notes",
        "Summary of 2018-09-16 in Notes",
    ]  # fmt: skip

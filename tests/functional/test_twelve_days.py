"""Twelve simulated days of an app: logs come in, workers digest and evaluate, and a team gets its mails."""

import json
from datetime import timedelta

import pytest

from app import create_app
from app.sweep import sweep
from app.webhooks.deliveries import deliver_due
from tests.factories import NOON
from tests.mail_server import mail_server
from tests.notifying import mailing, make_channel
from tests.places import event

RULES = {
    "new": True, "regressed": True, "spike": {"times": 3, "at_least": 10},
    "summary_daily": True, "summary_weekly": True,
}  # fmt: skip
RESOLVED_ON, RETURNS_ON, SPIKES_ON = 2, 4, 7  # days after Thursday, 2018-09-13
USUAL, SPIKE = 2, 12  # occurrences a day


@pytest.fixture
def postbox():
    with mail_server() as made:
        yield made


@pytest.fixture
def services(services, postbox):
    return mailing(services, postbox.port)


@pytest.fixture
def client(services):
    return create_app(services).test_client()


def test_a_regression_a_spike_and_summaries_reach_the_team_once_each(
    services, client, member, run_workers, clock, postbox
):
    app = f"/api/apps/{member.app.identifier}"
    make_channel(services, member.app, "team@example.com", "email", rules=RULES, summary_hour=9)
    states = {}

    def send(day: int) -> None:
        release = "x@2.0" if day >= RETURNS_ON else "x@1.0"
        for number in range(SPIKE if day == SPIKES_ON else USUAL):
            log = event("Cart", -day, f"user-{number}", release=release)
            sent = client.post(f"{app}/logs?log_id=day-{day}-{number}", data=log, headers=member.sender)
            assert sent.status_code == 202

    for day in range(12):
        send(day)
        for _ in range(8):  # every three hours, from noon on
            sweep(services)  # beat sends it every few seconds
            run_workers()
            deliver_due(services)  # by threads of a worker of its own
            clock.advance(hours=3)
        [crash] = client.get(f"{app}/crashes", headers=member.headers).json["result"]
        states[day] = crash["state"]
        if day == RESOLVED_ON:
            change = {"state": "resolved", "resolved_in": "2.0"}
            client.patch(f"/api/crashes/{crash['identifier']}", data=json.dumps(change), headers=member.headers)

    days = [(NOON + timedelta(days=day)).date().isoformat() for day in range(12)]
    subjects = [mail["Subject"] for mail in postbox.mails]
    told, summaries = ([one for one in subjects if ("Summary" in one) is wanted] for wanted in (False, True))
    assert told == [
        f"{what} in Notes: CartException: null in Cart.open"
        for what in ("New crash", "Crash is back", "Crash occurs more often")
    ]
    assert summaries == [
        f"Summary of {period} in Notes"
        for period in (*days[:4], "2018-09-10 to 2018-09-16", *days[4:11], "2018-09-17 to 2018-09-23", days[11])
    ]
    assert [states[day] for day in (RESOLVED_ON, RESOLVED_ON + 1, RETURNS_ON)] == ["open", "resolved", "open"]
    text = {mail["Subject"]: mail.get_body(("plain",)).get_content() for mail in postbox.mails}
    assert "Version: 2.0\nOccurrences: 10\nUsers: 2\n" in text[told[1]].replace("\r", "")
    assert "On 2018-09-20: 12 (2.0 a day before)" in text[told[2]]
    assert "Occurrences: 24 (before: 8)" in text["Summary of 2018-09-17 to 2018-09-23 in Notes"]

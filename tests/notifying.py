"""What tests of notifications share: channels of the tests' own receivers, and figures of crashes."""

import json
from dataclasses import replace
from datetime import date, timedelta
from itertools import count as count_up
from typing import Any

from app.db.models.app import App
from app.db.models.crash import Crash
from app.db.models.crash_figure import CrashFigure
from app.db.models.webhook import add_delivery
from app.notifications import settings as channels
from app.notifications.forms import NewChannel
from app.services import Services
from tests.factories import make_crash
from tests.receiver import Receiver

_seconds = count_up()
ALLOWED = ("127.0.0.0/8",)


def reaching(services: Services, **settings: Any) -> Services:
    """Services whose channels may reach this machine, and whose console has an address."""
    config = replace(services.config, webhooks_allow=ALLOWED, public_url="https://crashq.example.com", **settings)
    return replace(services, config=config)


def mailing(services: Services, port: int) -> Services:
    """Services that hand mails to the tests' server, and whose console has an address."""
    return reaching(services, smtp_url=f"smtp://127.0.0.1:{port}?tls=none", mail_from="crashq <c@example.com>")


def make_channel(services: Services, app: App, address: str, kind: str = "slack", **more: Any) -> str:
    """The identifier of a channel; rules are of new crashes unless others are given."""
    wanted = {"kind": kind, "address": address, "rules": {"new": True}, **more}
    return channels.create(services, app, NewChannel(**wanted))[0].identifier


def told(services: Services, app: App, identifier: str, number: int) -> list[str]:
    """Tell a channel of that many new crashes, as their digests do; returns the crashes' identifiers."""
    hook, _ = channels.find(services, app, identifier)
    crashes = [seen(services, app).identifier for _ in range(number)]
    with services.db.write() as session:
        for crash in crashes:
            add_delivery(session, hook.id, "crash.new", crash, services.now())
    return crashes


def seen(services: Services, app: App, days_ago: int = 0) -> Crash:
    """A crash whose latest occurrence was then; each has logs of its own."""
    return make_crash(services, app, newest=services.now() - timedelta(days=days_ago, seconds=next(_seconds)))


def texts(sink: Receiver) -> list[str]:
    """The first line of each message of a Slack channel."""
    return [json.loads(got.body)["text"] for got in sink.got]


def count(services: Services, crash: Crash, day: date, occurrences: int, users: int = 0) -> None:
    """Set the figures of a day as digests would have counted them."""
    with services.db.write() as session:
        stored = session.get_one(Crash, crash.id)
        stored.figures_revision = stored.revision
        stored.last_seen = max(stored.last_seen, services.now())
        stored.occurrences_count += occurrences
        rows = [("app_version", "=2.4", occurrences)] + [("user", f"={day}-{n}", 1) for n in range(users)]
        for fact, value, number in rows:
            key = {"crash_id": crash.id, "fact": fact, "day": day, "value": value, "detail": ""}
            session.merge(CrashFigure(**key, occurrences=number))

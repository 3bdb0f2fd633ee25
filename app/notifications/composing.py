"""Makes messages of deliveries: what happened, with title, app, version, counts and a link to the console."""

from dataclasses import replace
from datetime import date, timedelta

from app import iso_time
from app.db import Session
from app.db.models.app import App
from app.db.models.channel import NotificationChannel
from app.db.models.webhook import Delivery
from app.db.queries.notified_crashes import NotifiedCrash, day_counts, notified_crash, period_counts, titles_of
from app.jobs.report_making import rules_of
from app.notifications.message import LINES, Fact, Line, Notice
from app.redaction.rules import Rules

DAILY, WEEKLY, SPIKE, USERS_OVER, TEST = "summary.daily", "summary.weekly", "crash.spike", "crash.users_over", "test"
NEW = "crash.new"
HEADLINES = {
    NEW: "New crash",
    "crash.regressed": "Crash is back",
    SPIKE: "Crash occurs more often",
    USERS_OVER: "Crash reaches more users",
}
"""Event -> how a message about it begins, before `in` and the app's name."""
SEVERAL = "notifications"
DAYS = {DAILY: 1, WEEKLY: 7}  # of a summary


class Composer:
    """Makes the messages of one channel, within a session."""

    def __init__(self, session: Session, app: App, channel: NotificationChannel, public_url: str | None) -> None:
        self._session = session
        self._app = app
        self._channel = channel
        self._public_url = public_url
        self._rules: Rules = rules_of(session, app.id)[0]

    def message(self, parcel: list[Delivery]) -> Notice | None:
        """One message of these deliveries; None when what they are about is gone."""
        if len({delivery.subject for delivery in parcel}) > 1:
            return self._several(parcel)
        delivery = parcel[0]
        if delivery.event in DAYS:
            return self._summary(delivery)
        if delivery.event == TEST:
            fact = Fact("Channel", self._channel.name)
            return self._made(delivery, "Test message", (fact,), link=self._link_of_app())
        crash = self._crash(delivery)
        if crash is None:
            return None
        facts = (*self._facts(crash), *(fact for one in parcel for fact in self._more_facts(one)))
        return self._made(delivery, _headline(parcel), facts, crash, self._link_of_crash(crash.identifier))

    def _several(self, parcel: list[Delivery]) -> Notice | None:
        """What quiet hours have held, or what happened at once, in one message."""
        titles = titles_of(self._session, self._app.id, [delivery.subject for delivery in parcel])
        found = [delivery for delivery in parcel if delivery.subject in titles]
        if not found:
            return None
        lines = [
            Line(
                self._rules.text(titles[one.subject]),
                HEADLINES.get(one.event, one.event),
                self._link_of_crash(one.subject),
            )
            for one in found[:LINES]
        ]
        headline, more = f"{len(found)} notifications", max(len(found) - LINES, 0)
        made = self._made(parcel[0], headline, (), None, self._link_of_app(), tuple(lines), more)
        return replace(made, event=SEVERAL)

    def _summary(self, delivery: Delivery) -> Notice:
        first = date.fromisoformat(delivery.period)
        last = first + timedelta(days=DAYS[delivery.event] - 1)
        environment = self._channel.environment
        counts = period_counts(self._session, self._app.id, first, last, LINES, environment)
        when = first.isoformat() if first == last else f"{first.isoformat()} to {last.isoformat()}"
        facts = (
            *self._environment(),
            Fact("Occurrences", f"{counts.occurrences:,} (before: {counts.before:,})"),
            Fact("Crashes", f"{counts.crashes:,}"),
            Fact("New crashes", f"{counts.new:,}"),
        )
        lines = tuple(
            Line(self._rules.text(one.title), _counted(one.occurrences), self._link_of_crash(one.identifier))
            for one in counts.most
        )
        more, link = max(counts.crashes - len(lines), 0), self._link_of_app()
        return self._made(delivery, f"Summary of {when}", facts, None, link, lines, more)

    def _crash(self, delivery: Delivery) -> NotifiedCrash | None:
        found = notified_crash(self._session, self._app.id, delivery.subject, self._channel.environment)
        return found and found._replace(
            title=self._rules.text(found.title), version=found.version and self._rules.text(found.version)
        )

    def _facts(self, crash: NotifiedCrash) -> list[Fact]:
        facts = [Fact("Version", crash.version)] if crash.version else []
        facts += [*self._environment(), Fact("Occurrences", f"{crash.occurrences:,}")]
        return facts + ([Fact("Users", f"{crash.users:,}")] if crash.users else [])

    def _environment(self) -> list[Fact]:
        """Of the occurrences that are counted, if not of all."""
        return [Fact("Environment", self._channel.environment)] if self._channel.environment else []

    def _more_facts(self, delivery: Delivery) -> list[Fact]:
        if delivery.event != SPIKE:
            return []
        day = date.fromisoformat(delivery.period)
        environment = self._channel.environment
        counts = next(day_counts(self._session, self._app.id, day, 0, delivery.subject, environment), None)
        if counts is None or counts.days < 1:
            return []
        mean = f"{counts.before / counts.days:.1f} a day before"
        return [Fact(f"On {day.isoformat()}", f"{counts.today:,} ({mean})")]

    def _made(
        self,
        delivery: Delivery,
        headline: str,
        facts: tuple[Fact, ...],
        crash: NotifiedCrash | None = None,
        link: str | None = None,
        lines: tuple[Line, ...] = (),
        more: int = 0,
    ) -> Notice:
        return Notice(
            event=delivery.event,
            event_id=delivery.event_id,
            timestamp=iso_time.rfc3339(delivery.created_at),
            app=self._app.name,
            app_identifier=self._app.identifier,
            headline=headline,
            title=crash.title if crash else None,
            crash_identifier=crash.identifier if crash else None,
            facts=facts,
            link=link,
            lines=lines,
            more=more,
        )

    def _link_of_crash(self, identifier: str) -> str | None:
        return f"{self._public_url}/crashes/{identifier}" if self._public_url else None

    def _link_of_app(self) -> str | None:
        return f"{self._public_url}/apps/{self._app.identifier}/crashes" if self._public_url else None


def _headline(parcel: list[Delivery]) -> str:
    """What has happened to one crash, each once: `New crash, crash occurs more often`."""
    first, *others = dict.fromkeys(HEADLINES[delivery.event] for delivery in parcel)
    return ", ".join([first, *(f"{other[0].lower()}{other[1:]}" for other in others)])


def _counted(number: int) -> str:
    return "1 occurrence" if number == 1 else f"{number:,} occurrences"

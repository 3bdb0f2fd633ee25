"""Crashes: the occurrences that share a fingerprint."""

import enum
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, ColumnElement, ForeignKey, Index, String, Text, case, exists, func, or_, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base, value_enum
from app.db.models.crash_alias import MAX_STEPS, went_to
from app.db.models.occurrence import MAX_FACT, Occurrence
from app.db.work import BigId

SORTS = ("last_seen", "first_seen", "occurrences_count")
"""What a list of crashes can be ordered by."""

INCOMPLETE = text("figures_revision <> revision")
UNTIL_A_DAY = text("ignored_until IS NOT NULL")


class CrashState(enum.StrEnum):
    """open -> resolved | ignored -> open, by people; back to open also by a digest or the sweep."""

    OPEN = "open"
    RESOLVED = "resolved"
    IGNORED = "ignored"


class Wanted(NamedTuple):
    """Which crashes a list shows; what is None or empty leaves none out. Times are inclusive, then exclusive."""

    since: datetime | None = None  # an occurrence in [since, until)
    until: datetime | None = None
    first_since: datetime | None = None  # the first one in [first_since, first_until)
    first_until: datetime | None = None
    last_since: datetime | None = None  # the latest one in [last_since, last_until)
    last_until: datetime | None = None
    words: tuple[str, ...] = ()  # each is in the title, in capitals or not
    states: Sequence[CrashState] = ()  # one of these


class Crash(Base):
    """One group of occurrences of one app."""

    __tablename__ = "crashes"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id"))
    identifier: Mapped[str] = mapped_column(String(24), unique=True)  # derived from app and fingerprint
    fingerprint: Mapped[str] = mapped_column(String(32))
    fingerprint_version: Mapped[int]
    title: Mapped[str] = mapped_column(String(200))
    first_seen: Mapped[datetime]  # of the earliest occurrence, bounded by the arrival of its log
    last_seen: Mapped[datetime]  # of the latest
    occurrences_count: Mapped[int] = mapped_column(BigInteger)
    revision: Mapped[int] = mapped_column(BigInteger)  # grows with every change of its occurrences
    figures_revision: Mapped[int] = mapped_column(BigInteger, default=-1, server_default="-1")
    """The revision whose figures `crash_figures` holds; another than `revision`: they are not complete."""
    why: Mapped[str | None] = mapped_column(Text)  # JSON: the rule and the parts of its fingerprint; None: made before
    state: Mapped[CrashState] = mapped_column(value_enum(CrashState), server_default=CrashState.OPEN.value)
    state_changed_at: Mapped[datetime | None]  # None: open since it was first seen
    resolved_in: Mapped[str | None] = mapped_column(String(MAX_FACT))  # a version, or NEXT; None: resolved now
    terms: Mapped[str | None] = mapped_column(
        Text
    )  # JSON: what ends the state beside `resolved_in`, see app.crashes.state_terms
    ignored_until: Mapped[datetime | None]
    ignored_left: Mapped[int | None] = mapped_column(BigInteger)
    """How many occurrences more until a digest has to look whether the crash is ignored any longer; each takes one off."""
    regressed_at: Mapped[datetime | None]  # when it came back; None once people have changed its state
    __table_args__ = (
        Index("ix_crashes_app_id_last_seen", "app_id", "last_seen"),
        Index("ix_crashes_app_id_first_seen", "app_id", "first_seen"),
        Index("ix_crashes_app_id_occurrences_count", "app_id", "occurrences_count"),
        Index("ix_crashes_figures", "app_id", "id", postgresql_where=INCOMPLETE, sqlite_where=INCOMPLETE),
        Index("ix_crashes_ignored_until", "ignored_until", postgresql_where=UNTIL_A_DAY, sqlite_where=UNTIL_A_DAY),
    )


def in_step(revision: ColumnElement[int]) -> ColumnElement[int]:
    """What an UPDATE that sets `revision` to this sets `figures_revision` to, if it changes the figures as well.

    Figures that are not complete stay behind further: a recount under way then knows that it has missed something.
    """
    return case((Crash.figures_revision == Crash.revision, revision), else_=Crash.figures_revision)


def keep_step(crash: Crash) -> None:
    """Raise the revision of a locked crash by one, and that of its figures likewise."""
    if crash.figures_revision == crash.revision:
        crash.figures_revision += 1
    crash.revision += 1


def find_crash(session: Session, identifier: str) -> Crash | None:
    """The crash with this identifier, else the one that has most of its occurrences now, without a check of access."""
    crash = _crash(session, identifier)
    return crash if crash and crash.occurrences_count > 0 else _heir(session, identifier) or crash


def group_now(session: Session, identifier: str) -> Crash | None:
    """The crash that a group of reports is counted in, itself or where most of it went; other groups in it aside."""
    crash = _crash(session, identifier)
    own = (
        select(Occurrence.id).where(Occurrence.crash_id == crash.id, Occurrence.grouped_as.is_(None)) if crash else None
    )
    has_own = own is not None and session.scalar(own.limit(1)) is not None
    return crash if has_own else _heir(session, identifier) or crash


def newest_versions(session: Session, crash_id: int, among: int) -> list[str]:
    """The app versions among a crash's newest occurrences, the latest seen first."""
    newest = select(Occurrence.app_version, Occurrence.occurred_at).where(Occurrence.crash_id == crash_id)
    some = newest.order_by(Occurrence.occurred_at.desc(), Occurrence.id.desc()).limit(among).subquery()
    seen = select(some.c.app_version).where(some.c.app_version.is_not(None)).group_by(some.c.app_version)
    return list(session.scalars(seen.order_by(func.max(some.c.occurred_at).desc(), some.c.app_version)))


def _crash(session: Session, identifier: str) -> Crash | None:
    statement = select(Crash).where(Crash.identifier == identifier)
    return session.scalar(statement.execution_options(populate_existing=True))


def _heir(session: Session, identifier: str) -> Crash | None:
    """Follow aliases to a crash that has occurrences."""
    passed = {identifier}
    for _ in range(MAX_STEPS):
        following = next((into for into in went_to(session, identifier) if into not in passed), None)
        if following is None:
            return None
        crash = _crash(session, following)
        if crash and crash.occurrences_count > 0:
            return crash
        passed.add(following)
        identifier = following
    return None


def latest_of(session: Session, app_id: int) -> datetime | None:
    """When a crash of an app was seen last; None before the first."""
    return session.scalar(select(func.max(Crash.last_seen)).where(Crash.app_id == app_id, Crash.occurrences_count > 0))


def totals(session: Session, app_id: int) -> tuple[int, int]:
    """(revision, occurrences) of all crashes of an app together."""
    sums = select(func.coalesce(func.sum(Crash.revision), 0), func.coalesce(func.sum(Crash.occurrences_count), 0))
    revision, occurrences = session.execute(sums.where(Crash.app_id == app_id)).one()
    return int(revision), int(occurrences)


def crashes_of(
    session: Session,
    app_id: int,
    wanted: Wanted,
    *,
    sort: str,
    limit: int,
    offset: int,
    is_ascending: bool = False,
    also: Sequence[ColumnElement[bool]] = (),  # further conditions on crashes
) -> list[Crash]:
    """Crashes that have occurrences and are wanted, from high to low by one of SORTS, or from low to high.

    A search reads the titles of the app's crashes in that order until there are enough: no index finds a part of a word.
    """
    statement = select(Crash).where(Crash.app_id == app_id, Crash.occurrences_count > 0, *also, *conditions_of(wanted))
    columns = (getattr(Crash, sort), Crash.id)
    order = columns if is_ascending else tuple(column.desc() for column in columns)
    return list(session.scalars(statement.order_by(*order).limit(limit).offset(offset)))


def conditions_of(wanted: Wanted, *, timely: bool = True) -> list[ColumnElement[bool]]:
    """What the crashes that are wanted meet; without `timely` they need have no occurrence in the time."""
    bounds = [
        (Crash.first_seen, wanted.first_since, wanted.first_until),
        (Crash.last_seen, wanted.last_since, wanted.last_until),
    ]
    found = _occurred(wanted.since, wanted.until) if timely else []
    for column, since, until in bounds:
        if since:
            found.append(column >= since)
        if until:
            found.append(column < until)
    if wanted.states:
        found.append(Crash.state.in_(wanted.states))
    return found + [_has(word) for word in wanted.words]


def _has(word: str) -> ColumnElement[bool]:
    """SQLite, and PostgreSQL in some locales, know capitals of ASCII only: other words are looked for in each way of writing."""
    forms = {word} if word.isascii() else {word, word.lower(), word.upper()}
    return or_(*(Crash.title.icontains(form, autoescape=True) for form in sorted(forms)))


def _occurred(since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    """An occurrence of a crash was seen in [since, until); its first or last one decides where that is enough."""
    bounds = []
    if since:
        bounds.append(Crash.last_seen >= since)
    if until:
        bounds.append(Crash.first_seen < until)
    if since and until:
        at, seen_at = Occurrence.occurred_at, Occurrence.seen_at
        right = exists().where(Occurrence.crash_id == Crash.id, at >= since, at < until, seen_at.is_(None))
        wrong = exists().where(Occurrence.crash_id == Crash.id, seen_at >= since, seen_at < until)
        bounds.append(or_(Crash.first_seen >= since, Crash.last_seen < until, right, wrong))
    return bounds


def occurrences_in(session: Session, log_row: int) -> list[tuple[Occurrence, str]]:
    """The occurrences found in a log, in its order, each with the identifier of its crash."""
    statement = select(Occurrence, Crash.identifier).join(Crash, Crash.id == Occurrence.crash_id)
    rows = session.execute(statement.where(Occurrence.log_row == log_row).order_by(Occurrence.number))
    return [(occurrence, identifier) for occurrence, identifier in rows]

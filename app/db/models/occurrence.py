"""Occurrences: one crash, once, on one device."""

import re
from datetime import datetime

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Date,
    ForeignKey,
    Index,
    Select,
    String,
    Text,
    UniqueConstraint,
    cast,
    column,
    func,
    literal,
    select,
    table,
    text,
    tuple_,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base
from app.db.models.log import Log
from app.db.work import BigId

FIRST_ROWS = 1_000  # of the first batch of a list, small so that they are there soon
MAX_FACT = 128  # characters; app.crashes.log cuts them to this

MERGED = text("grouped_as IS NOT NULL")
WRONG_CLOCK = text("seen_at IS NOT NULL")

_CRASHES = table("crashes", column("id"), column("app_id"))  # not by its model, whose module imports this one

_NAME = re.compile(r"(?P<log_id>[A-Za-z0-9][A-Za-z0-9._-]{0,127})-crash-(?P<number>[1-9][0-9]{0,8})")


class Occurrence(Base):
    """The n-th crash report of a log. Its id on the wire is `<log_id>-crash-<number>`, its date the UTC day."""

    __tablename__ = "occurrences"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    crash_id: Mapped[int] = mapped_column(ForeignKey("crashes.id"))
    log_row: Mapped[int] = mapped_column(ForeignKey("logs.id"))
    log_id: Mapped[str] = mapped_column(String(128))  # as in the log's row, here so that a list reads one table
    number: Mapped[int]  # from 1, the place in the log
    occurred_at: Mapped[datetime]  # by the log's id, else by the crash itself, else by arrival
    seen_at: Mapped[datetime | None]  # what its crash is sorted and filtered by; None: occurred_at can be believed
    described: Mapped[bool | None]  # True: what follows is what the log says; None: only the stored log can tell
    app_version: Mapped[str | None] = mapped_column(String(MAX_FACT))
    app_build: Mapped[str | None] = mapped_column(String(MAX_FACT))
    os_name: Mapped[str | None] = mapped_column(String(MAX_FACT))
    os_version: Mapped[str | None] = mapped_column(String(MAX_FACT))
    device_model: Mapped[str | None] = mapped_column(String(MAX_FACT))
    user_id: Mapped[str | None] = mapped_column(String(MAX_FACT))
    environment: Mapped[str | None] = mapped_column(String(MAX_FACT))
    handled: Mapped[bool | None]  # True: the program caught it and reported it on purpose
    kind: Mapped[str | None] = mapped_column(String(16))  # one of app.crashes.kind.KINDS
    tags: Mapped[str | None] = mapped_column(Text)  # JSON: name -> value, bounded by app.crashes.facts
    grouped_as: Mapped[str | None] = mapped_column(String(24))  # identifier its fingerprint gives; None: its crash's
    __table_args__ = (
        UniqueConstraint("log_row", "number"),
        Index("ix_occurrences_grouped_as", "grouped_as", postgresql_where=MERGED, sqlite_where=MERGED),
        Index("ix_occurrences_seen_at", "crash_id", "seen_at", postgresql_where=WRONG_CLOCK, sqlite_where=WRONG_CLOCK),
        # Holds all that a list shows, which is then read from it alone: rows of one crash lie scattered over the table.
        # Key columns, not INCLUDE: SQLite has no such thing, and behind the unique id they take the same room.
        Index("ix_occurrences_list", "crash_id", "occurred_at", "id", "log_id", "number"),
        # No row id is given twice, not even that of the newest one removed: batches and runs end with a row id.
        {"sqlite_autoincrement": True},
    )

    @property
    def name(self) -> str:
        """The occurrence's id on the wire."""
        return f"{self.log_id}-crash-{self.number}"


def chosen(crash_id: int | BindParameter[int], since: datetime | None, until: datetime | None) -> Select[int]:
    """The occurrences of a crash in [since, until), as a statement to build on."""
    statement = select(Occurrence.id).where(Occurrence.crash_id == crash_id)
    if since:
        statement = statement.where(Occurrence.occurred_at >= since)
    if until:
        statement = statement.where(Occurrence.occurred_at < until)
    return statement


def newest_occurrences(
    session: Session, crash_id: int, since: datetime | None, until: datetime | None, limit: int
) -> list[Occurrence]:
    """The latest occurrences of a crash in [since, until), in the order of its list."""
    statement = chosen(crash_id, since, until).with_only_columns(Occurrence)
    return list(session.scalars(statement.order_by(Occurrence.occurred_at.desc(), Occurrence.id.desc()).limit(limit)))


def find_occurrence(session: Session, crash_id: int, log_id: str, number: int) -> Occurrence | None:
    """The n-th report of a log, if it is of this crash; found by the log of the crash's app, so by unique keys alone."""
    app_id = select(_CRASHES.c.app_id).where(_CRASHES.c.id == crash_id).scalar_subquery()
    log_row = select(Log.id).where(Log.app_id == app_id, Log.log_id == log_id).scalar_subquery()
    of_log = select(Occurrence).where(Occurrence.log_row == log_row, Occurrence.number == number)
    return session.scalar(of_log.where(Occurrence.crash_id == crash_id))


def beside(session: Session, occurrence: Occurrence) -> tuple[str | None, str | None]:
    """Names of the next newer and the next older occurrence of its crash, in the order of the crash's list."""
    place = tuple_(Occurrence.occurred_at, Occurrence.id)
    own = tuple_(literal(occurrence.occurred_at, Occurrence.__table__.c.occurred_at.type), literal(occurrence.id))
    of_crash = select(Occurrence).where(Occurrence.crash_id == occurrence.crash_id)
    newer = of_crash.where(place > own).order_by(Occurrence.occurred_at, Occurrence.id)
    older = of_crash.where(place < own).order_by(Occurrence.occurred_at.desc(), Occurrence.id.desc())
    found = [session.scalar(statement.limit(1)) for statement in (newer, older)]
    return (found[0].name if found[0] else None, found[1].name if found[1] else None)


def json_text(is_postgresql: bool) -> ColumnElement[str]:
    """One row's text. Nothing in it needs quoting: a log whose id has other characters than [A-Za-z0-9._-] cannot be stored.

    `app.ingest.receive` refuses it, and so does `app.storage_keys.log_key`. To quote all the same doubles the time of a list.
    """
    day: ColumnElement[str]
    if is_postgresql:
        day = cast(cast(Occurrence.occurred_at, Date), String)  # the session's zone is UTC
    else:
        day = func.substr(cast(Occurrence.occurred_at, String), 1, 10)
    log_id: ColumnElement[str] = cast(Occurrence.log_id, String)
    name = literal('{"id":"') + log_id + "-crash-" + cast(Occurrence.number, String)
    return name + '","date":"' + day + '","log_id":"' + log_id + '"}'


def read_occurrence_name(text: str) -> tuple[str, int] | None:
    """(log id, place in the log from 1); None when the text is no such name."""
    named = _NAME.fullmatch(text)
    return (named["log_id"], int(named["number"])) if named else None

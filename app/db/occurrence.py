"""Occurrences: one crash, once, on one device."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Date,
    ForeignKey,
    Index,
    Select,
    String,
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

from app.db import Base
from app.db.log import BigId, Log

FIRST_ROWS = 1_000  # of the first batch of a list, small so that they are there soon
MAX_FACT = 128  # characters; app.crashes.facts cuts them to this
ROWS_PER_BATCH = 10_000  # of each further one, about 1.2 MB: the fewer trips the better, and memory stays small

MERGED = text("grouped_as IS NOT NULL")

_CRASHES = table("crashes", column("id"), column("app_id"))  # not by its model, whose module imports this one


class Occurrence(Base):
    """The n-th crash report of a log. Its id on the wire is `<log_id>-crash-<number>`, its date the UTC day."""

    __tablename__ = "occurrences"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    crash_id: Mapped[int] = mapped_column(ForeignKey("crashes.id"))
    log_row: Mapped[int] = mapped_column(ForeignKey("logs.id"))
    log_id: Mapped[str] = mapped_column(String(128))  # as in the log's row, here so that a list reads one table
    number: Mapped[int]  # from 1, the place in the log
    occurred_at: Mapped[datetime]  # by the log's id, else by the crash itself, else by arrival
    described: Mapped[bool | None]  # True: what follows is what the log says; None: only the stored log can tell
    app_version: Mapped[str | None] = mapped_column(String(MAX_FACT))
    app_build: Mapped[str | None] = mapped_column(String(MAX_FACT))
    os_name: Mapped[str | None] = mapped_column(String(MAX_FACT))
    os_version: Mapped[str | None] = mapped_column(String(MAX_FACT))
    device_model: Mapped[str | None] = mapped_column(String(MAX_FACT))
    user_id: Mapped[str | None] = mapped_column(String(MAX_FACT))
    grouped_as: Mapped[str | None] = mapped_column(String(24))  # identifier its fingerprint gives; None: its crash's
    __table_args__ = (
        UniqueConstraint("log_row", "number"),
        Index("ix_occurrences_grouped_as", "grouped_as", postgresql_where=MERGED, sqlite_where=MERGED),
        # Holds all that a list shows, which is then read from it alone: rows of one crash lie scattered over the table.
        # Key columns, not INCLUDE: SQLite has no such thing, and behind the unique id they take the same room.
        Index("ix_occurrences_list", "crash_id", "occurred_at", "id", "log_id", "number"),
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


def count(session: Session, statement: Select[int], at_most: int | None = None) -> int:
    """How many rows `chosen` picks; counting stops at `at_most`."""
    if at_most is not None:
        statement = statement.limit(at_most)
    return session.scalar(select(func.count()).select_from(statement.subquery())) or 0


class Batch(NamedTuple):
    """Some rows of a list as the database wrote them."""

    text: str  # JSON objects with commas between, no brackets
    rows: int


def stream_json(
    session: Session, statement: Select[int], *, offset: int = 0, limit: int | None = None
) -> Iterator[Batch]:
    """Rows as JSON objects `{"id":…,"date":…,"log_id":…}`, newest first: FIRST_ROWS, then ROWS_PER_BATCH at a time.

    The database writes the text of a batch, quoting what clients named, so that no row is ever an object here; nothing
    but one batch is held. Each batch begins where the one before ended: the session has to be a snapshot.
    """
    left, size, after = limit, FIRST_ROWS, None
    while left is None or left > 0:
        wanted = size if left is None else min(size, left)
        rest = statement if after is None else statement.where(_place() < after)
        newest_first = rest.order_by(Occurrence.occurred_at.desc(), Occurrence.id.desc()).offset(offset)
        last = (
            newest_first.with_only_columns(Occurrence.occurred_at, Occurrence.id).offset(offset + wanted - 1).limit(1)
        )
        after_this = session.execute(last).first()
        text, rows = session.execute(_as_one_text(session, newest_first.limit(wanted))).one()
        if rows:
            yield Batch(text, rows)
        if after_this is None:
            return
        after = tuple_(
            *(literal(value, column.type) for value, column in zip(after_this, _place().clauses, strict=True))
        )
        offset, size = 0, ROWS_PER_BATCH
        left = None if left is None else left - rows


def _place() -> Any:
    """Where an occurrence stands in a list."""
    return tuple_(Occurrence.occurred_at, Occurrence.id)


def _as_one_text(session: Session, batch: Select[int]) -> Select[str, int]:
    row = json_text(session.get_bind().dialect.name == "postgresql")
    rows = batch.with_only_columns(row.label("row")).subquery()
    return select(func.aggregate_strings(rows.c.row, ","), func.count()).select_from(rows)


def find_occurrence(session: Session, crash_id: int, log_id: str, number: int) -> Occurrence | None:
    """The n-th report of a log, if it is of this crash; found by the log of the crash's app, so by unique keys alone."""
    app_id = select(_CRASHES.c.app_id).where(_CRASHES.c.id == crash_id).scalar_subquery()
    log_row = select(Log.id).where(Log.app_id == app_id, Log.log_id == log_id).scalar_subquery()
    of_log = select(Occurrence).where(Occurrence.log_row == log_row, Occurrence.number == number)
    return session.scalar(of_log.where(Occurrence.crash_id == crash_id))


def json_text(is_postgresql: bool) -> ColumnElement[str]:
    """One row's text. The id is the quoted log id, its last quote replaced by what follows: that needs no quoting."""
    if is_postgresql:
        day: ColumnElement[str] = cast(cast(Occurrence.occurred_at, Date), String)  # the session's zone is UTC
        log_id: ColumnElement[str] = cast(func.to_json(Occurrence.log_id), String)
        unclosed: ColumnElement[str] = func.left(log_id, -1)
    else:
        day = func.substr(cast(Occurrence.occurred_at, String), 1, 10)
        log_id = func.json_quote(Occurrence.log_id)
        unclosed = func.substr(log_id, 1, func.length(log_id) - 1)
    name = unclosed + "-crash-" + cast(Occurrence.number, String)
    return literal('{"id":') + name + '","date":"' + day + '","log_id":' + log_id + "}"

"""Occurrences: one crash, once, on one device."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    Select,
    String,
    UniqueConstraint,
    cast,
    func,
    literal,
    select,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db import Base
from app.db.log import BigId

ROWS_PER_FETCH = 2_000  # rows held at a time while a list streams, about 250 KB


class Occurrence(Base):
    """The n-th crash report of a log. Its id on the wire is `<log_id>-crash-<number>`, its date the UTC day."""

    __tablename__ = "occurrences"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    crash_id: Mapped[int] = mapped_column(ForeignKey("crashes.id"))
    log_row: Mapped[int] = mapped_column(ForeignKey("logs.id"))
    log_id: Mapped[str] = mapped_column(String(128))  # as in the log's row, here so that a list reads one table
    number: Mapped[int]  # from 1, the place in the log
    occurred_at: Mapped[datetime]  # by the log's id, else by the crash itself, else by arrival
    __table_args__ = (
        UniqueConstraint("log_row", "number"),
        Index("ix_occurrences_newest", "crash_id", "occurred_at", "id"),
        Index("ix_occurrences_crash_id_log_id", "crash_id", "log_id"),
    )

    @property
    def name(self) -> str:
        """The occurrence's id on the wire."""
        return f"{self.log_id}-crash-{self.number}"


def chosen(crash_id: int, since: datetime | None, until: datetime | None) -> Select[int]:
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


def stream_json(
    session: Session, statement: Select[int], *, offset: int = 0, limit: int | None = None
) -> Iterator[list[str]]:
    """Rows as JSON objects `{"id":…,"date":…,"log_id":…}`, newest first, in batches of at most ROWS_PER_FETCH.

    The database writes the text, quoting what clients named; nothing but one batch is ever held.
    """
    row = _json_text(session.get_bind().dialect.name == "postgresql")
    newest_first = statement.with_only_columns(row).order_by(Occurrence.occurred_at.desc(), Occurrence.id.desc())
    if offset:
        newest_first = newest_first.offset(offset)
    if limit is not None:
        newest_first = newest_first.limit(limit)
    result = session.execute(newest_first.execution_options(yield_per=ROWS_PER_FETCH))
    for batch in result.scalars().partitions():
        yield list(batch)


def find_occurrence(session: Session, crash_id: int, log_id: str, number: int) -> Occurrence | None:
    """The n-th report of a log, if it is of this crash."""
    statement = select(Occurrence).where(
        Occurrence.crash_id == crash_id, Occurrence.log_id == log_id, Occurrence.number == number
    )
    return session.scalar(statement.limit(1))


def _json_text(is_postgresql: bool) -> ColumnElement[str]:
    if is_postgresql:
        day: ColumnElement[str] = func.to_char(Occurrence.occurred_at, "YYYY-MM-DD")  # the session's zone is UTC
        quoted_name: ColumnElement[str] = cast(func.to_json(_name()), String)
        quoted_log_id: ColumnElement[str] = cast(func.to_json(Occurrence.log_id), String)
    else:
        day = func.substr(cast(Occurrence.occurred_at, String), 1, 10)
        quoted_name, quoted_log_id = func.json_quote(_name()), func.json_quote(Occurrence.log_id)
    return literal('{"id":') + quoted_name + ',"date":"' + day + '","log_id":' + quoted_log_id + "}"


def _name() -> ColumnElement[str]:
    return Occurrence.log_id + "-crash-" + cast(Occurrence.number, String)

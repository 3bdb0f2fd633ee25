"""What senders report of sessions of an app, as it arrived: rows that wait for the next fold, one for each request."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ForeignKey, Index, Text, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base
from app.db.work import BigId

STARTED, ERRORED, CRASHED, ABNORMAL = 1, 2, 4, 8
"""What an item says of a session. A session that crashed or ended abnormally is ERRORED as well."""
FLAGS = (STARTED, ERRORED, CRASHED, ABNORMAL)


class SessionUpdate(NamedTuple):
    """What one update tells of one session, or the sums of an aggregate."""

    day: str  # ISO, UTC
    version: str  # as in crash_figures: KNOWN and the version, or empty
    environment: str  # the same
    sid: str | None  # 32 hex digits, a hash of the session's id; None: an aggregate
    flags: int  # of a session
    sums: tuple[int, int, int, int]  # of an aggregate: sessions, errored, crashed, abnormal
    user: int | None  # a hash of 64 bits


class SessionBatch(Base):
    """The updates of one request. The fold that counts them deletes the row in the same transaction."""

    __tablename__ = "session_batches"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"))
    arrived_at: Mapped[datetime]
    updates: Mapped[str] = mapped_column(Text)  # JSON, a list of SessionUpdate
    __table_args__ = (Index("ix_session_batches_app_id_id", "app_id", "id"),)


def written(updates: Sequence[SessionUpdate]) -> str:
    """Updates as a row holds them."""
    return json.dumps(updates, separators=(",", ":"))


def updates_of(batches: Sequence[SessionBatch]) -> list[SessionUpdate]:
    """The updates of rows, in their order."""
    return [_read(*each) for batch in batches for each in json.loads(batch.updates)]


def oldest_batches(session: Session, app_id: int, limit: int) -> list[SessionBatch]:
    """The rows of an app that have waited longest."""
    mine = select(SessionBatch).where(SessionBatch.app_id == app_id)
    return list(session.scalars(mine.order_by(SessionBatch.id).limit(limit)))


def drop_batches(session: Session, batches: Sequence[SessionBatch]) -> None:
    """Delete rows that are counted."""
    these = delete(SessionBatch).where(SessionBatch.id.in_([batch.id for batch in batches]))
    session.execute(these, execution_options={"synchronize_session": False})


def _read(
    day: str, version: str, environment: str, sid: str | None, flags: int, sums: Any, user: int | None
) -> SessionUpdate:
    return SessionUpdate(day, version, environment, sid, flags, tuple(sums), user)

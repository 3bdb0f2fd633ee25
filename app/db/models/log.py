"""Uploaded logs and how far their digestion has come."""

import enum
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    false,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.batched import batched
from app.db.base import Base, rows_changed, value_enum
from app.db.models.app import App
from app.db.models.app_settings import AppSettings
from app.db.work import BigId, Leased, Leasing


class LogStatus(enum.StrEnum):
    """received -> digested | rejected."""

    RECEIVED = "received"
    DIGESTED = "digested"
    REJECTED = "rejected"


WAITING = text("status = 'received'")
SLOW = text("status = 'received' AND slow")
REJECTED = text("status = 'rejected'")


class Log(Leased, Base):
    """One uploaded log. Its bytes lie in the storage, under `storage_key`, before the row is committed."""

    __tablename__ = "logs"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id"))
    log_id: Mapped[str] = mapped_column(String(128))  # as the client named it
    sha256: Mapped[str] = mapped_column(String(64))  # of the unpacked bytes
    size: Mapped[int] = mapped_column(BigInteger)  # bytes, unpacked
    storage_key: Mapped[str] = mapped_column(String(255))
    request_id: Mapped[str | None] = mapped_column(String(64))  # of the upload, for the worker's log lines
    received_at: Mapped[datetime]
    status: Mapped[LogStatus] = mapped_column(value_enum(LogStatus), default=LogStatus.RECEIVED)
    format: Mapped[str | None] = mapped_column(String(32))
    error_message: Mapped[str | None] = mapped_column(Text)
    digested_at: Mapped[datetime | None]
    slow: Mapped[bool] = mapped_column(default=False, server_default=false())  # takes long to read: digested alone
    removed_at: Mapped[datetime | None]  # when its bytes were, by age; what was found in it is still known
    __table_args__ = (
        UniqueConstraint("app_id", "log_id"),
        Index("ix_logs_app_id_received_at", "app_id", "received_at"),  # what is old
        Index("ix_logs_waiting", "enqueue_after", postgresql_where=WAITING, sqlite_where=WAITING),
        Index("ix_logs_turns", "app_id", "id", postgresql_where=WAITING, sqlite_where=WAITING),  # the next log
        Index("ix_logs_slow", "id", postgresql_where=SLOW, sqlite_where=SLOW),  # few
        Index("ix_logs_rejected", "app_id", "received_at", postgresql_where=REJECTED, sqlite_where=REJECTED),
    )


class StoredLog(NamedTuple):
    """As much of a digested log as it takes to read it again."""

    id: int
    app_id: int
    app: str  # identifier
    storage_key: str
    size: int  # bytes
    settings: str | None = None  # JSON of what the app's members have set


def stored_logs(session: Session, row_ids: Sequence[int]) -> list[StoredLog]:
    """The digested ones of these logs, by row id."""
    columns = (Log.id, Log.app_id, App.identifier, Log.storage_key, Log.size, AppSettings.settings)
    joined = select(*columns).join(App, App.id == Log.app_id).outerjoin(AppSettings, AppSettings.app_id == Log.app_id)
    statement = joined.where(Log.id.in_(row_ids))
    found = session.execute(statement.where(Log.status == LogStatus.DIGESTED).order_by(Log.id))
    return [StoredLog(*row) for row in found]


class LogObject(NamedTuple):
    """Where the bytes of a log lie."""

    storage_key: str
    size: int  # bytes


def log_objects(session: Session, row_ids: Iterable[int]) -> dict[int, LogObject]:
    """Row id -> where its bytes lie, of those of these logs that there are."""
    found: dict[int, LogObject] = {}
    for some in batched(row_ids, 1_000):
        rows = session.execute(select(Log.id, Log.storage_key, Log.size).where(Log.id.in_(some)))
        found |= {row_id: LogObject(key, size) for row_id, key, size in rows}
    return found


def find_log(session: Session, app_id: int, log_id: str, *, lock: bool = False) -> Log | None:
    """The log of an app by the name its sender gave; with `lock` its row is locked until the transaction ends."""
    statement = select(Log).where(Log.app_id == app_id, Log.log_id == log_id)
    return session.scalar(statement.with_for_update() if lock else statement)


def logs_after(session: Session, row_id: int, limit: int) -> list[Log]:
    """Logs in the order of their row ids, those after one."""
    return list(session.scalars(select(Log).where(Log.id > row_id).order_by(Log.id).limit(limit)))


def oldest_stored_keys(session: Session, limit: int) -> list[str]:
    """Storage keys of the oldest logs whose bytes have not been removed on purpose."""
    kept = select(Log.storage_key).where(Log.removed_at.is_(None))
    return list(session.scalars(kept.order_by(Log.id).limit(limit)))


def stored_log_ids(session: Session, storage_keys: list[str]) -> set[str]:
    """Those of the storage keys `logs/<app>/…/<log_id>.<sha256>` that belong to a log.

    Found by app and name, which are indexed together. Keys of an earlier release end with the log_id.
    """
    named = [key.split("/") for key in storage_keys]
    apps = select(App.id).where(App.identifier.in_({parts[1] for parts in named}))
    names = {name for parts in named for name in (parts[-1], parts[-1].rpartition(".")[0])}
    found = select(Log.storage_key).where(
        Log.app_id.in_(apps), Log.log_id.in_(names), Log.storage_key.in_(storage_keys), Log.removed_at.is_(None)
    )
    return set(session.scalars(found))


def mark_lost(session: Session, row_id: int, reason: str, now: datetime) -> None:
    """Record that a log's bytes are gone; a log that waits for its digestion is rejected for it."""
    this = update(Log).where(Log.id == row_id)
    rejected = this.where(Log.status == LogStatus.RECEIVED).values(status=LogStatus.REJECTED, digested_at=now)
    rows_changed(session, rejected)
    rows_changed(session, this.values(error_message=reason, lease_expires_at=None))


LEASING = Leasing(
    Log,
    waiting=(Log.status == LogStatus.RECEIVED,),
    working=(Log.status == LogStatus.RECEIVED,),
    order=(Log.id,),
)

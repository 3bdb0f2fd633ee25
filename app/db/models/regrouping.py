"""Regroupings: the work of grouping an app's stored logs anew, and of carrying out what people decided about groups."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, case, delete, func, literal, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base, dialect_of
from app.db.hot import insert_into
from app.db.models.log import Log, LogStatus
from app.db.work import ENQUEUE_AGAIN_AFTER, BigId, Leased, Leasing

LIVE = text("finished_at IS NULL")


class Regrouping(Leased, Base):
    """One pass over an app. The row is the job: the worker that holds its lease goes on from its position."""

    __tablename__ = "regroupings"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id"))
    created_at: Mapped[datetime]
    last_log: Mapped[int] = mapped_column(BigInteger)  # row id up to which logs are looked at; 0: only decisions are
    rules: Mapped[int]  # version of the rules that the logs before the position were grouped by
    position: Mapped[int] = mapped_column(BigInteger, default=0)  # row id of the log that was looked at last
    done: Mapped[int] = mapped_column(BigInteger, default=0)  # logs
    total: Mapped[int] = mapped_column(BigInteger)  # logs, as counted at the beginning
    moved: Mapped[int] = mapped_column(BigInteger, default=0)  # occurrences that have got another crash
    unreadable: Mapped[int] = mapped_column(BigInteger, default=0)  # logs that stay grouped as they are
    symbol_logs: Mapped[int] = mapped_column(
        BigInteger, default=0, server_default="0"
    )  # read again: their symbols came
    wishes: Mapped[int] = mapped_column(default=1)  # times that the work was asked for; a new one keeps it from ending
    attempts_before: Mapped[int] = mapped_column(
        "stumbles", key="attempts_before", default=0
    )  # by the previous release
    finished_at: Mapped[datetime | None]
    __table_args__ = (
        Index("uq_regroupings_live", "app_id", unique=True, postgresql_where=LIVE, sqlite_where=LIVE),
        Index("ix_regroupings_due", "enqueue_after", postgresql_where=LIVE, sqlite_where=LIVE),
    )


def wish(session: Session, app_id: int, now: datetime, *, rules: int | None = None, anew: bool = False) -> int:
    """Begin a regrouping, or join the one under way; returns its row id.

    With a version of the rules all stored logs are looked at, and none that was looked at under that version already,
    unless it is to be `anew`; without one only what people decided is carried out.
    """
    last, total = 0, 0
    if rules is not None:
        digested = (Log.app_id == app_id, Log.status == LogStatus.DIGESTED)
        last, total = session.execute(select(func.coalesce(func.max(Log.id), 0), func.count()).where(*digested)).one()
    dialect = dialect_of(session)
    values = {
        "app_id": app_id,
        "created_at": now,
        "last_log": last,
        "rules": rules or 0,
        "total": total,
        "enqueue_after": now + ENQUEUE_AGAIN_AFTER,
    }
    counters = (
        "position",
        "done",
        "moved",
        "unreadable",
        "symbol_logs",
        "attempt",
        "failures",
        "enqueued",
        "attempts_before",
    )
    zero = dict.fromkeys(counters, 0)
    insert = insert_into(dialect, Regrouping).values({**zero, "wishes": 1, **values})
    again: dict[str, Any] = {
        "wishes": Regrouping.wishes + 1,
        "enqueue_after": insert.excluded.enqueue_after,
        "not_before": None,
    }
    if rules is not None:
        stays = (Regrouping.rules == rules) & literal(not anew)
        again |= {"rules": rules, "last_log": insert.excluded.last_log, "total": insert.excluded.total}
        again |= {
            name: case((stays, getattr(Regrouping, name)), else_=0) for name in ("position", "done", "unreadable")
        }
    joined = insert.on_conflict_do_update(index_elements=[Regrouping.app_id], index_where=LIVE, set_=again)
    row_id: int = session.execute(joined.returning(Regrouping.id)).scalar_one()
    past = delete(Regrouping).where(Regrouping.app_id == app_id, Regrouping.finished_at.is_not(None))
    session.execute(past, execution_options={"synchronize_session": False})
    return row_id


def find_regrouping(session: Session, row_id: int) -> Regrouping | None:
    """The row as it stands."""
    return session.get(Regrouping, row_id, populate_existing=True)


def latest_regrouping(session: Session, app_id: int) -> Regrouping | None:
    """The regrouping of an app that is under way, else the one that ended last."""
    rows = select(Regrouping).where(Regrouping.app_id == app_id).order_by(Regrouping.id.desc())
    return session.scalar(rows.limit(1).execution_options(populate_existing=True))


def as_asked(session: Session, row: Regrouping, *, upto: int | None = None) -> bool:
    """Lock the row; False when it was asked for once more since, or was begun anew before the place `upto`."""
    found = session.get(Regrouping, row.id, populate_existing=True, with_for_update=True)
    return found is not None and found.wishes == row.wishes and (upto is None or found.position <= upto)


def logs_to_regroup(session: Session, row: Regrouping, limit: int) -> list[int]:
    """Row ids of the digested logs that come next."""
    logs = select(Log.id).where(Log.id > row.position, Log.id <= row.last_log, Log.app_id == row.app_id)
    return list(session.scalars(logs.where(Log.status == LogStatus.DIGESTED).order_by(Log.id).limit(limit)))


LEASING = Leasing(
    Regrouping,
    waiting=(Regrouping.finished_at.is_(None),),
    working=(Regrouping.finished_at.is_(None),),
    order=(Regrouping.created_at, Regrouping.id),
)

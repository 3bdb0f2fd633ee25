"""Regroupings: the work of grouping an app's stored logs anew, and of carrying out what people decided about groups."""

from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, case, delete, func, literal, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db import Base, rows_changed
from app.db.job import Job, JobState
from app.db.log import RING_AGAIN_AFTER, BigId, Log, LogStatus

LIVE = text("finished_at IS NULL")


class Regrouping(Base):
    """One pass over an app. The row is the job: who holds its lease goes on where it stands."""

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
    attempt: Mapped[int] = mapped_column(default=0)  # only the latest may write here
    stumbles: Mapped[int] = mapped_column(default=0)  # attempts since the position last changed
    lease_expires_at: Mapped[datetime | None]
    ring_after: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    __table_args__ = (
        Index("uq_regroupings_live", "app_id", unique=True, postgresql_where=LIVE, sqlite_where=LIVE),
        Index("ix_regroupings_due", "ring_after", postgresql_where=LIVE, sqlite_where=LIVE),
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
    dialect: ModuleType = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    values = {
        "app_id": app_id,
        "created_at": now,
        "last_log": last,
        "rules": rules or 0,
        "total": total,
        "ring_after": now + RING_AGAIN_AFTER,
    }
    zero = dict.fromkeys(("position", "done", "moved", "unreadable", "symbol_logs", "attempt", "stumbles"), 0)
    insert: Any = dialect.insert(Regrouping).values({**zero, "wishes": 1, **values})
    again: dict[str, Any] = {"wishes": Regrouping.wishes + 1, "ring_after": insert.excluded.ring_after}
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


def claim_regrouping(session: Session, row_id: int, now: datetime, lease: timedelta) -> Regrouping | None:
    """Go on with a regrouping; None when it has ended or another worker is at it."""
    free = or_(Regrouping.lease_expires_at.is_(None), Regrouping.lease_expires_at <= now)
    mine = update(Regrouping).where(Regrouping.id == row_id, LIVE, free)
    ends = now + lease
    begun = {"attempt": Regrouping.attempt + 1, "stumbles": Regrouping.stumbles + 1, "lease_expires_at": ends}
    if not rows_changed(session, mine.values(**begun, ring_after=ends)):
        return None
    return find_regrouping(session, row_id)


def write_progress(session: Session, row_id: int, attempt: int, **values: Any) -> bool:
    """Change columns of a regrouping; False when another attempt has it, or it was asked for anew from the start."""
    this = update(Regrouping).where(Regrouping.id == row_id, LIVE, Regrouping.attempt == attempt)
    if "position" in values:
        this = this.where(Regrouping.position <= values["position"], Regrouping.wishes == values.pop("wishes"))
    return rows_changed(session, this.values(**values)) == 1


def finish_regrouping(session: Session, row_id: int, attempt: int, wishes: int, now: datetime) -> bool:
    """End a regrouping; False when it was asked for once more meanwhile, or another attempt has it."""
    this = update(Regrouping).where(Regrouping.id == row_id, LIVE, Regrouping.attempt == attempt)
    done = {"finished_at": now, "lease_expires_at": None}
    return rows_changed(session, this.where(Regrouping.wishes == wishes).values(**done)) == 1


def due_regroupings(session: Session, now: datetime, limit: int) -> list[int]:
    """Row ids of regroupings that nobody is at; each is pushed back, so that two sweeps do not ring for the same."""
    due = select(Regrouping).where(LIVE, Regrouping.ring_after <= now).order_by(Regrouping.ring_after, Regrouping.id)
    found = list(session.scalars(due.limit(limit).with_for_update(skip_locked=True)))
    for one in found:
        one.ring_after = now + RING_AGAIN_AFTER
    session.flush()
    return [one.id for one in found]


def logs_to_regroup(session: Session, row: Regrouping, limit: int) -> list[int]:
    """Row ids of the digested logs that come next."""
    logs = select(Log.id).where(Log.id > row.position, Log.id <= row.last_log, Log.app_id == row.app_id)
    return list(session.scalars(logs.where(Log.status == LogStatus.DIGESTED).order_by(Log.id).limit(limit)))


def is_batch_under_way(session: Session, app_id: int, queue: str) -> bool:
    """True while files of the app's occurrences are made in parts, for which they must stay in their crashes."""
    made = select(Job.id).where(Job.app_id == app_id, Job.queue == queue, Job.state == JobState.RUNNING)
    return session.scalar(made.limit(1)) is not None

"""Recounts of figures: the work of completing the figures of an app's crashes from their occurrences."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, delete, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base, insert_or_ignore
from app.db.work import ENQUEUE_AGAIN_AFTER, BigId, Leased, Leasing

LIVE = text("finished_at IS NULL")


class FigureRecount(Leased, Base):
    """One pass over the crashes of an app whose figures are not complete."""

    __tablename__ = "figure_recounts"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]
    position: Mapped[int] = mapped_column(BigInteger, default=0)  # row id of the crash that was counted last
    crashes: Mapped[int] = mapped_column(BigInteger, default=0)  # counted
    finished_at: Mapped[datetime | None]
    __table_args__ = (
        Index("uq_figure_recounts_live", "app_id", unique=True, postgresql_where=LIVE, sqlite_where=LIVE),
        Index("ix_figure_recounts_due", "enqueue_after", postgresql_where=LIVE, sqlite_where=LIVE),
    )


def begin_recount(session: Session, app_id: int, now: datetime) -> FigureRecount:
    """Begin a recount of an app, or join the one under way."""
    past = delete(FigureRecount).where(FigureRecount.app_id == app_id, FigureRecount.finished_at.is_not(None))
    session.execute(past, execution_options={"synchronize_session": False})
    values = {
        "app_id": app_id, "created_at": now, "position": 0, "crashes": 0, "attempt": 0, "failures": 0, "enqueued": 0,
        "enqueue_after": now + ENQUEUE_AGAIN_AFTER,
    }  # fmt: skip
    insert_or_ignore(session, FigureRecount, values)
    return session.scalars(select(FigureRecount).where(FigureRecount.app_id == app_id)).one()


def find_recount(session: Session, row_id: int) -> FigureRecount | None:
    """The row as it stands."""
    return session.get(FigureRecount, row_id, populate_existing=True)


LEASING = Leasing(
    FigureRecount,
    waiting=(FigureRecount.finished_at.is_(None),),
    working=(FigureRecount.finished_at.is_(None),),
    order=(FigureRecount.created_at, FigureRecount.id),
)

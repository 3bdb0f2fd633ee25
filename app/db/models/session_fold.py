"""Folds of sessions: the work of adding what has arrived of an app's sessions to their figures."""

from sqlalchemy import ForeignKey, Index, exists, select
from sqlalchemy.orm import Mapped, column_property, mapped_column

from app.db.base import Base
from app.db.models.session_batch import SessionBatch
from app.db.work import Leased, Leasing


class SessionFold(Leased, Base):
    """An app that reports sessions. The row stays; it is to be worked at while batches of the app wait."""

    __tablename__ = "session_folds"
    app_id: Mapped[int] = mapped_column(
        ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    has_batches: Mapped[bool] = column_property(
        exists(select(SessionBatch.id).where(SessionBatch.app_id == app_id).correlate_except(SessionBatch))
    )
    __table_args__ = (Index("ix_session_folds_due", "enqueue_after"),)

    @property
    def id(self) -> int:
        """What log lines name the row by."""
        return self.app_id


_WAITS = exists(select(SessionBatch.id).where(SessionBatch.app_id == SessionFold.app_id).correlate(SessionFold))
LEASING = Leasing(SessionFold, waiting=(_WAITS,), working=(), order=(SessionFold.enqueue_after, SessionFold.app_id))

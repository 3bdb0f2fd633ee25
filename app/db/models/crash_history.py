"""The history of crashes: who changed what about one and when, what was said about it, and when it came back."""

import enum
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, value_enum
from app.db.work import BigId

MAX_COMMENT = 4_000  # characters


class HistoryAction(enum.StrEnum):
    """What happened to a crash."""

    RESOLVED = "resolved"
    IGNORED = "ignored"
    REOPENED = "reopened"  # by a person
    REGRESSED = "regressed"  # it came back, so the service opened it again
    UNIGNORED = "unignored"  # what it was ignored for is over, so the service opened it again
    ASSIGNED = "assigned"
    UNASSIGNED = "unassigned"
    COMMENTED = "commented"
    MERGED = "merged"  # into another crash
    SPLIT = "split"  # off the crash that it had been merged into


class CrashHistory(Base):
    """One entry. It stays with the crash that it is about: what is merged shows it too, and what is split takes it along."""

    __tablename__ = "crash_history"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    crash_id: Mapped[int] = mapped_column(BigId, ForeignKey("crashes.id", ondelete="CASCADE"))
    happened_at: Mapped[datetime]
    action: Mapped[HistoryAction] = mapped_column(value_enum(HistoryAction))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    """Who did it; None for what the service does, and once the account is removed."""
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))  # ASSIGNED
    version: Mapped[str | None] = mapped_column(String(128))  # RESOLVED in it, or NEXT; REGRESSED: of the occurrence
    terms: Mapped[str | None] = mapped_column(Text)  # JSON, IGNORED: until when
    other_identifier: Mapped[str | None] = mapped_column(String(24))  # MERGED, SPLIT: of the other crash
    comment: Mapped[str | None] = mapped_column(Text)  # COMMENTED
    __table_args__ = (Index("ix_crash_history_crash_id_id", "crash_id", "id"), {"sqlite_autoincrement": True})

"""Erasures: the removal of all that came from one user of an app, as rows that are worked off step by step."""

import enum
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, Text, delete, insert, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base, value_enum
from app.db.work import Leased, Leasing


class ErasureState(enum.StrEnum):
    """live -> finished."""

    LIVE = "live"
    FINISHED = "finished"


LIVE = text("state = 'live'")


class Erasure(Leased, Base):
    """One erasure. Once finished it tells of the user nothing but a keyed hash."""

    __tablename__ = "erasures"
    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id"))
    user_hash: Mapped[str] = mapped_column(String(64))  # HMAC-SHA256 of app and user id, hex
    subject: Mapped[str | None] = mapped_column(Text)  # the user id itself, while it is needed
    scan: Mapped[bool]  # read every stored log of the app
    asked_by: Mapped[int | None] = mapped_column(Integer)  # row id of the user who asked; None: an operator
    state: Mapped[ErasureState] = mapped_column(value_enum(ErasureState))
    step: Mapped[str] = mapped_column(String(16))  # which of app.privacy.steps is at work
    place: Mapped[str] = mapped_column(String(64))  # how far that step has come; only it knows what that means
    last_log: Mapped[int] = mapped_column(BigInteger)  # the newest log that belongs to it
    done: Mapped[int] = mapped_column(BigInteger)  # logs read
    total: Mapped[int] = mapped_column(BigInteger)  # logs to read
    logs: Mapped[int] = mapped_column(BigInteger)  # removed
    occurrences: Mapped[int] = mapped_column(BigInteger)  # removed
    jobs: Mapped[int] = mapped_column(BigInteger)  # ended or removed
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    error_code: Mapped[str | None] = mapped_column(String(64))  # of the latest of these
    __table_args__ = (
        Index("uq_erasures_live", "app_id", "user_hash", unique=True, postgresql_where=LIVE, sqlite_where=LIVE),
        Index("ix_erasures_app_id_created_at", "app_id", "created_at"),
    )


class ErasedCrash(Base):
    """A crash that an erasure has taken occurrences from."""

    __tablename__ = "erased_crashes"
    erasure_id: Mapped[str] = mapped_column(ForeignKey("erasures.id", ondelete="CASCADE"), primary_key=True)
    crash_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


def find_erasure(session: Session, app_id: int, erasure_id: str) -> Erasure | None:
    """An erasure of the app."""
    return session.scalar(select(Erasure).where(Erasure.id == erasure_id, Erasure.app_id == app_id))


def live_erasure(session: Session, app_id: int, user_hash: str) -> Erasure | None:
    """The erasure of that user that is under way."""
    mine = (Erasure.app_id == app_id, Erasure.user_hash == user_hash, Erasure.state == ErasureState.LIVE)
    return session.scalar(select(Erasure).where(*mine))


def erasures_of(session: Session, app_id: int, limit: int, offset: int) -> list[Erasure]:
    """The erasures of an app, newest first."""
    newest_first = select(Erasure).where(Erasure.app_id == app_id).order_by(Erasure.created_at.desc(), Erasure.id)
    return list(session.scalars(newest_first.limit(limit).offset(offset)))


def note_crashes(session: Session, erasure_id: str, crash_ids: set[int]) -> None:
    """Remember which crashes an erasure has taken occurrences from."""
    known = set(session.scalars(select(ErasedCrash.crash_id).where(ErasedCrash.erasure_id == erasure_id)))
    new = [{"erasure_id": erasure_id, "crash_id": crash_id} for crash_id in sorted(crash_ids - known)]
    if new:
        session.execute(insert(ErasedCrash), new)


def noted_crashes(session: Session, erasure_id: str, among: set[int]) -> set[int]:
    """Which of these crashes an erasure has taken occurrences from."""
    noted = select(ErasedCrash.crash_id).where(ErasedCrash.erasure_id == erasure_id, ErasedCrash.crash_id.in_(among))
    return set(session.scalars(noted))


def forget_crashes(session: Session, erasure_id: str) -> None:
    """Drop what has been noted."""
    session.execute(delete(ErasedCrash).where(ErasedCrash.erasure_id == erasure_id))


def is_any_live(session: Session, app_id: int) -> bool:
    """True while a user of the app is being erased."""
    return session.scalar(select(Erasure.id).where(Erasure.app_id == app_id, LIVE).limit(1)) is not None


LEASING = Leasing(
    Erasure,
    waiting=(Erasure.state == ErasureState.LIVE,),
    working=(Erasure.state == ErasureState.LIVE,),
    order=(Erasure.created_at, Erasure.id),
    by_enqueue_after=False,  # few are live
)

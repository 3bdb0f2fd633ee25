"""Who looks after a crash: a table of its own, for SQLite adds no foreign key to one that is there."""

from collections.abc import Iterable

from sqlalchemy import ForeignKey, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base
from app.db.models.crash import Crash
from app.db.models.user import User
from app.db.work import BigId


class CrashAssignee(Base):
    """The one member whom a crash is assigned to."""

    __tablename__ = "crash_assignees"
    crash_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("crashes.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)


def assignees_of(session: Session, crash_ids: Iterable[int]) -> dict[int, User]:
    """Row id of a crash -> whom it is assigned to, of these crashes."""
    ids = list(crash_ids)
    found = select(CrashAssignee.crash_id, User).join(User, User.id == CrashAssignee.user_id)
    rows = session.execute(found.where(CrashAssignee.crash_id.in_(ids))) if ids else ()
    return {row[0]: row[1] for row in rows}


def assign(session: Session, crash_id: int, user_id: int | None) -> None:
    """Assign a locked crash to a user, or with None to nobody."""
    given = session.get(CrashAssignee, crash_id)
    if user_id is None and given is not None:
        session.delete(given)
    elif user_id is not None and given is not None:
        given.user_id = user_id
    elif user_id is not None:
        session.add(CrashAssignee(crash_id=crash_id, user_id=user_id))
    session.flush()


def take_from(session: Session, app_id: int, user_id: int) -> None:
    """Let no crash of an app be assigned to a user."""
    of_app = select(Crash.id).where(Crash.app_id == app_id)
    mine = delete(CrashAssignee).where(CrashAssignee.user_id == user_id, CrashAssignee.crash_id.in_(of_app))
    session.execute(mine, execution_options={"synchronize_session": False})

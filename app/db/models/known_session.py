"""Sessions of which something is counted, remembered for some days so that nothing of them is counted twice."""

from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import ColumnElement, ForeignKey, Index, LargeBinary, SmallInteger, delete, select, tuple_
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base, dialect_of

SID = 16  # bytes
AT_ONCE = 500  # looked for by one statement


class KnownSession(Base):
    """What is known of one session so far."""

    __tablename__ = "known_sessions"
    app_id: Mapped[int] = mapped_column(
        ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    sid: Mapped[bytes] = mapped_column(LargeBinary(SID), primary_key=True)  # a hash of the session's id
    flags: Mapped[int] = mapped_column(SmallInteger)  # of app.db.models.session_batch
    changed_on: Mapped[date]  # UTC
    __table_args__ = (Index("ix_known_sessions_changed_on", "changed_on"), {"sqlite_with_rowid": False})


def known_flags(session: Session, app_id: int, sids: Sequence[str]) -> dict[str, int]:
    """By session what is counted of it; those that are not remembered are left out."""
    found: dict[str, int] = {}
    for at in range(0, len(sids), AT_ONCE):
        some = [bytes.fromhex(sid) for sid in sids[at : at + AT_ONCE]]
        columns = select(KnownSession.sid, KnownSession.flags)
        for sid, flags in session.execute(columns.where(KnownSession.app_id == app_id, KnownSession.sid.in_(some))):
            found[sid.hex()] = flags
    return found


def remember(session: Session, app_id: int, flags: Mapping[str, int], today: date) -> None:
    """Keep what is counted of these sessions by now. One transaction at a time does this for an app."""
    dialect = dialect_of(session)
    insert = dialect.insert(KnownSession.__table__)
    newer = {"flags": insert.excluded.flags, "changed_on": insert.excluded.changed_on}
    rows = [
        {"app_id": app_id, "sid": bytes.fromhex(sid), "flags": value, "changed_on": today}
        for sid, value in sorted(flags.items())
    ]
    if rows:
        session.execute(insert.on_conflict_do_update(index_elements=["app_id", "sid"], set_=newer), rows)


def forget_sessions(session: Session, before: date, limit: int) -> int:
    """Forget some sessions of which nothing new was heard since; returns how many."""
    return _forget(session, KnownSession.changed_on < before, limit)


def forget_sessions_of(session: Session, app_id: int, limit: int) -> int:
    """Forget some sessions of an app; returns how many."""
    return _forget(session, KnownSession.app_id == app_id, limit)


def _forget(session: Session, which: ColumnElement[bool], limit: int) -> int:
    key = (KnownSession.app_id, KnownSession.sid)
    these = delete(KnownSession).where(tuple_(*key).in_(select(*key).where(which).limit(limit)))
    forgotten = session.execute(these.returning(KnownSession.app_id), execution_options={"synchronize_session": False})
    return len(forgotten.all())

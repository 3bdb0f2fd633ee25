"""Figures of sessions: per app, UTC day, version and environment how many there were, how they ended, and of which users."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String, delete, select, tuple_
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base
from app.db.models.known_session import known_flags, remember
from app.db.models.occurrence import MAX_FACT
from app.db.models.session_batch import CRASHED, FLAGS, SessionUpdate
from app.sketches import with_users

MOST_KEYS = 300  # versions and environments of an app and day; those that come later are counted as OTHERS
OTHERS = "*"
"""Stands for the version and the environment of what is over MOST_KEYS: no value that is known begins with it."""

Key = tuple[date, str, str]  # day, version, environment


class SessionDay(Base):
    """The sessions of one day, version and environment."""

    __tablename__ = "session_days"
    app_id: Mapped[int] = mapped_column(
        ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    day: Mapped[date] = mapped_column(primary_key=True)  # when they started
    version: Mapped[str] = mapped_column(String(MAX_FACT + 1), primary_key=True)  # as in crash_figures, or OTHERS
    environment: Mapped[str] = mapped_column(String(MAX_FACT + 1), primary_key=True)  # the same
    sessions: Mapped[int] = mapped_column(BigInteger)  # that started
    errored: Mapped[int] = mapped_column(BigInteger)  # with an error; crashed and abnormal ones are among them
    crashed: Mapped[int] = mapped_column(BigInteger)
    abnormal: Mapped[int] = mapped_column(BigInteger)
    users: Mapped[bytes | None] = mapped_column(LargeBinary)  # a sketch of those who had one; app.sketches
    crashed_users: Mapped[bytes | None] = mapped_column(LargeBinary)  # of those who had one that crashed


_COUNTS = ("sessions", "errored", "crashed", "abnormal")


def count_sessions(session: Session, app_id: int, updates: Sequence[SessionUpdate], today: date) -> None:
    """Add updates to the figures: of each session what is not counted yet. One transaction at a time does this for an app.

    Updates of a session may come in any order and any number of times.
    """
    known = known_flags(session, app_id, sorted({update.sid for update in updates if update.sid}))
    changed: dict[str, int] = {}
    more: dict[Key, Counter[str]] = defaultdict(Counter)
    users: dict[Key, tuple[set[int], set[int]]] = defaultdict(lambda: (set(), set()))
    for update in updates:
        key = (date.fromisoformat(update.day), update.version, update.environment)
        sums = update.sums
        if update.sid is not None:
            had = known.get(update.sid, 0)
            sums = tuple(int(bool(update.flags & ~had & flag)) for flag in FLAGS)  # type: ignore[assignment]
            if update.flags & ~had:
                known[update.sid] = changed[update.sid] = had | update.flags
        more[key].update(dict(zip(_COUNTS, sums, strict=True)))
        if update.user is not None:
            users[key][0].add(update.user)
            if update.flags & CRASHED or (update.sid is None and sums[2]):
                users[key][1].add(update.user)
    for key, row in _rows(session, app_id, sorted(more)).items():
        for name in _COUNTS:
            setattr(row, name, getattr(row, name) + more[key][name])
        row.users = with_users(row.users, users[key][0])
        row.crashed_users = with_users(row.crashed_users, users[key][1])
    remember(session, app_id, changed, today)


def _rows(session: Session, app_id: int, keys: Sequence[Key]) -> dict[Key, SessionDay]:
    """By key its row, or that of OTHERS where the day has too many."""
    taken: dict[date, set[Key]] = {day: _keys_of(session, app_id, day) for day in {key[0] for key in keys}}
    found = {}
    for key in keys:
        day = key[0]
        its = key if key in taken[day] or len(taken[day]) < MOST_KEYS else (day, OTHERS, OTHERS)
        taken[day].add(its)
        row = session.get(SessionDay, (app_id, *its))
        if row is None:
            row = SessionDay(app_id=app_id, day=day, version=its[1], environment=its[2], **dict.fromkeys(_COUNTS, 0))
            session.add(row)
            session.flush()
        found[key] = row
    return found


def _keys_of(session: Session, app_id: int, day: date) -> set[Key]:
    mine = select(SessionDay.version, SessionDay.environment).where(SessionDay.app_id == app_id, SessionDay.day == day)
    return {(day, *row) for row in session.execute(mine)}


def drop_old_session_days(session: Session, app_id: int, before: date, limit: int) -> int:
    """Delete some of an app's figures of days before; returns how many rows."""
    key = (SessionDay.app_id, SessionDay.day, SessionDay.version, SessionDay.environment)
    some = select(*key).where(SessionDay.app_id == app_id, SessionDay.day < before).limit(limit)
    these = delete(SessionDay).where(tuple_(*key).in_(some)).returning(SessionDay.day)
    return len(session.execute(these, execution_options={"synchronize_session": False}).all())

"""Decisions of people about grouping: this group belongs to that crash, or is one of its own again."""

from collections.abc import Iterable
from datetime import datetime
from types import ModuleType

from sqlalchemy import Exists, ForeignKey, Index, Select, String, Text, exists, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base, rows_changed
from app.db.driver_pool import DriverConnection, Prepared
from app.db.hot import SqlText, as_rows, rows_of
from app.db.models.crash import Crash
from app.db.models.occurrence import Occurrence

PENDING = text("moved_at IS NULL")


class GroupingDecision(Base):
    """One group, by the identifier that its fingerprint gives it, and the crash its occurrences are to be counted in.

    It keeps what described the group's crash, for the crash to be made again when the group is split off.
    """

    __tablename__ = "grouping_decisions"
    identifier: Mapped[str] = mapped_column(String(24), primary_key=True)
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id"))
    into_identifier: Mapped[str] = mapped_column(String(24))  # the same as `identifier`: a crash of its own
    fingerprint: Mapped[str] = mapped_column(String(32))
    fingerprint_version: Mapped[int]
    title: Mapped[str] = mapped_column(String(200))
    why: Mapped[str | None] = mapped_column(Text)
    user_id: Mapped[int | None]  # who decided last; no key, for the decision outlives its maker
    decided_at: Mapped[datetime]
    moved_at: Mapped[datetime | None]  # when all occurrences were where they belong; None: some may not be yet
    __table_args__ = (
        Index("ix_grouping_decisions_into_identifier", "into_identifier"),
        Index("ix_grouping_decisions_pending", "app_id", postgresql_where=PENDING, sqlite_where=PENDING),
    )

    @property
    def is_merge(self) -> bool:
        """True when the group is not a crash of its own."""
        return self.into_identifier != self.identifier


def routes(driver: DriverConnection, identifiers: Iterable[str]) -> dict[str, str]:
    """Of these groups the ones that people have merged into another crash that exists: identifier -> its identifier."""
    rows = as_rows({"identifier": identifier} for identifier in sorted(set(identifiers)))
    return dict(driver.rows(_ROUTES if driver.is_postgresql else _ROUTES_ON_SQLITE, rows=rows))


def routes_within(session: Session, identifiers: Iterable[str]) -> dict[str, str]:
    """The same in a session's transaction."""
    merged = (
        GroupingDecision.identifier.in_(set(identifiers)),
        GroupingDecision.into_identifier != GroupingDecision.identifier,
    )
    found = select(GroupingDecision.identifier, GroupingDecision.into_identifier).where(*merged, _target_exists())
    return {row[0]: row[1] for row in session.execute(found)}


def find_decision(session: Session, identifier: str) -> GroupingDecision | None:
    """What was decided about a group, if anything."""
    return session.get(GroupingDecision, identifier)


def merged_into(session: Session, identifier: str, limit: int, offset: int = 0) -> list[GroupingDecision]:
    """The groups that were merged into a crash, the latest decisions first."""
    merged = select(GroupingDecision).where(
        GroupingDecision.into_identifier == identifier, GroupingDecision.identifier != identifier
    )
    ordered = merged.order_by(GroupingDecision.decided_at.desc(), GroupingDecision.identifier)
    return list(session.scalars(ordered.limit(limit).offset(offset)))


def pending_decisions(session: Session, app_id: int, limit: int) -> list[GroupingDecision]:
    """Decisions whose occurrences may not all be where they belong, the oldest first."""
    pending = select(GroupingDecision).where(GroupingDecision.app_id == app_id, PENDING)
    return list(
        session.scalars(pending.order_by(GroupingDecision.decided_at, GroupingDecision.identifier).limit(limit))
    )


def decisions_after(session: Session, app_id: int, identifier: str, limit: int) -> list[GroupingDecision]:
    """Merges of an app by identifier, those after one."""
    merges = select(GroupingDecision).where(
        GroupingDecision.app_id == app_id,
        GroupingDecision.identifier > identifier,
        GroupingDecision.into_identifier != GroupingDecision.identifier,
    )
    return list(session.scalars(merges.order_by(GroupingDecision.identifier).limit(limit)))


def decide(session: Session, group: Crash, into: str, user_id: int | None, now: datetime) -> None:
    """Have a group, and whatever was merged into its crash, counted in another crash from now on."""
    columns = {"fingerprint": group.fingerprint, "fingerprint_version": group.fingerprint_version}
    values = columns | {"title": group.title, "why": group.why, "into_identifier": into, "user_id": user_id}
    decision = session.get(GroupingDecision, group.identifier)
    if decision is None:
        decision = GroupingDecision(identifier=group.identifier, app_id=group.app_id)
        session.add(decision)
    for name, value in {**values, "decided_at": now, "moved_at": None}.items():
        setattr(decision, name, value)
    session.flush()
    redirect(session, group.identifier, into, user_id, now)


def split_off(session: Session, decision: GroupingDecision, user_id: int, now: datetime) -> None:
    """Make a merged group a crash of its own again."""
    decision.into_identifier, decision.user_id = decision.identifier, user_id
    decision.decided_at, decision.moved_at = now, None
    session.flush()


def carry(session: Session, decision: GroupingDecision, became: Crash, into: Crash, now: datetime) -> bool:
    """Make for the groups of newer rules the decision that was made for their elders; False when another one stands."""
    if any(session.get(GroupingDecision, one.identifier) for one in (became, into)):
        return False
    decide(session, became, into.identifier, decision.user_id, now)
    return True


def redirect(session: Session, old: str, new: str, user_id: int | None, now: datetime) -> int:
    """Whatever was merged into one crash is to go to another; returns how many groups that are."""
    this = update(GroupingDecision).where(
        GroupingDecision.into_identifier == old, GroupingDecision.identifier != old, GroupingDecision.identifier != new
    )
    values = {"into_identifier": new, "user_id": user_id, "decided_at": now, "moved_at": None}
    return rows_changed(session, this.values(values))


def note_moved(session: Session, before: datetime, identifiers: list[str], now: datetime) -> int:
    """Note that a decision is carried out, unless it was made after `before`: digests under way may not know it yet."""
    this = update(GroupingDecision).where(GroupingDecision.identifier.in_(identifiers), PENDING)
    return rows_changed(session, this.where(GroupingDecision.decided_at <= before).values(moved_at=now))


def misplaced(session: Session, decision: GroupingDecision, limit: int) -> list[int]:
    """Row ids of occurrences of the group that are counted in another crash than was decided, some of them."""
    home = select(Crash.id).where(Crash.identifier == decision.into_identifier).scalar_subquery()
    own = select(Crash.id).where(Crash.identifier == decision.identifier).scalar_subquery()
    found: list[int] = []
    if decision.is_merge:
        unnamed = select(Occurrence.id).where(Occurrence.crash_id == own, Occurrence.grouped_as.is_(None))
        found = list(session.scalars(unnamed.order_by(Occurrence.occurred_at, Occurrence.id).limit(limit)))
    if len(found) < limit:
        named = select(Occurrence.id).where(Occurrence.grouped_as == decision.identifier)
        elsewhere = named.where((Occurrence.crash_id != home) | home.is_(None))
        found += session.scalars(elsewhere.order_by(Occurrence.id).limit(limit - len(found)))
    return found


def _target_exists() -> Exists:
    return exists().where(Crash.identifier == GroupingDecision.into_identifier)


def _routes(dialect: ModuleType) -> Select[str, str]:
    """The statement of merged_groups.sql for SQLite."""
    columns = GroupingDecision.__table__.c
    given = rows_of(dialect, columns.identifier)
    found = select(columns.identifier, columns.into_identifier).join(given, given.c.identifier == columns.identifier)
    return found.where(columns.into_identifier != columns.identifier, _target_exists())


_ROUTES, _ROUTES_ON_SQLITE = SqlText("merged_groups", lambda *row: row), Prepared(_routes)

"""Triage of crashes: what is asked before a state is changed, their history, and how both follow a crash that goes elsewhere."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session, aliased

from app.db.base import rows_changed
from app.db.models.crash import Crash, CrashState, find_crash
from app.db.models.crash_assignee import assign, assignees_of
from app.db.models.crash_figure import KNOWN, USER, VERSION, CrashFigure, known
from app.db.models.crash_history import CrashHistory, HistoryAction
from app.db.models.declared_release import DeclaredRelease
from app.db.models.grouping_decision import GroupingDecision
from app.db.models.membership import Membership
from app.db.models.user import User

CRASHES_LOOKED_AT = 200  # the app's most recently seen, whose versions are known
DAYS_LOOKED_AT = timedelta(days=90)
MOST_VERSIONS = 300
MOST_GROUPS = 1_000  # merged into one crash, whose entries are shown with it


class Entry(NamedTuple):
    """An entry of the history of a crash, as it is shown."""

    row: CrashHistory
    crash_identifier: str  # what it is about: the crash itself, or one that was merged into it
    user: str | None  # e-mail
    assignee: str | None


def known_versions(session: Session, app_id: int, crash_ids: Sequence[int], today: date) -> list[str]:
    """App versions that are known of an app, the latest seen first: of these crashes and of those seen of late, and declared.

    From figures, so that no occurrence is read.
    """
    recent = select(Crash.id).where(Crash.app_id == app_id, Crash.occurrences_count > 0)
    looked_at = [*crash_ids, *session.scalars(recent.order_by(Crash.last_seen.desc()).limit(CRASHES_LOOKED_AT))]
    figures = select(CrashFigure.value).where(
        CrashFigure.crash_id.in_(looked_at), CrashFigure.fact == VERSION,
        CrashFigure.day >= today - DAYS_LOOKED_AT, CrashFigure.value != "",
    )  # fmt: skip
    latest = figures.group_by(CrashFigure.value).order_by(func.max(CrashFigure.day).desc(), CrashFigure.value)
    seen = [value.removeprefix(KNOWN) for value in session.scalars(latest.limit(MOST_VERSIONS))]
    declared = select(DeclaredRelease.version).where(DeclaredRelease.app_id == app_id)
    newest = session.scalars(declared.order_by(DeclaredRelease.id.desc()).limit(MOST_VERSIONS))
    return list(dict.fromkeys([*seen, *newest]))[:MOST_VERSIONS]


def versions_of(session: Session, crash_id: int) -> list[str]:
    """App versions in the figures of one crash, of any time, the latest seen first."""
    of_crash = (CrashFigure.crash_id == crash_id, CrashFigure.fact == VERSION, CrashFigure.value != "")
    latest = select(known(CrashFigure.__table__.c.value)).where(*of_crash).group_by(CrashFigure.value)
    ordered = latest.order_by(func.max(CrashFigure.day).desc(), CrashFigure.value).limit(MOST_VERSIONS)
    return [version for version in session.scalars(ordered) if version]


def users_since(session: Session, crash_id: int, since: date) -> int:
    """How many users a crash had on this UTC day and later."""
    of_crash = (CrashFigure.crash_id == crash_id, CrashFigure.fact == USER, CrashFigure.day >= since)
    return session.scalar(select(func.count(CrashFigure.value.distinct())).where(*of_crash)) or 0


def crashes_of_app(session: Session, app_id: int, identifiers: Iterable[str]) -> dict[str, Crash]:
    """Identifier -> the crash of the app that it leads to; unknown ones are left out."""
    asked = list(dict.fromkeys(identifiers))
    direct = select(Crash).where(Crash.app_id == app_id, Crash.identifier.in_(asked), Crash.occurrences_count > 0)
    found = {crash.identifier: crash for crash in session.scalars(direct)}
    for identifier in asked:
        if identifier not in found:
            heir = find_crash(session, identifier)
            if heir is not None and heir.app_id == app_id:
                found[identifier] = heir
    return found


def lock_crashes(session: Session, crash_ids: Iterable[int]) -> list[Crash]:
    """These crashes as they are now, locked in the order in which digests lock them."""
    statement = select(Crash).where(Crash.id.in_(set(crash_ids))).order_by(Crash.identifier).with_for_update()
    return list(session.scalars(statement.execution_options(populate_existing=True)))


def member_named(session: Session, app_id: int, email: str) -> User | None:
    """The member of an app with this e-mail."""
    statement = select(User).join(Membership, Membership.user_id == User.id)
    return session.scalar(statement.where(Membership.app_id == app_id, User.email == email.lower()))


def history_of(
    session: Session,
    crash: Crash,
    limit: int,
    offset: int,
    action: HistoryAction | None = None,
    row_id: int | None = None,
) -> list[Entry]:
    """The history of a crash and of what was merged into it, newest first.

    With an `action` only the entries of that, with a `row_id` the one of that.
    """
    author, assignee = aliased(User), aliased(User)
    columns = (CrashHistory, Crash.identifier, author.email, assignee.email)
    statement = (
        select(*columns)
        .join(Crash, Crash.id == CrashHistory.crash_id)
        .outerjoin(author, author.id == CrashHistory.user_id)
        .outerjoin(assignee, assignee.id == CrashHistory.assignee_id)
        .where(_together(session, crash))
    )
    if action is not None:
        statement = statement.where(CrashHistory.action == action)
    if row_id is not None:
        statement = statement.where(CrashHistory.id == row_id)
    newest_first = statement.order_by(CrashHistory.id.desc()).limit(limit).offset(offset)
    return [Entry(*row) for row in session.execute(newest_first)]


def find_comment(session: Session, crash: Crash, row_id: int) -> CrashHistory | None:
    """A comment on a crash, or on what was merged into it."""
    comment = select(CrashHistory).where(CrashHistory.id == row_id, CrashHistory.action == HistoryAction.COMMENTED)
    return session.scalar(comment.where(_together(session, crash)))


def drop_entry(session: Session, row_id: int) -> None:
    """Delete an entry."""
    session.execute(delete(CrashHistory).where(CrashHistory.id == row_id))


def follow(session: Session, crash: Crash, heir: Crash) -> None:
    """Have state, assignee and history of a crash go on with the crash that its occurrences went to.

    What people have decided about the heir stands, and what is new there was open until now.
    """
    this = update(CrashHistory).where(CrashHistory.crash_id == crash.id)
    rows_changed(session, this.values(crash_id=heir.id))
    taken: dict[str, Any] = {}
    if heir.state_changed_at is None and crash.state_changed_at is not None:
        taken = {name: getattr(crash, name) for name in _STATE}
    if taken:
        rows_changed(session, update(Crash).where(Crash.id == heir.id).values(taken))
    if crash.state_changed_at is not None:
        left = dict.fromkeys(_STATE) | {"state": CrashState.OPEN}
        rows_changed(session, update(Crash).where(Crash.id == crash.id).values(left))
    assignees = assignees_of(session, [crash.id, heir.id])
    if crash.id in assignees:
        assign(session, crash.id, None)
        if heir.id not in assignees:
            assign(session, heir.id, assignees[crash.id].id)


def find_group(session: Session, identifier: str) -> Crash | None:
    """The crash that a group of reports is by itself, with occurrences or without."""
    return session.scalar(select(Crash).where(Crash.identifier == identifier))


def write_grouping(
    session: Session, action: HistoryAction, crash_ids: Iterable[int], other: str, user_id: int | None, now: datetime
) -> None:
    """Write into the history of crashes that people have merged them, or split them, and which crash the other one is."""
    for crash_id in crash_ids:
        entry = CrashHistory(crash_id=crash_id, action=action, other_identifier=other, user_id=user_id)
        entry.happened_at = now
        session.add(entry)


def _together(session: Session, crash: Crash) -> ColumnElement[bool]:
    """Entries of a crash and of what people have merged into it: by row ids, of which the index finds both."""
    merged = (
        select(Crash.id)
        .join(GroupingDecision, GroupingDecision.identifier == Crash.identifier)
        .where(GroupingDecision.into_identifier == crash.identifier, Crash.id != crash.id)
        .limit(MOST_GROUPS)
    )
    return CrashHistory.crash_id.in_([crash.id, *session.scalars(merged)])


_STATE = (
    "state", "state_changed_at", "resolved_in", "terms", "ignored_until", "ignored_left", "regressed_at"
)  # fmt: skip

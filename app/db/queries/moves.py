"""Moves occurrences from crash to crash in one transaction, and keeps both crashes, their aliases and their jobs right.

Nothing is moved in an app while a batch of it is made (`is_batch_under_way`): its parts are read in many statements, by
several workers, and have to find each occurrence in the crash in which the plan has counted it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Select, func, literal, select, update
from sqlalchemy.orm import Session

from app.db.base import rows_changed
from app.db.hot.digest_steps import SeenCrash, count_within
from app.db.models.crash import Crash, find_crash, in_step
from app.db.models.crash_alias import come_home, count_moved
from app.db.models.grouping_decision import find_decision
from app.db.models.job import LIVE, Job, JobState
from app.db.models.job_part import BATCH
from app.db.models.log import Log
from app.db.models.occurrence import Occurrence
from app.db.queries.figures import add_figures, figures_of, take_figures
from app.db.queries.removal import first_and_last
from app.db.queries.triage import follow
from app.errors import AppError


class BatchUnderWay(AppError):
    """Occurrences have to stay where they are until a batch of their app is made. The transaction is to be rolled back."""

    code, status, message = "batch_under_way", 409, "A batch of the app is being made; try again when it is done"


class Group(NamedTuple):
    """What a crash is made from, should it not be there yet."""

    identifier: str
    fingerprint: str
    fingerprint_version: int
    title: str
    why: str | None


class Placed(NamedTuple):
    """An occurrence, and the crash that it is counted in now."""

    id: int
    log_row: int
    number: int
    seen_at: datetime  # what its crash is sorted by
    app_id: int
    crash_id: int
    crash: Group
    grouped_as: str | None  # the group it is of, when that is not its crash

    @property
    def group(self) -> str:
        """Identifier of the group it is of."""
        return self.grouped_as or self.crash.identifier


class Move(NamedTuple):
    """An occurrence, its group, and the crash that it is to be counted in."""

    placed: Placed
    group: str  # identifier
    home: Group


def hold_logs(session: Session, log_rows: Iterable[int]) -> list[Placed]:
    """Lock these logs until the transaction ends, and return their occurrences by log and number.

    A transaction that moves an occurrence to another crash, or deletes it, locks its log first, then crashes by
    identifier, as a digest does.
    """
    rows = sorted(set(log_rows))
    session.execute(select(Log.id).where(Log.id.in_(rows)).order_by(Log.id).with_for_update())
    crash = (Crash.app_id, Crash.identifier, Crash.fingerprint, Crash.fingerprint_version, Crash.title, Crash.why)
    seen_at = func.coalesce(Occurrence.seen_at, Occurrence.occurred_at)
    occurrence = (Occurrence.id, Occurrence.log_row, Occurrence.number, seen_at, Occurrence.crash_id)
    statement = select(*occurrence, *crash, Occurrence.grouped_as).join(Crash, Crash.id == Occurrence.crash_id)
    mine: Select[*tuple[Any, ...]] = statement.where(Occurrence.log_row.in_(rows)).order_by(
        Occurrence.log_row, Occurrence.number
    )
    found: list[Placed] = []
    for row_id, log_row, number, seen_at, crash_id, app_id, *group, grouped_as in session.execute(mine):
        found.append(Placed(row_id, log_row, number, seen_at, app_id, crash_id, Group(*group), grouped_as))
    return found


def logs_of(session: Session, occurrence_ids: Iterable[int]) -> list[int]:
    """Row ids of the logs that these occurrences were found in."""
    found = select(Occurrence.log_row).where(Occurrence.id.in_(set(occurrence_ids))).distinct()
    return list(session.scalars(found.order_by(Occurrence.log_row)))


def groups_named(session: Session, identifiers: Iterable[str]) -> dict[str, Group]:
    """The crashes of these identifiers, by identifier."""
    columns = (Crash.identifier, Crash.fingerprint, Crash.fingerprint_version, Crash.title, Crash.why)
    wanted = set(identifiers)
    found = session.execute(select(*columns).where(Crash.identifier.in_(wanted))) if wanted else ()
    return {row[0]: Group(*row) for row in found}


def move(session: Session, moves: Iterable[Move]) -> int:
    """Count occurrences, whose logs are held, in other crashes; returns how many changed their crash.

    A crash that has none left stays as an empty row, which nothing shows: its identifier leads where most of them went.
    Raises BatchUnderWay.
    """
    wanted = list(moves)
    if not wanted:
        return 0
    moved = [one for one in wanted if one.home.identifier != one.placed.crash.identifier]
    for app_id in sorted({one.placed.app_id for one in moved}):
        if is_batch_under_way(session, app_id):
            raise BatchUnderWay
    crash_ids = count_within(session, _counted(moved)) if moved else {}
    these = Occurrence.id.in_([one.placed.id for one in moved])
    if moved:
        take_figures(session, figures_of(session, these))
    by_place: dict[tuple[int, str | None], list[int]] = defaultdict(list)
    for one in wanted:
        crash_id = crash_ids.get(one.home.identifier, one.placed.crash_id)
        by_place[crash_id, None if one.group == one.home.identifier else one.group].append(one.placed.id)
    for (crash_id, grouped_as), ids in by_place.items():
        this = update(Occurrence).where(Occurrence.id.in_(ids))
        rows_changed(session, this.values(crash_id=crash_id, grouped_as=grouped_as))
    if moved:
        add_figures(session, figures_of(session, these))
    _remember(session, wanted)
    for crash_id in sorted({one.placed.crash_id for one in moved}):
        _look_after(session, crash_id)
    return len(moved)


def is_batch_under_way(session: Session, app_id: int) -> bool:
    """True while a batch of the app is planned or made.

    Asked in a transaction that holds logs (`hold_logs`) it keeps moves and batches apart without a lock of its own. On
    PostgreSQL such a transaction has its id before it looks. A batch is running before its plan waits for all transactions
    that have an id. So either the plan waits for this one, or this one has got its id later and sees the batch. On SQLite
    one of the two writes first.
    """
    batches = select(Job.id).where(Job.app_id == app_id, LIVE, Job.state == JobState.RUNNING)
    found = session.scalar(batches.where(Job.kind.endswith(BATCH, autoescape=True)).limit(1))
    return found is not None


def _counted(moved: list[Move]) -> Iterable[SeenCrash]:
    """What to add to each crash and, as negative numbers, to take away; both in one statement, so locked in one order."""
    times: dict[str, list[datetime]] = defaultdict(list)
    change: Counter[str] = Counter()
    groups: dict[str, tuple[int, Group]] = {}
    for one in moved:
        for group, number in ((one.home, 1), (one.placed.crash, -1)):
            groups.setdefault(group.identifier, (one.placed.app_id, group))
            change[group.identifier] += number
            times[group.identifier].append(one.placed.seen_at)
    for identifier, (app_id, group) in sorted(groups.items()):
        seen = (min(times[identifier]), max(times[identifier]))
        facts = (group.fingerprint, group.fingerprint_version, group.title)
        yield SeenCrash(app_id, identifier, *facts, *seen, change[identifier], group.why)


def _remember(session: Session, moves: list[Move]) -> None:
    """Aliases: from the group that an occurrence was of, to the crash where it is counted now."""
    moved: dict[int, Counter[tuple[str, str]]] = defaultdict(Counter)
    home: set[str] = set()
    for one in moves:
        was, counts = one.placed.group, moved[one.placed.app_id]
        if one.placed.crash.identifier != was:
            counts[was, one.placed.crash.identifier] -= 1
        if one.home.identifier != was:
            counts[was, one.home.identifier] += 1
        if one.group == one.home.identifier:
            home.add(one.group)
    for app_id, counts in moved.items():
        count_moved(session, app_id, {names: number for names, number in counts.items() if number})
    come_home(session, home)


def _look_after(session: Session, crash_id: int) -> None:
    """Put right what a crash tells after some of its occurrences have gone."""
    crash = session.get_one(Crash, crash_id, populate_existing=True)
    first, last = first_and_last(session, crash_id)
    if first and last:
        crash.first_seen, crash.last_seen = first, last
        session.flush()
        return
    heir = find_crash(session, crash.identifier)
    if heir is None or heir.id == crash_id:
        return
    # What was made about this crash must not pass for the heir's, so the heir's revision is one that it never had.
    lifted = update(Crash).where(Crash.id == heir.id, Crash.revision <= crash.revision)
    following = literal(crash.revision + 1, BigInteger)
    rows_changed(session, lifted.values(revision=following, figures_revision=in_step(following)))
    rows_changed(session, update(Job).where(Job.crash_id == crash_id, LIVE).values(crash_id=heir.id))
    decision = find_decision(session, crash.identifier)
    if decision is None or not decision.is_merge:  # what people merge keeps its own, for it may be split off again
        follow(session, crash, heir)

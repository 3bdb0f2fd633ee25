"""Regroups an app in the background, a few logs at a time: its stored logs, those for which symbols have come, and decisions."""

import time
from datetime import timedelta

import structlog
from sqlalchemy.orm import Session

from app.broker import LONG, PARTS, REGROUP
from app.crashes.fingerprint import VERSION
from app.db.awaited_symbols import Come, next_come, no_longer_awaited
from app.db.crash import group_now
from app.db.grouping_decision import (
    GroupingDecision,
    carry,
    decisions_after,
    misplaced,
    pending_decisions,
    settle,
)
from app.db.log import RING_AGAIN_AFTER
from app.db.moves import Group, Move, groups_named, hold_logs, logs_of, move
from app.db.regrouping import (
    Regrouping,
    claim_regrouping,
    find_regrouping,
    finish_regrouping,
    is_batch_under_way,
    logs_to_regroup,
    wish,
    write_progress,
)
from app.db.symbols import came_since
from app.ingest.regroup import LOGS_PER_TRIP, Regrouped, regroup_logs
from app.services import Services

GO_ON_FOR = 2.0  # seconds after which no further step begins: other work waits for the worker too
OCCURRENCES_PER_STEP = 1_000  # that a decision moves in one transaction
DECISIONS_PER_STEP = 100
UNKNOWN_FOR = timedelta(seconds=60)  # longest that a digest under way may not know of a decision
CAREFUL_FROM = 3  # attempts without progress after which logs are taken one by one
SKIP_FROM = 6  # attempts without progress after which the log in question is left as it is

log = structlog.get_logger()


def begin_regrouping(services: Services, app_id: int, *, anew: bool = False) -> int:
    """Have all digested logs of an app grouped by the present rules; returns the row id of the regrouping.

    One under way goes on where it stands, unless it was begun under other rules or is to be done `anew`.
    """
    now = services.now()
    with services.db.write() as session:
        row_id = wish(session, app_id, now, rules=VERSION, anew=anew)
    log.info("regroup_wished", regrouping=row_id)
    services.broker.ring(REGROUP, str(row_id), LONG)
    return row_id


def regroup_app(services: Services, row_id: int, go_on_for: float = GO_ON_FOR) -> bool:
    """Go on with a regrouping for some seconds; then the worker rings for the rest. Safe at any time and twice at once.

    True when this call has changed anything. Raises TransientError; then its lease runs out and the sweep rings again.
    """
    begun, steps = time.monotonic(), 0
    with services.db.write() as session:
        row = claim_regrouping(session, row_id, services.now(), _lease(services))
    if row is None:
        return False
    while True:
        pause = _step(services, row)
        if pause is None:
            steps += 1
            pause = timedelta(0) if time.monotonic() - begun >= go_on_for else None
        if pause is not None:
            break
        with services.db.read() as session:
            again = find_regrouping(session, row_id)
        if again is None or again.finished_at or again.attempt != row.attempt:
            return True
        row = again
    now = services.now()
    with services.db.write() as session:
        due = now + max(pause, RING_AGAIN_AFTER)
        mine = write_progress(session, row.id, row.attempt, lease_expires_at=None, ring_after=due)
    if mine and not pause:
        services.broker.ring(REGROUP, str(row_id), LONG)
    return steps > 0


def _step(services: Services, row: Regrouping) -> timedelta | None:
    """One step; returns how long to wait before the next, None for not at all."""
    now = services.now()
    with services.db.read() as session:
        if is_batch_under_way(session, row.app_id, PARTS):
            return RING_AGAIN_AFTER
        pending = pending_decisions(session, row.app_id, DECISIONS_PER_STEP)
        at_once = LOGS_PER_TRIP if row.stumbles < CAREFUL_FROM else 1
        logs = logs_to_regroup(session, row, at_once)
        come = None if logs else next_come(session, row.app_id, at_once)
    for decision in pending:
        if _carry_out(services, row, decision):
            return None
    if logs:
        _look_at(services, row, logs)
        return None
    if come:
        _look_again(services, row, come)
        return None
    if (row.last_log or row.symbol_logs) and _carry_over(services, row):
        return None
    with services.db.write() as session:
        settle(session, now - UNKNOWN_FOR, [decision.identifier for decision in pending], now)
        if pending_decisions(session, row.app_id, 1):
            return UNKNOWN_FOR if len(pending) < DECISIONS_PER_STEP else RING_AGAIN_AFTER
        if came_since(session, row.app_id, now - UNKNOWN_FOR):  # a digest may be under way that does not know of them
            return UNKNOWN_FOR
        if finish_regrouping(session, row.id, row.attempt, row.wishes, now):
            log.info("regrouped", regrouping=row.id, logs=row.done, moved=row.moved, unreadable=row.unreadable,
                     for_symbols=row.symbol_logs)  # fmt: skip
    return None


def _look_at(services: Services, row: Regrouping, logs: list[int]) -> None:
    """Regroup some logs and note how far that is. A log that kills every worker is left as it is in the end."""
    if row.stumbles >= SKIP_FROM:
        log.warning("regroup_skipped", regrouping=row.id, log=logs[0])
        found = Regrouped(len(logs), 0, len(logs))
    else:
        found = regroup_logs(services, logs)
    _note(
        services,
        row,
        wishes=row.wishes,
        position=logs[-1],
        done=row.done + len(logs),
        moved=row.moved + found.moved,
        unreadable=row.unreadable + found.unreadable,
    )


def _look_again(services: Services, row: Regrouping, come: Come) -> None:
    """Regroup some logs for which symbols have come. A log that kills every worker waits no longer in the end."""
    if row.stumbles >= SKIP_FROM:
        log.warning("regroup_skipped", regrouping=row.id, log=come.log_rows[0])
        found = Regrouped(len(come.log_rows), 0, len(come.log_rows))
    else:
        found = regroup_logs(services, come.log_rows)
    with services.db.write() as session:
        no_longer_awaited(session, row.app_id, come)
    _note(services, row, symbol_logs=row.symbol_logs + len(come.log_rows), moved=row.moved + found.moved)


def _note(services: Services, row: Regrouping, **values: int) -> None:
    ends = services.now() + _lease(services)
    with services.db.write() as session:
        write_progress(session, row.id, row.attempt, stumbles=0, lease_expires_at=ends, ring_after=ends, **values)


def _carry_out(services: Services, row: Regrouping, decision: GroupingDecision) -> int:
    """Move some occurrences to where a person decided they belong; returns how many."""
    with services.db.write() as session:
        ids = misplaced(session, decision, OCCURRENCES_PER_STEP)
        if not ids:
            return 0
        home = _home(session, decision)
        wanted = {row_id for row_id in ids if home}
        held = [one for one in hold_logs(session, logs_of(session, wanted)) if one.id in wanted]
        moved = move(
            session,
            [Move(one, one.group, home) for one in held if home and one.group == decision.identifier],
        )
    _note(services, row, moved=row.moved + moved)
    return moved


def _home(session: Session, decision: GroupingDecision) -> Group | None:
    """The crash a decision names; None when a group was merged into one that is gone."""
    found = groups_named(session, [decision.into_identifier]).get(decision.into_identifier)
    if found or decision.is_merge:
        return found
    own = (decision.fingerprint, decision.fingerprint_version, decision.title, decision.why)
    return Group(decision.identifier, *own)


def _carry_over(services: Services, row: Regrouping) -> bool:
    """Once all logs are looked at: what was decided about groups holds for the groups that most of them became.

    True when that makes new decisions, which are to be carried out.
    """
    after, made = "", 0
    while True:
        with services.db.write() as session:
            page = decisions_after(session, row.app_id, after, DECISIONS_PER_STEP)
            made += sum(_renew(session, services, decision) for decision in page)
        if len(page) < DECISIONS_PER_STEP:
            return made > 0
        after = page[-1].identifier


def _renew(session: Session, services: Services, decision: GroupingDecision) -> bool:
    into = group_now(session, decision.into_identifier)
    became = group_now(session, decision.identifier)
    if into is None or became is None or became.id == into.id:
        return False
    return carry(session, decision, became, into, services.now())


def _lease(services: Services) -> timedelta:
    return timedelta(seconds=services.config.job_lease)

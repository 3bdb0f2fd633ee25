"""Regroups an app in the background, a few logs at a time, after a change of rules, symbols or people's decisions."""

import time
from datetime import timedelta
from functools import partial

import structlog

from app.crashes.fingerprint import VERSION
from app.db import Session
from app.db.models.audit_entry import record
from app.db.models.awaited_symbols import Come, next_come, no_longer_awaited
from app.db.models.crash import Crash, group_now
from app.db.models.crash_history import HistoryAction
from app.db.models.grouping_decision import (
    GroupingDecision,
    carry,
    decide,
    decisions_after,
    find_decision,
    merged_into,
    misplaced,
    note_moved,
    pending_decisions,
    split_off,
)
from app.db.models.regrouping import LEASING, Regrouping, as_asked, find_regrouping, logs_to_regroup, wish
from app.db.models.symbols import came_since
from app.db.queries.moves import BatchUnderWay, Group, Move, groups_named, hold_logs, is_batch_under_way, logs_of, move
from app.db.queries.triage import find_group, follow, write_grouping
from app.db.work import ENQUEUE_AGAIN_AFTER, back_off
from app.errors import BadParameters, Conflict, NotFound
from app.ingest import grouping
from app.ingest.grouping import LOGS_IN_BULK, Regrouped, regroup_logs
from app.queueing.broker import LONG, REGROUP
from app.services import Services
from app.work.errors import AttemptLost
from app.work.lease import Attempt, run_next
from app.work.limits import Budget
from app.work.work_type import Message, WorkType

STATEMENTS_WITHIN = 300.0  # seconds for all that is not reading logs
GO_ON_FOR = 2.0  # seconds after which no further step begins: other work waits for the worker too
OCCURRENCES_PER_STEP = 1_000  # that a decision moves in one transaction
DECISIONS_PER_STEP = 100
UNKNOWN_FOR = timedelta(seconds=60)  # longest that a digest under way may not know of a decision
CAREFUL_FROM = 3  # attempts without progress after which logs are taken one by one
SKIP_FROM = 6  # attempts without progress after which the log in question is left as it is
MAX_STEPS = 16  # merges under way that lead from one crash to the next
SHOWN = 1_000  # groups of one crash that are looked through

log = structlog.get_logger()


def begin_regrouping(services: Services, app_id: int, *, anew: bool = False) -> int:
    """Have all digested logs of an app grouped by the present rules; returns the row id of the regrouping.

    One under way goes on where it stands, unless it was begun under other rules or is to be done `anew`.
    """
    now = services.now()
    with services.db.write() as session:
        row_id = wish(session, app_id, now, rules=VERSION, anew=anew)
        record(session, app_id, "regrouping.begun", str(row_id), now)
    log.info("regroup_wished", regrouping=row_id)
    services.broker.enqueue(REGROUP, str(row_id), LONG)
    return row_id


def regroup_app(services: Services, row_id: int, go_on_for: float = GO_ON_FOR) -> bool:
    """Go on with a regrouping for some seconds. Safe at any time and twice at once; False when another is at it or it is done."""
    return run_next(services, WORK, row_id, partial(_work, go_on_for=go_on_for))


def _work(attempt: Attempt[Regrouping], go_on_for: float = GO_ON_FOR) -> timedelta | None:
    """Step after step until the time is up; returns how long to wait before more of it, None once all is done."""
    begun = time.monotonic()
    while True:
        try:
            pause = _step(attempt)
        except BatchUnderWay:  # it was begun since the step looked
            return ENQUEUE_AGAIN_AFTER
        if pause is not None:
            return pause
        with attempt.services.db.read() as session:
            row = find_regrouping(session, attempt.row.id)
        if row is None or row.attempt != attempt.row.attempt:
            raise AttemptLost
        if row.finished_at is not None:
            return None
        attempt.row = row
        if time.monotonic() - begun >= go_on_for:
            return timedelta()


def _step(attempt: Attempt[Regrouping]) -> timedelta | None:
    """One step; returns how long to wait before the next, None for not at all."""
    services, row = attempt.services, attempt.row
    now = services.now()
    with services.db.read() as session:
        if is_batch_under_way(session, row.app_id):
            return ENQUEUE_AGAIN_AFTER
        pending = pending_decisions(session, row.app_id, DECISIONS_PER_STEP)
        at_once = LOGS_IN_BULK if row.failures < CAREFUL_FROM else 1
        logs = logs_to_regroup(session, row, at_once)
        come = None if logs else next_come(session, row.app_id, at_once)
    for decision in pending:
        if _carry_out(attempt, decision):
            return None
    if logs:
        _look_at(attempt, logs)
        return None
    if come:
        _look_again(attempt, come)
        return None
    if (row.last_log or row.symbol_logs) and _carry_over(services, row):
        return None
    with services.db.write() as session:
        note_moved(session, now - UNKNOWN_FOR, [decision.identifier for decision in pending], now)
        if pending_decisions(session, row.app_id, 1):
            return UNKNOWN_FOR if len(pending) < DECISIONS_PER_STEP else ENQUEUE_AGAIN_AFTER
        if came_since(session, row.app_id, now - UNKNOWN_FOR):  # a digest may be under way that does not know of them
            return UNKNOWN_FOR
        if as_asked(session, row):
            attempt.complete(session, finished_at=now)
            log.info("regrouped", regrouping=row.id, logs=row.done, moved=row.moved, unreadable=row.unreadable,
                     for_symbols=row.symbol_logs)  # fmt: skip
    return None


def _look_at(attempt: Attempt[Regrouping], logs: list[int]) -> None:
    """Regroup some logs and note how far that is. A log that kills every worker is left as it is in the end."""
    services, row = attempt.services, attempt.row
    if row.failures >= SKIP_FROM:
        log.warning("regroup_skipped", regrouping=row.id, log=logs[0])
        found = Regrouped(len(logs), 0, len(logs))
    else:
        found = regroup_logs(services, logs)
    _note(
        attempt,
        position=logs[-1],
        done=row.done + len(logs),
        moved=row.moved + found.moved,
        unreadable=row.unreadable + found.unreadable,
    )


def _look_again(attempt: Attempt[Regrouping], come: Come) -> None:
    """Regroup some logs for which symbols have come. A log that kills every worker waits no longer in the end."""
    services, row = attempt.services, attempt.row
    if row.failures >= SKIP_FROM:
        log.warning("regroup_skipped", regrouping=row.id, log=come.log_rows[0])
        found = Regrouped(len(come.log_rows), 0, len(come.log_rows))
    else:
        found = regroup_logs(services, come.log_rows)
    with services.db.write() as session:
        no_longer_awaited(session, row.app_id, come)
    _note(attempt, symbol_logs=row.symbol_logs + len(come.log_rows), moved=row.moved + found.moved)


def _note(attempt: Attempt[Regrouping], **values: int) -> None:
    with attempt.services.db.write() as session:
        if "position" in values and not as_asked(session, attempt.row, upto=values["position"]):
            return  # it was asked for anew, from the start
        attempt.progress(session, **values)


def _carry_out(attempt: Attempt[Regrouping], decision: GroupingDecision) -> int:
    """Move some occurrences to where a person decided they belong; returns how many."""
    services, row = attempt.services, attempt.row
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
    _note(attempt, moved=row.moved + moved)
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
    carried = carry(session, decision, became, into, services.now())
    group = find_group(session, decision.identifier) if carried else None
    if group is not None:
        follow(session, group, became)
    return carried


def _budget(services: Services, _row: Regrouping) -> Budget:
    """Time for the slowest log, which has a budget of its own within. After a few attempts without progress logs are taken
    one by one, so that many slow ones together are only put off."""
    slowest = grouping.whole(services.config, services.config.max_log_bytes)
    assert slowest.seconds is not None
    return Budget(seconds=STATEMENTS_WITHIN + slowest.seconds)


WORK = WorkType(
    name="regrouping",
    noun="regrouping",
    leasing=LEASING,
    message=lambda row: Message(REGROUP, str(row.id), LONG),
    step=_work,
    budget=_budget,
    max_failures=lambda _: None,  # what kills its workers is skipped, see SKIP_FROM
    permanent=(),
    pause=lambda row: back_off(row.failures + 1),
)


def merge(services: Services, user_id: int, crash: Crash, into: Crash) -> int:
    """Count a crash's occurrences, and those to come, in another one; returns the row id of the work that moves them.

    Whatever was merged into the first goes along. Raises BadParameters or Conflict.
    """
    if crash.app_id != into.app_id:
        raise BadParameters("into: the two crashes are of different apps")
    now = services.now()
    with services.db.write() as session:
        target = _end_of_merges(session, into.identifier)
        if target == crash.identifier:
            raise Conflict("The two are one crash already")
        decide(session, crash, target, user_id, now)
        write_grouping(session, HistoryAction.MERGED, [crash.id], target, user_id, now)
        row_id = wish(session, crash.app_id, now)
    _enqueue(services, row_id)
    return row_id


def split(services: Services, user_id: int, crash: Crash, fingerprint: str) -> int:
    """Make the group with this fingerprint, which was merged into a crash, one of its own again; returns as `merge` does.

    Raises BadParameters when it is the crash's own fingerprint, NotFound when no such group was merged into it.
    """
    if fingerprint == crash.fingerprint:
        raise BadParameters("fingerprint: this is the crash's own; split off the other groups instead")
    now = services.now()
    with services.db.write() as session:
        groups = merged_into(session, crash.identifier, SHOWN)
        found = next((one for one in groups if one.fingerprint == fingerprint), None)
        if found is None:
            raise NotFound("No group with this fingerprint was merged into this crash")
        split_off(session, found, user_id, now)
        write_grouping(session, HistoryAction.SPLIT, [crash.id], found.identifier, user_id, now)
        if group := find_group(session, found.identifier):
            write_grouping(session, HistoryAction.SPLIT, [group.id], crash.identifier, user_id, now)
        row_id = wish(session, crash.app_id, now)
    _enqueue(services, row_id)
    return row_id


def _end_of_merges(session: Session, identifier: str) -> str:
    """Where the merges that are not carried out yet lead to in the end."""
    for _ in range(MAX_STEPS):
        decision = find_decision(session, identifier)
        if decision is None or not decision.is_merge:
            return identifier
        identifier = decision.into_identifier
    raise Conflict("The crash is being merged already, try again when that is done")


def _enqueue(services: Services, row_id: int) -> None:
    log.info("grouping_decided", regrouping=row_id)
    services.broker.enqueue(REGROUP, str(row_id), LONG)

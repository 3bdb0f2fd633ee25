"""Turns stored logs into occurrences: parse, fingerprint, group. Safe to repeat and to run side by side."""

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

import structlog

from app.config import MIB
from app.db import Session
from app.db.hot.digest_steps import (
    ClaimBounds,
    ClaimedLog,
    EndedLog,
    NewOccurrence,
    SeenCrash,
    add_occurrences,
    claim_logs,
    count_in,
    end_digests,
)
from app.db.models.awaited_symbols import await_symbols
from app.db.models.grouping_decision import routes
from app.db.models.log import LEASING, Log, LogStatus
from app.db.work import change
from app.errors import AppError, MalformedLog
from app.ingest import grouping
from app.ingest.grouping import Grouped, read_and_group, seen_at, splits_in, trim_awaited, waiting
from app.ingest.log_id import time_in
from app.ingest.reopening import Recurrence, reopen
from app.queueing.broker import DIGEST_LOG, INGEST, PUSH, UPKEEP
from app.services import Services
from app.store_calls import ObjectDamaged
from app.symbolication.opened import BulkSymbols
from app.telemetry import metrics, tracing
from app.telemetry.log_lines import on_behalf_of
from app.work.ending import end, released, unwritten
from app.work.errors import AttemptsUsedUp, HandedBack
from app.work.lease import Lease
from app.work.limits import OverBudget
from app.work.work_type import Message, WorkType, lease_of

LOGS_IN_BULK = 25  # digested together, in one transaction
BYTES_IN_BULK = MIB  # of theirs, unless the first one alone is larger
GO_ON_FOR = 0.25  # seconds after which no further bulk is claimed: other work waits for the worker too
PARSE_FOR = 0.5  # seconds after which no further log of a bulk is begun: other apps' logs wait

log = structlog.get_logger()


class TakesLong(HandedBack):
    """The log was not read in the time of a first attempt."""

    message = "The log takes long to read"


class ReadOccurrence(NamedTuple):
    """One crash report of a log, grouped."""

    stored: ClaimedLog
    number: int  # from 1, the place in the log
    occurred_at: datetime
    seen_at: datetime  # what its crash is sorted and filtered by
    report: Grouped
    crash: str  # identifier of the crash it is counted in: its group, or what people merged that into


class DigestOutcome(NamedTuple):
    """What became of a log: read by a parser, or rejected for a reason."""

    stored: ClaimedLog
    format: str | None
    found: list[ReadOccurrence]
    reason: MalformedLog | None = None
    unread: str | None = None  # parts of it that no parser could read


def digest(services: Services, row_id: int | None = None) -> None:
    """Digest the next received logs, a few together, for as long as more of them wait.

    The log that a task message named (`row_id`) need not be among them; each has its own message. What another worker is at,
    is left to it.
    """
    unwritten.write()
    begun = time.monotonic()
    while more := digest_some(services):
        if time.monotonic() - begun >= GO_ON_FOR:
            break
    if more:
        services.broker.enqueue(DIGEST_LOG, str(row_id or 0), INGEST)


def digest_some(services: Services) -> bool:
    """Digest what is claimed together; True when more is likely to wait and this went well."""
    begun, now = time.monotonic(), services.now()
    claim = claim_logs(services.db, now, now + lease_of(services), services.new_holder(), _bounds(services))
    if not claim.logs:
        return False
    with Lease(services, WORK, claim.logs) as lease:
        outcomes, left = _parse_all(services, lease, begun)
        finished = bool(outcomes) and _finish(services, outcomes)
    if left:
        _let_others_digest(services, left)
    metrics.digest_times.observe(time.monotonic() - begun)
    return finished and (claim.is_full or bool(left))


def _bounds(services: Services) -> ClaimBounds:
    half = max(services.processes() // 2, 1)
    return ClaimBounds(LOGS_IN_BULK, BYTES_IN_BULK, processes=half, slow=half)


def _parse_all(services: Services, lease: Lease[Any], begun: float) -> tuple[list[DigestOutcome], list[ClaimedLog]]:
    """The outcomes, and the logs that are left because the others took long; logs of other apps wait meanwhile."""
    outcomes: list[DigestOutcome] = []
    logs: list[ClaimedLog] = lease.rows
    symbols = BulkSymbols(services, {stored.app_id: stored.has_symbols for stored in logs})
    with services.storage.reading([(stored.storage_key, stored.size) for stored in logs]) as reads:
        for number, (stored, read) in enumerate(zip(logs, reads, strict=True)):
            if number and time.monotonic() - begun > PARSE_FOR:
                return outcomes, logs[number:]
            with on_behalf_of(stored.request_id), tracing.now.working("digest", stored.request_id, log=stored.id):
                outcome = _parse(lease, stored, read, symbols)
            if outcome is not None:
                outcomes.append(outcome)
    return outcomes, []


def _parse(
    lease: Lease[Any], stored: ClaimedLog, read: Callable[[], bytes], symbols: BulkSymbols
) -> DigestOutcome | None:
    """Parse and group; None when it has ended or is to be tried again, which is arranged then."""
    services = lease.services
    try:
        raw = read()
        with lease.limited(stored):
            in_log = read_and_group(services, stored.app_id, stored.app, raw, splits_in(stored.settings), symbols)
        found = [_occurrence(services, stored, number, report) for number, report in enumerate(in_log.reports, 1)]
    except MalformedLog as error:
        return DigestOutcome(stored, None, [], error)
    except Exception as error:
        end(services, WORK, stored, error)
    else:
        return DigestOutcome(stored, in_log.format, found, unread=in_log.unread)
    return None


def _over_budget(stored: ClaimedLog, error: OverBudget) -> AppError:
    """What ends a log's first attempt is no reason to reject it: it has more time when it is read alone."""
    if not stored.slow:
        return TakesLong()
    return MalformedLog(f"The log took more than {error.seconds:.0f} seconds to read")


def _let_others_digest(services: Services, left: list[ClaimedLog]) -> None:
    """Free logs that were claimed but not begun: nothing is counted, and somebody digests them at once."""
    with services.db.write() as session:
        for stored in left:
            change(session, WORK.leasing, stored, **released(WORK, services.now()))


def _occurrence(services: Services, stored: ClaimedLog, number: int, report: Grouped) -> ReadOccurrence:
    named, parsed = time_in(stored.log_id), report.parsed
    occurred_at = named or parsed.occurred_at or stored.received_at
    # Senders' logs are named after their reports. A stored envelope that is brought in later was sent long before, rightly.
    report_id = (parsed.report_id or "").replace("-", "").lower()
    is_from_sender = bool(report_id) and stored.log_id.startswith(report_id)
    sent_at = parsed.sent_at if parsed.occurred_at and not named and is_from_sender else None
    seen = seen_at(occurred_at, stored.received_at, sent_at, services.config.oldest_crash_days)
    return ReadOccurrence(stored, number, occurred_at, seen, report, report.group.identifier)


def _finish(services: Services, outcomes: list[DigestOutcome]) -> bool:
    """Record what was found; False when that failed, and all of it is to be tried again."""
    try:
        own = _record(services, outcomes)
    except Exception as error:
        for outcome in outcomes:
            end(services, WORK, outcome.stored, error)
        return False
    now = services.now()
    for stored, format_name, found, reason, _ in outcomes:
        what = "lost" if stored.id not in own else "digested" if reason is None else "rejected"
        metrics.digests.add(what, format_name or "none")
        if what == "digested":
            metrics.log_waits.observe((now - stored.received_at).total_seconds())
        with on_behalf_of(stored.request_id):
            if what == "lost":
                log.info("digest_lost", log=stored.id, attempt=stored.attempt)
            elif reason is None:
                log.info("log_digested", log=stored.id, format=format_name, occurrences=len(found))
            else:
                log.info("log_rejected", log=stored.id, log_id=stored.log_id, code=reason.code)
    return True


def _record(services: Services, outcomes: list[DigestOutcome]) -> set[int]:
    """Write everything in one transaction, which the logs' rows guard: all of a log is counted, once, or nothing of it.

    Returns the row ids of the logs whose digest was still this worker's.
    """
    now, notified = services.now(), 0
    with services.db.driver_write() as driver:
        own = end_digests(driver, map(_ended, outcomes), now)
        counted = [one for outcome in outcomes if outcome.stored.id in own for one in outcome.found]
        if counted:
            merged = routes(driver, (one.crash for one in counted))
            counted = [one._replace(crash=merged.get(one.crash, one.crash)) for one in counted]
            crash_ids, notified, closed = count_in(driver, _crashes(counted), now)
            add_occurrences(driver, (_row(one, crash_ids[one.crash]) for one in counted))
            if closed:
                notified += reopen(driver, closed, (_recurrence(one, crash_ids[one.crash]) for one in counted), now)
            await_symbols(
                driver, (row for one in counted for row in waiting(one.stored.app_id, one.stored.id, one.report))
            )
    trim_awaited(services, (outcome.stored for outcome in outcomes))
    if notified:
        services.broker.enqueue(PUSH, "", UPKEEP)
    return own


def _ended(outcome: DigestOutcome) -> EndedLog:
    status = LogStatus.DIGESTED if outcome.reason is None else LogStatus.REJECTED
    stored, message = outcome.stored, outcome.reason.message if outcome.reason else outcome.unread
    return EndedLog(stored.id, stored.attempt, stored.holder, status, outcome.format, message)


def _row(one: ReadOccurrence, crash_id: int) -> NewOccurrence:
    group = one.report.group.identifier
    return NewOccurrence(
        crash_id,
        one.stored.id,
        one.stored.log_id,
        one.number,
        one.occurred_at,
        None if one.seen_at == one.occurred_at else one.seen_at,
        *one.report.facts,
        *one.report.circumstances,
        grouped_as=None if group == one.crash else group,
    )


def _recurrence(one: ReadOccurrence, crash_id: int) -> Recurrence:
    return Recurrence(crash_id, one.report.facts.app_version, one.seen_at)


def _crashes(counted: list[ReadOccurrence]) -> Iterable[SeenCrash]:
    """What the occurrences add to each crash."""
    by_crash = attrgetter("crash")
    for identifier, together in groupby(sorted(counted, key=by_crash), key=by_crash):
        first, *others = together
        times = [first.seen_at, *(other.seen_at for other in others)]
        group = first.report.group
        yield SeenCrash(
            app_id=first.stored.app_id,
            identifier=identifier,
            fingerprint=group.fingerprint,
            fingerprint_version=group.fingerprint_version,
            title=group.title,
            first_seen=min(times),
            last_seen=max(times),
            occurrences_count=len(times),
            why=group.why if group.identifier == identifier else None,
        )


def _give_up(_services: Services, _session: Session, log: Log, error: AppError, now: datetime) -> dict[str, object]:
    used_up = f"The log could not be digested in {log.attempt} attempts"
    reason = used_up if isinstance(error, AttemptsUsedUp) else error.message
    return {"status": LogStatus.REJECTED, "error_message": reason, "digested_at": now}


def _again(_stored: Log, error: AppError) -> dict[str, object]:
    return {"slow": True} if isinstance(error, TakesLong) else {}


def _after_error(services: Services, stored: Log, error: AppError, is_over: bool) -> None:
    if isinstance(error, TakesLong):
        services.broker.enqueue(DIGEST_LOG, str(stored.id), INGEST)
    metrics.digests.add("rejected" if is_over else "retried", "none")
    event = "log_rejected" if is_over else "digest_retried"
    log.warning(event, log=stored.id, log_id=stored.log_id, attempt=stored.attempt, code=error.code)


WORK: WorkType[Any] = WorkType(
    name="log",
    noun="log",
    leasing=LEASING,
    message=lambda log: Message(DIGEST_LOG, str(log.id), INGEST),
    budget=lambda services, log: grouping.whole(services.config, log.size) if log.slow else grouping.brief(),
    over_budget=_over_budget,
    permanent=(MalformedLog, ObjectDamaged),
    again=_again,
    give_up=_give_up,
    ended=_after_error,
)
"""Claimed by `digest_some`, several at a time. An outage never ends a log: it was answered with a 202."""

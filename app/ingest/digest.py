"""Turns stored logs into occurrences: parse, fingerprint, group. Safe to repeat and to run side by side."""

import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

import structlog

from app import metrics, tracing
from app.broker import DIGEST_LOG, INGEST, PUSH, UPKEEP
from app.config import MIB
from app.db.awaited_symbols import await_symbols
from app.db.digest_steps import (
    ClaimedLog,
    EndedLog,
    NewOccurrence,
    SeenCrash,
    add_occurrences,
    claim_logs,
    count_in,
    settle_logs,
)
from app.db.grouping_decision import routes
from app.db.log import LogStatus, back_off, release_log
from app.errors import AppError, MalformedLog, TransientError
from app.ingest.awaiting import trim_awaited, waiting
from app.ingest.grouping import Grouped, read_and_group
from app.ingest.log_id import time_in
from app.ingest.splits import splits_in
from app.observe import on_behalf_of
from app.services import Services
from app.symbolication.trip import TripSymbols

LOGS_PER_TRIP = 25  # digested together, in one transaction
BYTES_PER_TRIP = MIB  # of theirs, unless the first one alone is larger
GO_ON_FOR = 0.25  # seconds after which no further trip begins: other work waits for the worker too

log = structlog.get_logger()


class Found(NamedTuple):
    """One crash report of a log, grouped."""

    stored: ClaimedLog
    number: int  # from 1, the place in the log
    occurred_at: datetime
    report: Grouped
    crash: str  # identifier of the crash it is counted in: its group, or what people merged that into


class Outcome(NamedTuple):
    """What became of a log: read by a parser, or rejected for a reason."""

    stored: ClaimedLog
    format: str | None
    found: list[Found]
    reason: str | None = None
    unread: str | None = None  # parts of it that no parser could read


def digest(services: Services, row_id: int) -> None:
    """Digest one received log, and others that wait, trip after trip as long as trips are full.

    What another worker is at, is left to it.
    """
    begun = time.monotonic()
    more = _trip(services, row_id)
    while more and time.monotonic() - begun < GO_ON_FOR:
        more = _trip(services, None)
    if more:
        services.broker.ring(DIGEST_LOG, str(row_id), INGEST)


def _trip(services: Services, row_id: int | None) -> bool:
    """Digest what is claimed together; True when more is likely to wait and this went well."""
    begun = time.monotonic()
    lease = timedelta(seconds=services.config.job_lease)
    with services.db.quick_write() as lane:
        claim = claim_logs(lane, row_id, services.now(), lease, LOGS_PER_TRIP, BYTES_PER_TRIP)
    outcomes = []
    symbols = TripSymbols(services, {stored.app_id: stored.has_symbols for stored in claim.logs})
    with services.storage.reading([stored.storage_key for stored in claim.logs]) as reads:
        for stored, read in zip(claim.logs, reads, strict=True):
            with on_behalf_of(stored.request_id), tracing.now.working("digest", stored.request_id, log=stored.id):
                outcome = _parse(services, stored, read, symbols)
            if outcome is not None:
                outcomes.append(outcome)
    settled = bool(outcomes) and _settle(services, outcomes)
    if claim.logs:
        metrics.digest_times.observe(time.monotonic() - begun)
    return settled and claim.is_full


def _parse(services: Services, stored: ClaimedLog, read: Callable[[], bytes], symbols: TripSymbols) -> Outcome | None:
    """Parse and group; None when it is to be tried again, which is arranged then."""
    if stored.strikes > 1:  # this claim's own, and one of a worker that did not come back
        metrics.leases_lost.add("log")
    if stored.strikes > services.config.max_attempts:
        return Outcome(stored, None, [], f"The log could not be digested in {stored.strikes - 1} attempts")
    try:
        in_log = read_and_group(services, stored.app_id, stored.app, read(), splits_in(stored.settings), symbols)
        found = [_found(stored, number, report) for number, report in enumerate(in_log.reports, 1)]
    except MalformedLog as error:
        return Outcome(stored, None, [], error.message)
    except AppError as error:
        _release(services, stored, error.code, strike=not isinstance(error, TransientError))
    except Exception as error:
        log.exception("digest_broke", log=stored.id, attempt=stored.attempt, error=type(error).__name__)
        _release(services, stored, "digest_broke", strike=True)
    else:
        return Outcome(stored, in_log.format, found, unread=in_log.unread)
    return None


def _found(stored: ClaimedLog, number: int, report: Grouped) -> Found:
    occurred_at = time_in(stored.log_id) or report.parsed.occurred_at or stored.received_at
    return Found(stored, number, occurred_at, report, report.group.identifier)


def _settle(services: Services, outcomes: list[Outcome]) -> bool:
    """Record what was found; False when that failed, and all of it is to be tried again."""
    try:
        own = _record(services, outcomes)
    except AppError as error:
        for outcome in outcomes:
            _release(services, outcome.stored, error.code, strike=not isinstance(error, TransientError))
        return False
    except Exception as error:
        rows = [outcome.stored.id for outcome in outcomes]
        log.exception("digest_broke", logs=rows, error=type(error).__name__)
        for outcome in outcomes:
            _release(services, outcome.stored, "digest_broke", strike=True)
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
            elif what == "digested":
                log.info("log_digested", log=stored.id, format=format_name, occurrences=len(found))
            else:
                log.info("log_rejected", log=stored.id)
    return True


def _record(services: Services, outcomes: list[Outcome]) -> set[int]:
    """Write everything in one transaction, which the logs' rows guard: all of a log is counted, once, or nothing of it.

    Returns the row ids of the logs whose digest was still this worker's.
    """
    now, told = services.now(), 0
    with services.db.quick_write() as lane:
        own = settle_logs(lane, map(_ended, outcomes), now)
        counted = [one for outcome in outcomes if outcome.stored.id in own for one in outcome.found]
        if counted:
            merged = routes(lane, (one.crash for one in counted))
            counted = [one._replace(crash=merged.get(one.crash, one.crash)) for one in counted]
            crash_ids, told = count_in(lane, _crashes(counted), now)
            add_occurrences(lane, (_row(one, crash_ids[one.crash]) for one in counted))
            await_symbols(
                lane, (row for one in counted for row in waiting(one.stored.app_id, one.stored.id, one.report))
            )
    trim_awaited(services, (outcome.stored for outcome in outcomes))
    if told:
        services.broker.ring(PUSH, "", UPKEEP)
    return own


def _ended(outcome: Outcome) -> EndedLog:
    status = LogStatus.DIGESTED if outcome.reason is None else LogStatus.REJECTED
    return EndedLog(outcome.stored.id, outcome.stored.attempt, status, outcome.format, outcome.reason or outcome.unread)


def _row(one: Found, crash_id: int) -> NewOccurrence:
    group = one.report.group.identifier
    return NewOccurrence(
        crash_id,
        one.stored.id,
        one.stored.log_id,
        one.number,
        one.occurred_at,
        *one.report.facts,
        grouped_as=None if group == one.crash else group,
    )


def _crashes(counted: list[Found]) -> Iterable[SeenCrash]:
    """What the occurrences add to each crash."""
    by_crash = attrgetter("crash")
    for identifier, together in groupby(sorted(counted, key=by_crash), key=by_crash):
        first, *others = together
        times = [first.occurred_at, *(other.occurred_at for other in others)]
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


def _release(services: Services, stored: ClaimedLog, code: str, *, strike: bool) -> None:
    """Try again later: as often as it takes after trouble from outside, a few times after a bug."""
    with services.db.write() as session:
        release_log(session, stored.id, stored.attempt, services.now() + back_off(stored.attempt), strike=strike)
    metrics.digests.add("retried", "none")
    log.warning("digest_retried", log=stored.id, attempt=stored.attempt, code=code)

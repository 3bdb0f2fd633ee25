"""Turns a stored log into occurrences: parse, fingerprint, group. Safe to repeat and to run side by side."""

from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

import structlog
from sqlalchemy import insert
from sqlalchemy.orm import Session

from app.config import MIB
from app.crashes.fingerprint import Fingerprint, crash_identifier, fingerprint
from app.crashes.log import CrashLog
from app.crashes.title import title
from app.db.app import App
from app.db.crash import Crash, count_in
from app.db.log import Log, LogStatus, back_off, claim_logs, release_log, settle_logs
from app.db.occurrence import Occurrence
from app.errors import AppError, MalformedLog, TransientError
from app.ingest.log_id import time_in
from app.observe import on_behalf_of
from app.parsers import recognise
from app.parsers.document import Document
from app.services import Services

LOGS_PER_TRIP = 25  # digested together, in one transaction
BYTES_PER_TRIP = MIB  # of theirs, unless the first one alone is larger

log = structlog.get_logger()


class Found(NamedTuple):
    """One crash report of a log, grouped."""

    stored: Log
    number: int  # from 1, the place in the log
    occurred_at: datetime
    identifier: str  # of its crash
    fingerprint: Fingerprint
    title: str


class Readable(NamedTuple):
    """A log that a parser could read."""

    stored: Log
    format: str
    found: list[Found]


def digest(services: Services, row_id: int) -> None:
    """Digest one received log, and others that wait along with it. Does nothing when another worker is at it."""
    lease = timedelta(seconds=services.config.job_lease)
    with services.db.write() as session:
        claimed = claim_logs(session, row_id, services.now(), lease, LOGS_PER_TRIP, BYTES_PER_TRIP)
        apps = {app_id: session.get_one(App, app_id) for app_id in {stored.app_id for stored in claimed}}
    readable = []
    for stored in claimed:
        with on_behalf_of(stored.request_id):
            read = _read(services, apps[stored.app_id], stored)
        if read is not None:
            readable.append(read)
    if readable:
        _settle(services, readable)


def _read(services: Services, app: App, stored: Log) -> Readable | None:
    """Parse and group; None when the log cannot be read, which is settled then."""
    if stored.strikes > services.config.max_attempts:
        _reject(services, stored, f"The log could not be digested in {stored.strikes - 1} attempts")
        return None
    try:
        document = Document(services.storage.get(stored.storage_key))
        parser = recognise(document)
        found = [_group(app, stored, number, parsed) for number, parsed in enumerate(parser.parse(document), 1)]
    except MalformedLog as error:
        _reject(services, stored, error.message)
    except AppError as error:
        _release(services, stored, error.code, strike=not isinstance(error, TransientError))
    except Exception as error:
        log.exception("digest_broke", log=stored.id, attempt=stored.attempt, error=type(error).__name__)
        _release(services, stored, "digest_broke", strike=True)
    else:
        return Readable(stored, parser.FORMAT, found)
    return None


def _group(app: App, stored: Log, number: int, parsed: CrashLog) -> Found:
    grouped = fingerprint(parsed)
    occurred_at = time_in(stored.log_id) or parsed.occurred_at or stored.received_at
    return Found(stored, number, occurred_at, crash_identifier(app.identifier, grouped), grouped, title(parsed))


def _settle(services: Services, readable: list[Readable]) -> None:
    try:
        own = _record(services, readable)
    except AppError as error:
        for stored, _, _ in readable:
            _release(services, stored, error.code, strike=not isinstance(error, TransientError))
        return
    except Exception as error:
        log.exception("digest_broke", logs=[stored.id for stored, _, _ in readable], error=type(error).__name__)
        for stored, _, _ in readable:
            _release(services, stored, "digest_broke", strike=True)
        return
    for stored, format_name, found in readable:
        with on_behalf_of(stored.request_id):
            if stored.id in own:
                log.info("log_digested", log=stored.id, format=format_name, occurrences=len(found))
            else:
                log.info("digest_lost", log=stored.id, attempt=stored.attempt)


def _record(services: Services, readable: list[Readable]) -> set[int]:
    """Write everything in one transaction, which the logs' rows guard: all of a log is counted, once, or nothing of it.

    Returns the row ids of the logs whose digest was still this worker's.
    """
    now = services.now()
    with services.db.write() as session:
        own: set[int] = set()
        for format_name in sorted({log_format for _, log_format, _ in readable}):
            alike = [stored for stored, log_format, _ in readable if log_format == format_name]
            own |= settle_logs(session, alike, LogStatus.DIGESTED, now, format=format_name)
        # Crashes are locked in the order of their identifiers, so that two digests cannot wait for each other.
        by_crash = attrgetter("identifier")
        counted = sorted((one for stored, _, found in readable if stored.id in own for one in found), key=by_crash)
        rows = []
        for identifier, group in groupby(counted, key=by_crash):
            members = list(group)
            crash_id = _count(session, identifier, members)
            rows += [
                {"crash_id": crash_id, "log_row": one.stored.id, "log_id": one.stored.log_id, "number": one.number,
                 "occurred_at": one.occurred_at}
                for one in members
            ]  # fmt: skip
        if rows:
            session.execute(insert(Occurrence), rows)
    return own


def _count(session: Session, identifier: str, members: list[Found]) -> int:
    """Add occurrences to their crash, which is made when they are its first; returns its row id."""
    first, times = members[0], [member.occurred_at for member in members]
    new = Crash(
        app_id=first.stored.app_id,
        identifier=identifier,
        fingerprint=first.fingerprint.value,
        fingerprint_version=first.fingerprint.version,
        title=first.title,
        first_seen=min(times),
        last_seen=max(times),
    )
    return count_in(session, new, len(members))


def _reject(services: Services, stored: Log, reason: str) -> None:
    with services.db.write() as session:
        settle_logs(session, [stored], LogStatus.REJECTED, services.now(), error_message=reason)
    log.info("log_rejected", log=stored.id)


def _release(services: Services, stored: Log, code: str, *, strike: bool) -> None:
    """Try again later: as often as it takes after trouble from outside, a few times after a bug."""
    with services.db.write() as session:
        release_log(session, stored, services.now() + back_off(stored.attempt), strike=strike)
    log.warning("digest_retried", log=stored.id, attempt=stored.attempt, code=code)

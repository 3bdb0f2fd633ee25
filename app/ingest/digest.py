"""Turns a stored log into occurrences: parse, fingerprint, group. Safe to repeat and to run side by side."""

from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

import structlog

from app.config import MIB
from app.crashes.fingerprint import Fingerprint, crash_identifier, fingerprint
from app.crashes.log import CrashLog
from app.crashes.title import title
from app.db.app import App
from app.db.crash import Crash, count_in
from app.db.log import Log, LogStatus, back_off, claim_log, release_log, settle_log
from app.db.occurrence import Occurrence
from app.errors import AppError, MalformedLog, TransientError
from app.ingest.log_id import time_in
from app.observe import on_behalf_of
from app.parsers import recognise
from app.parsers.document import Document
from app.services import Services

log = structlog.get_logger()


class Found(NamedTuple):
    """One crash report of a log, grouped."""

    number: int  # from 1, the place in the log
    occurred_at: datetime
    identifier: str  # of its crash
    fingerprint: Fingerprint
    title: str


def digest(services: Services, row_id: int) -> None:
    """Digest one received log. Does nothing when that is done or another worker is at it."""
    now = services.now()
    with services.db.write() as session:
        claimed = claim_log(session, row_id, now, timedelta(seconds=services.config.job_lease))
        if claimed is not None:
            claimed.lease_expires_at = claimed.ring_after = now + _lease(services, claimed)
        app = session.get_one(App, claimed.app_id) if claimed else None
    if claimed is not None and app is not None:
        with on_behalf_of(claimed.request_id):
            _digest(services, app, claimed)


def _lease(services: Services, claimed: Log) -> timedelta:
    """A digest is too short to renew its lease: it gets one job's lease, and as much again for each MiB of the log."""
    return timedelta(seconds=services.config.job_lease) * (1 + claimed.size // MIB)


def _digest(services: Services, app: App, claimed: Log) -> None:
    if claimed.strikes > services.config.max_attempts:
        _reject(services, claimed, f"The log could not be digested in {claimed.strikes - 1} attempts")
        return
    try:
        document = Document(services.storage.get(claimed.storage_key))
        parser = recognise(document)
        found = [_group(app, claimed, number, parsed) for number, parsed in enumerate(parser.parse(document), 1)]
        _record(services, claimed, parser.FORMAT, found)
    except MalformedLog as error:
        _reject(services, claimed, error.message)
    except AppError as error:
        _release(services, claimed, error.code, strike=not isinstance(error, TransientError))
    except Exception as error:
        log.exception("digest_broke", log=claimed.id, attempt=claimed.attempt, error=type(error).__name__)
        _release(services, claimed, "digest_broke", strike=True)


def _group(app: App, stored: Log, number: int, parsed: CrashLog) -> Found:
    grouped = fingerprint(parsed)
    occurred_at = time_in(stored.log_id) or parsed.occurred_at or stored.received_at
    return Found(number, occurred_at, crash_identifier(app.identifier, grouped), grouped, title(parsed))


def _record(services: Services, stored: Log, format_name: str, found: list[Found]) -> None:
    """Write everything in one transaction, which the log's row guards: either all of a log is counted, once, or nothing."""
    with services.db.write() as session:
        if not settle_log(session, stored, LogStatus.DIGESTED, services.now(), format=format_name):
            log.info("digest_lost", log=stored.id, attempt=stored.attempt)
            return
        # Crashes are locked in the order of their identifiers, so that two digests cannot wait for each other.
        by_crash = attrgetter("identifier")
        for identifier, group in groupby(sorted(found, key=by_crash), key=by_crash):
            members = list(group)
            times = [member.occurred_at for member in members]
            new = Crash(
                app_id=stored.app_id,
                identifier=identifier,
                fingerprint=members[0].fingerprint.value,
                fingerprint_version=members[0].fingerprint.version,
                title=members[0].title,
                first_seen=min(times),
                last_seen=max(times),
            )
            crash_id = count_in(session, new, len(members))
            session.add_all(
                Occurrence(
                    crash_id=crash_id,
                    log_row=stored.id,
                    log_id=stored.log_id,
                    number=member.number,
                    occurred_at=member.occurred_at,
                )
                for member in members
            )
            session.flush()
    log.info("log_digested", log=stored.id, format=format_name, occurrences=len(found))


def _reject(services: Services, stored: Log, reason: str) -> None:
    with services.db.write() as session:
        settle_log(session, stored, LogStatus.REJECTED, services.now(), error_message=reason)
    log.info("log_rejected", log=stored.id)


def _release(services: Services, stored: Log, code: str, *, strike: bool) -> None:
    """Try again later: as often as it takes after trouble from outside, a few times after a bug."""
    with services.db.write() as session:
        release_log(session, stored, services.now() + back_off(stored.attempt), strike=strike)
    log.warning("digest_retried", log=stored.id, attempt=stored.attempt, code=code)

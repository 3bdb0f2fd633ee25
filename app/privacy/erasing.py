"""Erases a user from an app: begun by a request, worked off by workers in short slices, resumed by any worker."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import structlog

from app.db import IntegrityError
from app.db.models.app import App
from app.db.models.audit_entry import record
from app.db.models.erasure import (
    LEASING,
    Erasure,
    ErasureState,
    erasures_of,
    find_erasure,
    forget_crashes,
    live_erasure,
)
from app.db.models.pending_deletion import is_any_pending
from app.db.queries.batch_rows import has_ended, newest_row
from app.db.queries.erasing import count_logs, newest_log
from app.db.work import ENQUEUE_AGAIN_AFTER, back_off
from app.errors import BadParameters, NotFound, TransientError
from app.privacy.erasure_slice import MAX_LENGTH, SCANNED_FROM, ErasureSlice
from app.privacy.job_steps import delete_files, end_jobs, take_back_runs
from app.privacy.log_steps import delete_orphans_of_user, find_occurrences, find_received, forget_decided, retitle, scan
from app.privacy.retention import IN_FLIGHT, delete_pending
from app.privacy.sought import Sought
from app.queueing.broker import RUN_ERASURE, UPKEEP
from app.services import Services
from app.work.lease import Attempt, run_next
from app.work.limits import Budget
from app.work.work_type import Message, WorkType

SLICE = 2.0  # seconds after which a worker does other work first
BIT_WITHIN = 900.0  # seconds for an attempt: a slice, and the bit of work that has just begun at its end
TRY_AGAIN_IN = timedelta(seconds=1)
WITHOUT_ROWS = (
    "without rows"  # the place in the step "objects" once those are deleted whose rows the erasure has deleted
)
LAST = "pages"  # the step before which the row forgets whom it is about

log = structlog.get_logger()

Step = Callable[[ErasureSlice, str], str | None]
"""Does a bounded bit of work from that place on, whatever was done of it before; returns the next place, None at the end."""


def _delete_objects(slice_: ErasureSlice, place: str) -> str | None:
    if place == WITHOUT_ROWS:
        slice_.erasure.not_before = delete_orphans_of_user(slice_)
        return place if slice_.erasure.not_before else None
    if delete_pending(slice_.services, slice_.erasure.id):
        return place
    with slice_.services.db.read() as session:
        waits = is_any_pending(session, slice_.erasure.id)
    if waits:  # the same log is being sent again; it is known within the hour whether it was
        slice_.erasure.not_before = slice_.services.now() + IN_FLIGHT / 12
        return place
    return WITHOUT_ROWS


def _await_uploads(slice_: ErasureSlice, place: str) -> str | None:
    """On PostgreSQL a log may be committed after one with a higher id: wait for what is under way, milliseconds."""
    with slice_.services.db.read() as session:
        transaction = int(place) if place else newest_row(session)[1]
        if has_ended(session, transaction):
            return None
    slice_.erasure.not_before = slice_.services.now() + TRY_AGAIN_IN
    return str(transaction)


def _let_go(slice_: ErasureSlice, _place: str) -> str | None:
    """What SQLite has set free is written over at once, but stands in its log until that is emptied."""
    if slice_.services.db.let_go_of_the_past():
        return None
    slice_.erasure.not_before = slice_.services.now() + TRY_AGAIN_IN
    return ""


STEPS: dict[str, Step] = {
    "uploads": _await_uploads,
    "received": find_received,
    "occurrences": find_occurrences,
    "scan": scan,
    "titles": retitle,
    "decisions": forget_decided,
    "jobs": end_jobs,
    "runs": take_back_runs,
    "files": delete_files,
    "objects": _delete_objects,
    LAST: _let_go,
}
"""In this order: logs that wait before those that are digested, so that none slips through between; jobs after the data,
runs after the jobs that they deliver."""

WAITING = ("uploads", "runs", "files", "objects", LAST)
"""Steps that may have to wait for others; the slice ends then."""

_NEXT: dict[str, str | None] = {**dict(pairwise(STEPS)), list(STEPS)[-1]: None}


def begin_erasure(
    services: Services, app: App, user_id: str, *, scan: bool | None = None, asked_by: int | None = None
) -> Erasure:
    """Record that a user is to be erased and enqueue it; one that is under way is joined. Raises BadParameters.

    `scan`: read every stored log of the app for the letters of the id; None: when the id is long enough for that.
    """
    if not user_id or len(user_id) > MAX_LENGTH or any(sign < " " or "\ud800" <= sign <= "\udfff" for sign in user_id):
        raise BadParameters(f"The user id has to have 1 to {MAX_LENGTH} characters, none of them control characters")
    if scan and len(user_id) < SCANNED_FROM:
        raise BadParameters(
            f"scan: an id of less than {SCANNED_FROM} characters stands by chance in the logs of others"
        )
    does_scan = len(user_id) >= SCANNED_FROM if scan is None else scan
    hashed, now = user_hash(services, app, user_id), services.now()
    with services.db.read() as session:
        found = live_erasure(session, app.id, hashed)
        last_log = newest_log(session)
        total = count_logs(session, app.id, last_log) if does_scan else 0
    if found is None:
        made = Erasure(
            id=secrets.token_hex(12), app_id=app.id, user_hash=hashed, subject=user_id, scan=does_scan,
            asked_by=asked_by, state=ErasureState.LIVE, step=next(iter(STEPS)), place="", last_log=last_log, done=0,
            total=total, logs=0, occurrences=0, jobs=0, created_at=now, attempt=0, failures=0,
            enqueue_after=now + ENQUEUE_AGAIN_AFTER, enqueued=0,
        )  # fmt: skip
        try:
            with services.db.write() as session:
                session.add(made)
                record(session, app.id, "erasure.begun", made.id, now)
        except IntegrityError:  # another request was faster
            with services.db.read() as session:
                found = live_erasure(session, app.id, hashed)
            if found is None:
                raise TransientError from None
        else:
            log.info("erasure_begun", erasure=made.id, app=app.identifier, user=asked_by)
    begun = found or made
    services.broker.enqueue(RUN_ERASURE, begun.id, UPKEEP)
    return begun


def user_hash(services: Services, app: App, user_id: str) -> str:
    """What an erasure is remembered by: without the service's secret nobody can try ids against it."""
    message = f"crashq erasure\0{app.identifier}\0{user_id}".encode()
    return hmac.new(services.config.secret_key.encode(), message, hashlib.sha256).hexdigest()


def show_erasure(services: Services, app: App, erasure_id: str) -> Erasure:
    """An erasure of the app as it stands. Raises NotFound."""
    with services.db.read() as session:
        found = find_erasure(session, app.id, erasure_id)
    if found is None:
        raise NotFound("Erasure not found")
    return found


def list_erasures(services: Services, app: App, limit: int, offset: int) -> list[Erasure]:
    """The erasures of an app, newest first."""
    with services.db.read() as session:
        return erasures_of(session, app.id, limit, offset)


def run_erasure(services: Services, erasure_id: str) -> None:
    """Work at an erasure for a while. Safe to call at any time and twice at once; killed anywhere, the next attempt goes on."""
    run_next(services, WORK, erasure_id)


def _work(attempt: Attempt[Erasure]) -> timedelta | None:
    """Bit after bit until the time is up; returns how long to wait before more of it, None once all is done."""
    erasure, services, begun = attempt.row, attempt.services, time.monotonic()
    slice_ = ErasureSlice(attempt, Sought(erasure.subject or "", scan=erasure.scan))
    erasure.not_before = None
    while time.monotonic() - begun < SLICE:
        place = STEPS[erasure.step](slice_, erasure.place)
        if place is None:
            following = _NEXT[erasure.step]
            if following is None:
                _finish(slice_)
                return None
            erasure.step, place = following, ""
        forgets: dict[str, Any] = {"subject": None} if erasure.step == LAST else {}
        with services.db.write() as session:
            attempt.write(session, step=erasure.step, place=place, **forgets)
        erasure.place = place
        if erasure.not_before is not None and erasure.step in WAITING:
            return max(erasure.not_before - services.now(), timedelta())
    return timedelta()


def _finish(slice_: ErasureSlice) -> None:
    erasure, services = slice_.erasure, slice_.services
    with services.db.write() as session:
        slice_.attempt.complete(
            session, state=ErasureState.FINISHED, done=erasure.total, step="", place="", subject=None, error_code=None,
            finished_at=services.now(), not_before=None,
        )  # fmt: skip
        forget_crashes(session, erasure.id)
    log.info("erasure_finished", erasure=erasure.id, logs=erasure.logs, occurrences=erasure.occurrences)


WORK = WorkType(
    name="erasure",
    noun="erasure",
    leasing=LEASING,
    message=lambda row: Message(RUN_ERASURE, row.id, UPKEEP),
    step=_work,
    budget=lambda _services, _row: Budget(seconds=BIT_WITHIN),
    max_failures=lambda _: None,  # an erasure is a promise: it is tried for as long as it takes
    permanent=(),
    pause=lambda row: back_off(row.failures + 1),
    again=lambda _, error: {"error_code": error.code},
)

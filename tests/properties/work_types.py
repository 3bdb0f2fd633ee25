"""What the machine has to know of each type of work: how a row is made, done and read. A new type is one entry more."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session, object_session

from app.config import MIB
from app.db.hot.digest_steps import ClaimBounds, EndedLog, claim_logs, end_digests
from app.db.models.app_removal import AppRemoval
from app.db.models.channel import NotificationChannel
from app.db.models.data_exporter import DataExporter, DataExporterRun, RunState
from app.db.models.erasure import Erasure, ErasureState
from app.db.models.figure_recount import FigureRecount
from app.db.models.job import Job, JobState, new_job_id
from app.db.models.job_part import JobPart, JobPlan, PartState
from app.db.models.log import Log, LogStatus
from app.db.models.regrouping import Regrouping
from app.db.models.session_batch import SessionBatch, drop_batches, oldest_batches
from app.db.models.session_fold import SessionFold
from app.db.models.symbols import SymbolFile, SymbolState
from app.db.models.webhook import Delivery, DeliveryState, Webhook
from app.db.work import LONG_AGO, Leasing, set_columns
from app.jobs import parts, running
from app.jobs.attempt import publish
from app.jobs.job_type import Artefact
from app.queueing.broker import PARTS, SHORT
from app.services import Services
from app.webhooks import deliveries
from app.work.errors import AttemptLost
from app.work.lease import Attempt
from app.work.work_type import lease_of
from tests.factories import Member
from tests.properties.work_model import APP_ERROR, DONE, GIVEN_UP, MALFORMED, WAITING, WORKING, Promise

Make = Callable[[Session, "Home", datetime], Any]  # adds a row that is free, and returns it
Claim = Callable[[Services], Any]  # the type's own claim; returns its row


@dataclass(frozen=True)
class Home:
    """Where rows belong. A row of some types stands for a whole app, so each row gets another one."""

    member: Member
    crash: int
    app: int  # row id of the next app


@dataclass(frozen=True)
class Tested:
    """One type of work, as the machine needs it."""

    make: Make
    promise: Promise
    states: dict[Any, str]  # value of `column` -> the model's word
    column: str = "state"
    done: dict[str, Any] = field(default_factory=dict)  # columns of a row that is complete
    claim: Claim | None = None
    finish: Callable[[Attempt[Any]], None] | None = None  # the type's own statement that completes a row
    reason: Callable[[Any], str | None] = lambda _: None

    def complete(self, attempt: Attempt[Any]) -> None:
        """Complete the row. Raises AttemptLost."""
        if self.finish is not None:
            self.finish(attempt)
            return
        with attempt.services.db.write() as session:
            attempt.complete(session, **self.done)

    def state(self, row: Any) -> str:
        """The model's word for how a row of an open session stands."""
        if isinstance(row, JobPart) and _job_of(row).state == JobState.FAILED:
            return GIVEN_UP
        word = self.states[getattr(row, self.column)]
        if word == WAITING and row.lease_expires_at is not None:
            assert WORKING not in self.states.values(), "waits with a lease"
            return WORKING
        return word


def _job(session: Session, home: Home, now: datetime, **values: Any) -> Job:
    job = Job(
        id=new_job_id(), kind="tested", key=secrets.token_hex(32), params="{}", app_id=home.member.app.id,
        crash_id=home.crash, created_at=now, enqueue_after=now, **{"queue": SHORT, **values},
    )  # fmt: skip
    session.add(job)
    session.flush()
    return job


def _part(session: Session, home: Home, now: datetime) -> JobPart:
    job = _job(session, home, now, state=JobState.RUNNING, queue=PARTS, attempt=1)
    session.add(JobPlan(job_id=job.id, made_at=now, last_row=0))
    session.flush()
    part = JobPart(job_id=job.id, number=1, upto="1", units=1, enqueue_after=now)
    session.add(part)
    return part


def _log(session: Session, home: Home, now: datetime) -> Log:
    name = secrets.token_hex(8)
    log = Log(app_id=home.member.app.id, log_id=name, sha256=name, size=1, storage_key=name, received_at=now)
    session.add(log)
    return log


def _regrouping(session: Session, home: Home, now: datetime) -> Regrouping:
    made = Regrouping(app_id=home.app, created_at=now, last_log=0, rules=0, total=0)
    session.add(made)
    return made


def _recount(session: Session, home: Home, now: datetime) -> FigureRecount:
    made = FigureRecount(app_id=home.app, created_at=now)
    session.add(made)
    return made


def _session_fold(session: Session, home: Home, now: datetime) -> SessionFold:
    made = SessionFold(app_id=home.app, enqueue_after=now)
    session.add_all([made, SessionBatch(app_id=home.app, arrived_at=now, updates="[]")])
    session.flush()
    return made


def _finish_fold(attempt: Attempt[SessionFold]) -> None:
    with attempt.services.db.write() as session:
        attempt.complete(session)
        drop_batches(session, oldest_batches(session, attempt.row.app_id, 10))


def _app_removal(session: Session, home: Home, now: datetime) -> AppRemoval:
    made = AppRemoval(app_id=secrets.randbelow(2**30), identifier="0" * 24, created_at=now)
    session.add(made)
    return made


def _symbol_file(session: Session, home: Home, now: datetime) -> SymbolFile:
    name = secrets.token_hex(12)
    made = SymbolFile(
        identifier=name, app_id=home.app, sha256=name, version="", build="", name=name, size=1,
        state=SymbolState.RECEIVED, received_at=now, storage_key=name,
    )  # fmt: skip
    session.add(made)
    return made


def _erasure(session: Session, home: Home, now: datetime) -> Erasure:
    made = Erasure(
        id=secrets.token_hex(12), app_id=home.app, user_hash=secrets.token_hex(32), subject="ada", scan=False,
        state=ErasureState.LIVE, step="uploads", place="", last_log=0, done=0, total=0, logs=0, occurrences=0, jobs=0,
        created_at=now,
    )  # fmt: skip
    session.add(made)
    return made


def _export_run(session: Session, home: Home, now: datetime) -> DataExporterRun:
    exporter = DataExporter(
        identifier=secrets.token_hex(12), user_id=home.member.user_id, name="x", active=True, bucket_name="x",
        subfolder="", frequency="daily", format="ndjson", created_at=now, initial_run_at=now, next_run_at=now,
    )  # fmt: skip
    session.add(exporter)
    session.flush()
    run = DataExporterRun(
        exporter_id=exporter.id, app_id=home.app, scheduled_for=now, after_row=0, upto_row=0, failures=0,
        state=RunState.WAITING, not_before=now, files_done=0,
    )  # fmt: skip
    session.add(run)
    return run


def _webhook(session: Session, home: Home, now: datetime) -> Webhook:
    hook = Webhook(
        identifier=secrets.token_hex(12), app_id=home.app, url="https://example.com", secret="", active=True,
        on_job_finished=True, on_job_failed=True, on_crash_new=True, created_at=now,
    )  # fmt: skip
    session.add(hook)
    session.flush()
    session.add(
        Delivery(webhook_id=hook.id, event="crash.new", subject="x", created_at=now, state=DeliveryState.PENDING,
                 attempts=0, next_at=LONG_AGO)
    )  # fmt: skip
    return hook


def _channel(session: Session, home: Home, now: datetime) -> NotificationChannel:
    hook = _webhook(session, home, now)
    hook.active = False  # its deliveries are no work
    made = NotificationChannel(webhook_id=hook.id, kind="slack", name="x", address="", rules_since=now.date(), summary_daily=True,
                   summary_weekly=False, summary_hour=9, time_zone="UTC", enqueue_after=now)  # fmt: skip
    session.add(made)
    return made


def forget_claim(session: Session, leasing: Leasing[Any], row: Any, now: datetime) -> None:
    """Set a row that has just been claimed back, as a crash of PostgreSQL does before its disk has the claim."""
    free = {"attempt": row.attempt - 1, "holder": None, "lease_expires_at": None, "enqueue_after": now}
    set_columns(session, leasing, row, **free, **leasing.freed)


def _claim_job(services: Services) -> Job | None:
    begun = running._begin_next(services, "", SHORT)
    return begun and begun.job


def _claim_part(services: Services) -> JobPart | None:
    claimed = parts._claim(services)
    return claimed and claimed[2]


def _claim_log(services: Services) -> Any:
    now = services.now()
    bounds = ClaimBounds(logs=1, bytes=MIB, processes=9, slow=9)
    claim = claim_logs(services.db, now, now + lease_of(services), services.new_holder(), bounds)
    return claim.logs[0] if claim.logs else None


def _finish_job(attempt: Attempt[Job]) -> None:
    if not publish(attempt.services, attempt.row, Artefact(None, 2, "0" * 64, "x", "x", "[]"), 1, 1, None):
        raise AttemptLost


def _finish_log(attempt: Attempt[Any]) -> None:
    row = attempt.row
    ended = EndedLog(row.id, row.attempt, row.holder, LogStatus.DIGESTED, "tested", None)
    with attempt.services.db.driver_write() as driver:
        if not end_digests(driver, [ended], attempt.services.now()):
            raise AttemptLost


def _code(job: Job) -> str | None:
    return {"bad_parameters": APP_ERROR, "malformed_log": MALFORMED}.get(job.error_code or "", job.error_code)


def _job_of(part: JobPart) -> Job:
    session = object_session(part)
    assert session is not None
    return session.get_one(Job, part.job_id)


def _plain(message: str | None) -> str | None:
    return message and ("attempts_used_up" if " attempts" in message else MALFORMED)


PATIENT = Promise(3)
IMPATIENT = Promise(3, is_impatient=True, permanent=(APP_ERROR, MALFORMED))
DOGGED = Promise(pause=lambda row: min(2 ** (row.failures + 1), 60))

TESTED: dict[str, Tested] = {
    "jobs": Tested(
        _job, IMPATIENT,
        {JobState.QUEUED: WAITING, JobState.RUNNING: WORKING, JobState.FINISHED: DONE, JobState.FAILED: GIVEN_UP},
        claim=_claim_job, finish=_finish_job, reason=_code,
    ),
    "parts": Tested(
        _part, IMPATIENT, {PartState.WAITING: WAITING, PartState.RUNNING: WORKING, PartState.DONE: DONE},
        done={"state": PartState.DONE, "done": 1}, claim=_claim_part,
        reason=lambda part: _code(_job_of(part)),
    ),
    "logs": Tested(
        _log, PATIENT._replace(permanent=(MALFORMED,)),
        {LogStatus.RECEIVED: WAITING, LogStatus.DIGESTED: DONE, LogStatus.REJECTED: GIVEN_UP},
        column="status", claim=_claim_log, finish=_finish_log, reason=lambda log: _plain(log.error_message),
    ),
    "regroupings": Tested(
        _regrouping, DOGGED, {None: WAITING, LONG_AGO: DONE}, column="finished_at", done={"finished_at": LONG_AGO}
    ),
    "symbol_files": Tested(
        _symbol_file, PATIENT,
        {SymbolState.RECEIVED: WAITING, SymbolState.READY: DONE, SymbolState.REJECTED: GIVEN_UP},
        done={"state": SymbolState.READY}, reason=lambda file: _plain(file.reason),
    ),
    "app_removals": Tested(
        _app_removal, DOGGED, {None: WAITING, LONG_AGO: DONE}, column="finished_at", done={"finished_at": LONG_AGO}
    ),
    "figures": Tested(_recount, Promise(), {None: WAITING, LONG_AGO: DONE}, column="finished_at", done={"finished_at": LONG_AGO}),
    "session_folds": Tested(
        _session_fold, Promise(), {True: WAITING, False: DONE}, column="has_batches", finish=_finish_fold
    ),
    "erasures": Tested(
        _erasure, DOGGED, {ErasureState.LIVE: WAITING, ErasureState.FINISHED: DONE},
        done={"state": ErasureState.FINISHED},
    ),
    "export_runs": Tested(
        _export_run, Promise(pause=lambda row: min(10 * 2**row.failures, 3600)),
        {RunState.WAITING: WAITING, RunState.FAILED: WAITING, RunState.DONE: DONE}, done={"state": RunState.DONE},
    ),
    "notification_rules": Tested(
        _channel, Promise(), {True: WAITING, False: DONE}, column="summary_daily", done={"summary_daily": False}
    ),
    "webhooks": Tested(
        _webhook, Promise(), {True: WAITING, False: DONE}, column="active", done={"active": False},
        claim=deliveries.claim_next,
    ),
}  # fmt: skip

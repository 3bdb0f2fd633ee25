"""What an erasure looks for: logs, occurrences, crashes, jobs and exporter runs of one app, some at a time."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from app.db.base import rows_changed
from app.db.models.crash import Crash, in_step
from app.db.models.crash_alias import CrashAlias
from app.db.models.data_exporter import DataExporter, DataExporterRun, RunState
from app.db.models.erasure import ErasedCrash
from app.db.models.grouping_decision import GroupingDecision
from app.db.models.job import LIVE_STATES, Job
from app.db.models.log import Log, LogStatus
from app.db.models.occurrence import Occurrence
from app.db.models.regrouping import Regrouping
from app.db.models.webhook import Delivery, Webhook


class ErasableLog(NamedTuple):
    """As much of a log as tells whether it is a user's."""

    id: int
    log_id: str
    storage_key: str
    size: int  # bytes
    error_message: str | None
    request_id: str | None
    is_removed: bool  # only its row is left


class Suspect(NamedTuple):
    """An occurrence that is the user's, or of which only its log can tell."""

    id: int
    log_row: int
    is_recorded: bool  # by the occurrence itself
    may_be_named_in: tuple[str | None, ...]  # environment and tags
    is_described: bool


def newest_log(session: Session) -> int:
    """The row id of the newest log of any app."""
    return session.scalar(select(func.coalesce(func.max(Log.id), 0))) or 0


def count_logs(session: Session, app_id: int, upto: int) -> int:
    """How many logs an app has up to that row."""
    return session.scalar(select(func.count()).select_from(Log).where(Log.app_id == app_id, Log.id <= upto)) or 0


def logs_between(
    session: Session, app_id: int, after: int, upto: int, limit: int, status: LogStatus | None = None
) -> list[ErasableLog]:
    """Logs of an app in the order of their row ids; with a status only those."""
    statement = select(
        Log.id, Log.log_id, Log.storage_key, Log.size, Log.error_message, Log.request_id, Log.removed_at.is_not(None)
    ).where(Log.app_id == app_id, Log.id > after, Log.id <= upto)
    if status is not None:
        statement = statement.where(Log.status == status)
    return [ErasableLog(*row) for row in session.execute(statement.order_by(Log.id).limit(limit))]


def stored_log(session: Session, row_id: int) -> ErasableLog | None:
    """One log by its row id."""
    found = session.get(Log, row_id)
    if found is None:
        return None
    return ErasableLog(
        found.id, found.log_id, found.storage_key, found.size, found.error_message, found.request_id,
        found.removed_at is not None,
    )  # fmt: skip


def newest_occurrence(session: Session) -> int:
    """The row id of the newest occurrence of any app."""
    return session.scalar(select(func.coalesce(func.max(Occurrence.id), 0))) or 0


def suspects(
    session: Session,
    app_id: int,
    user_id: str | None,
    *,
    named: str | None,
    after: int,
    upto: int,
    last_log: int,
    limit: int,
) -> list[Suspect]:
    """The user's occurrences between two row ids, those with `named` in a tag, and those that do not tell whose they are.

    A range of the primary key is read, so that no index has to be kept for what is seldom asked.
    """
    is_recorded = Occurrence.user_id == user_id
    silent = [is_recorded, Occurrence.described.is_(None)]
    if named:
        silent += [column.contains(named, autoescape=True) for column in (Occurrence.environment, Occurrence.tags)]
    statement = (
        select(
            Occurrence.id,
            Occurrence.log_row,
            func.coalesce(is_recorded, False),
            Occurrence.environment,
            Occurrence.tags,
            Occurrence.described.is_not(None),
        )
        .join(Crash, Crash.id == Occurrence.crash_id)
        .where(
            Crash.app_id == app_id,
            Occurrence.id > after,
            Occurrence.id <= upto,
            Occurrence.log_row <= last_log,
            or_(*silent),
        )
    )
    rows = session.execute(statement.order_by(Occurrence.id).limit(limit))
    return [
        Suspect(row_id, log_row, is_own, (environment, tags), is_described)
        for row_id, log_row, is_own, environment, tags, is_described in rows
    ]


def crashes_after(session: Session, app_id: int, after: int, limit: int) -> list[Crash]:
    """Crashes of an app in the order of their row ids."""
    statement = select(Crash).where(Crash.app_id == app_id, Crash.id > after)
    return list(session.scalars(statement.order_by(Crash.id).limit(limit)))


def newest_stored(session: Session, crash_id: int) -> tuple[str, int] | None:
    """(storage key, number in the log) of the newest occurrence of a crash whose log still has its bytes.

    One that people have merged into the crash comes last: it is of another group.
    """
    statement = (
        select(Log.storage_key, Occurrence.number)
        .join(Log, Log.id == Occurrence.log_row)
        .where(Occurrence.crash_id == crash_id, Log.removed_at.is_(None))
        .order_by(Occurrence.grouped_as.is_not(None), Occurrence.occurred_at.desc(), Occurrence.id.desc())
        .limit(1)
    )
    row = session.execute(statement).first()
    return (row[0], row[1]) if row else None


def set_title(session: Session, crash_id: int, title: str, why: str | None) -> None:
    """Call a crash by another title, and explain its grouping by these parts; None: the next occurrence will."""
    this, following = update(Crash).where(Crash.id == crash_id), Crash.revision + 1
    rows_changed(session, this.values(title=title, why=why, revision=following, figures_revision=in_step(following)))
    crash = session.execute(select(Crash.app_id, Crash.identifier).where(Crash.id == crash_id)).first()
    if crash is not None:  # what webhooks were sent of it has the old title; another attempt takes the new one
        of_app = select(Webhook.id).where(Webhook.app_id == crash.app_id)
        sent = update(Delivery).where(Delivery.webhook_id.in_(of_app), Delivery.subject == crash.identifier)
        rows_changed(session, sent.where(Delivery.body.is_not(None)).values(body=None))


def crash_ids(session: Session, identifiers: set[str]) -> dict[str, int]:
    """Identifier -> row id of these crashes, as many as there are."""
    found = select(Crash.identifier, Crash.id).where(Crash.identifier.in_(identifiers))
    return {row[0]: row[1] for row in session.execute(found)}


def decisions_after(session: Session, app_id: int, after: str, limit: int) -> list[GroupingDecision]:
    """Decisions about groups of an app in the order of their identifiers."""
    statement = select(GroupingDecision).where(GroupingDecision.app_id == app_id, GroupingDecision.identifier > after)
    return list(session.scalars(statement.order_by(GroupingDecision.identifier).limit(limit)))


def set_decided_title(session: Session, identifier: str, title: str) -> None:
    """Let a decision remember its group by another title, and by no parts."""
    this = update(GroupingDecision).where(GroupingDecision.identifier == identifier)
    rows_changed(session, this.values(title=title, why=None))


def was_regrouped(session: Session, app_id: int) -> bool:
    """True when occurrences of the app may have been counted in other crashes than those where they are now."""
    tables = (CrashAlias, GroupingDecision, Regrouping)
    return any(session.scalar(select(exists().where(table.app_id == app_id))) for table in tables)


def jobs_after(session: Session, app_id: int, after: str, limit: int) -> list[Job]:
    """Jobs of an app in the order of their ids."""
    statement = select(Job).where(Job.app_id == app_id, Job.id > after)
    return list(session.scalars(statement.order_by(Job.id).limit(limit)))


def crashes_with_ids(session: Session, row_ids: set[int]) -> dict[int, Crash]:
    """Crashes by their row ids."""
    return {crash.id: crash for crash in session.scalars(select(Crash).where(Crash.id.in_(row_ids)))}


def log_names(session: Session, app_id: int, among: set[str]) -> set[str]:
    """Which of these names are those of logs of the app."""
    return set(session.scalars(select(Log.log_id).where(Log.app_id == app_id, Log.log_id.in_(among))))


def drop_jobs(session: Session, job_ids: list[str]) -> None:
    """Delete rows of ended jobs, with all that hangs on them."""
    ended = delete(Job).where(Job.id.in_(job_ids), Job.state.not_in(LIVE_STATES))
    session.execute(ended, execution_options={"synchronize_session": False})


def doubt_runs(session: Session, app_id: int, log_rows: list[int]) -> None:
    """Let the runs that have delivered occurrences of these logs no longer know their number of rows.

    That is noted before the rows go: on SQLite another occurrence may get the id of one that went.
    """
    if not log_rows:
        return
    held = exists().where(
        Occurrence.log_row.in_(log_rows),
        Occurrence.id > DataExporterRun.after_row,
        Occurrence.id <= DataExporterRun.upto_row,
    )
    done = (DataExporterRun.app_id == app_id, DataExporterRun.state == RunState.DONE)
    rows_changed(session, update(DataExporterRun).where(*done, held).values(rows=None))


def runs_after(session: Session, app_id: int, after: int, limit: int) -> list[tuple[DataExporterRun, DataExporter]]:
    """Runs of an app in the order of their row ids, each with its exporter."""
    statement = select(DataExporterRun, DataExporter).join(DataExporter, DataExporter.id == DataExporterRun.exporter_id)
    of_app = statement.where(DataExporterRun.app_id == app_id, DataExporterRun.id > after)
    return [(run, exporter) for run, exporter in session.execute(of_app.order_by(DataExporterRun.id).limit(limit))]


def count_window(session: Session, run: DataExporterRun) -> int:
    """How many occurrences the window of a run has now."""
    window = (Occurrence.id > run.after_row, Occurrence.id <= run.upto_row)
    counted = select(func.count()).select_from(Occurrence).join(Crash, Crash.id == Occurrence.crash_id)
    return session.scalar(counted.where(*window, Crash.app_id == run.app_id)) or 0


def has_noted(session: Session, run: DataExporterRun, erasure_id: str) -> bool:
    """True when an occurrence in the window of a run is of a crash that the erasure has noted."""
    found = exists().where(
        ErasedCrash.erasure_id == erasure_id,
        Occurrence.crash_id == ErasedCrash.crash_id,
        Occurrence.id > run.after_row,
        Occurrence.id <= run.upto_row,
    )
    return bool(session.scalar(select(found)))


def hold_run(
    session: Session, run_id: int, now: datetime, lease_expires_at: datetime, holder: str
) -> DataExporterRun | datetime | None:
    """Take a run from the worker that holds it, to be made again; None when it is gone.

    While a worker may still be writing a file, the run is only taken from it, and the answer is when that is over.
    """
    run = session.scalar(select(DataExporterRun).where(DataExporterRun.id == run_id).with_for_update())
    if run is None:
        return None
    run.attempt += 1
    busy_until = run.lease_expires_at
    if busy_until is not None and busy_until > now:
        run.not_before = run.enqueue_after = lease_expires_at
        session.flush()
        return busy_until
    run.state, run.job_id, run.error, run.finished_at = RunState.WAITING, None, None, None
    run.files_done, run.files, run.rows = 0, None, None
    run.lease_expires_at, run.holder = lease_expires_at, holder
    session.flush()
    return run


def known_exporters(session: Session, among: set[str]) -> set[str]:
    """Which of these identifiers are those of exporters."""
    return set(session.scalars(select(DataExporter.identifier).where(DataExporter.identifier.in_(among))))

"""What an erasure has to know of the runs of data exporters: which may tell of the user, and that they are made again."""

from datetime import datetime

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from app.db.engine import rows_changed
from app.db.models.crash import Crash
from app.db.models.data_exporter import DataExporter, DataExporterRun, RunState
from app.db.models.erasure import ErasedCrash
from app.db.models.occurrence import Occurrence


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

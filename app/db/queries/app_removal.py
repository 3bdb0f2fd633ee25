"""Takes an app out of the tables, some rows at a time; what is left goes with the row of the app."""

from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.orm import Session

from app.db.base import rows_changed
from app.db.models.account_link import AccountLink
from app.db.models.app import App
from app.db.models.crash import Crash
from app.db.models.crash_alias import CrashAlias
from app.db.models.data_exporter import DataExporterApp, DataExporterRun
from app.db.models.erasure import Erasure
from app.db.models.grouping_decision import GroupingDecision
from app.db.models.ingest_key import IngestKey
from app.db.models.job import Job
from app.db.models.log import Log
from app.db.models.membership import Membership
from app.db.models.pending_deletion import PendingDeletion, schedule_deletion
from app.db.models.regrouping import Regrouping
from app.db.models.symbol_chunk import SymbolChunk
from app.db.models.symbol_part import drop_parts_of
from app.db.models.symbol_upload import SymbolUpload
from app.db.models.symbols import SymbolFile
from app.db.models.unsubscription import Unsubscription
from app.db.models.upload_key import UploadKey
from app.db.models.webhook import Webhook
from app.db.queries.removal import drop_symbols

AT_ONCE: tuple[type[Any], ...] = (
    Membership,
    AccountLink,
    IngestKey,
    UploadKey,
    Webhook,
    Unsubscription,
    DataExporterApp,
)
"""What lets people and apps in and tells others: it goes when the removal begins."""
BEFORE_CRASHES: tuple[type[Any], ...] = (DataExporterRun, CrashAlias, GroupingDecision, Regrouping)
"""Small tables of which nothing may be left when the app goes."""


def shut_out(session: Session, app: App, no_key: str, now: datetime) -> None:
    """Let nobody see an app or send to it any more; the caller's transaction has locked its row."""
    app.removed_at, app.ingest_key_hash = now, no_key
    session.flush()
    for table in AT_ONCE:
        _delete(session, table, table.app_id == app.id)


def jobs_left(session: Session, app_id: int, limit: int) -> list[str]:
    """Ids of some jobs of an app, live ones too."""
    return list(session.scalars(select(Job.id).where(Job.app_id == app_id).limit(limit)))


def drop_jobs(session: Session, job_ids: list[str]) -> None:
    """Delete jobs; an attempt under way finds its row gone."""
    _delete(session, Job, Job.id.in_(job_ids))


def logs_left(session: Session, app_id: int, limit: int) -> list[int]:
    """Row ids of some logs of an app, whatever their state."""
    return list(session.scalars(select(Log.id).where(Log.app_id == app_id).order_by(Log.id).limit(limit)))


def drop_crashes(session: Session, app_id: int, limit: int) -> int:
    """Delete some crashes of an app without logs and jobs, and what people decided about them; returns how many rows."""
    gone = 0
    erasures = select(Erasure.id).where(Erasure.app_id == app_id)
    waiting = update(PendingDeletion).where(PendingDeletion.erasure_id.in_(erasures))
    rows_changed(session, waiting.values(erasure_id=None))
    gone += _delete(session, Erasure, Erasure.app_id == app_id)
    for table in BEFORE_CRASHES:
        gone += _delete(session, table, table.app_id == app_id)
    some = list(session.scalars(select(Crash.id).where(Crash.app_id == app_id).limit(limit)))
    return gone + (_delete(session, Crash, Crash.id.in_(some)) if some else 0)


def drop_symbols_of_app(session: Session, app_id: int, now: datetime, limit: int) -> int:
    """Delete some files of symbols, uploads and chunks; the deletion of their objects is scheduled. Returns how many."""
    files = list(session.scalars(select(SymbolFile).where(SymbolFile.app_id == app_id).limit(limit)))
    for file in files:
        drop_symbols(session, file, now)
    uploads = list(session.scalars(select(SymbolUpload).where(SymbolUpload.app_id == app_id).limit(limit)))
    for upload in uploads:
        drop_parts_of(session, upload.identifier, now)
        session.delete(upload)
    chunks = list(session.scalars(select(SymbolChunk).where(SymbolChunk.app_id == app_id).limit(limit)))
    schedule_deletion(session, [chunk.storage_key for chunk in chunks], None, now)
    for chunk in chunks:
        session.delete(chunk)
    session.flush()
    return len(files) + len(uploads) + len(chunks)


def drop_app(session: Session, app_id: int) -> None:
    """Delete the row of an app. Raises RemovedMeanwhile when something came in meanwhile."""
    _delete(session, App, App.id == app_id)


def _delete(session: Session, table: type[Any], condition: Any) -> int:
    result = session.execute(delete(table).where(condition), execution_options={"synchronize_session": False})
    assert isinstance(result, CursorResult)
    return int(result.rowcount)

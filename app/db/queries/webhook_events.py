"""Events for webhooks, written in the transaction in which they happen: none is lost, none made up; and what they tell."""

from datetime import datetime
from types import ModuleType
from typing import NamedTuple

from sqlalchemy import ColumnElement, Insert, String, bindparam, cast, literal_column, select
from sqlalchemy.orm import Session

from app.db.base import dialect_of
from app.db.driver_pool import Prepared
from app.db.hot import insert_into, rows_of
from app.db.models.crash import Crash, find_crash
from app.db.models.crash_history import CrashHistory
from app.db.models.job import Job, JobState
from app.db.models.occurrence import Occurrence
from app.db.models.webhook import EVENTS, REGRESSED, Delivery, Webhook

_JOB, _CRASH, _HISTORY = Job.__table__.c, Crash.__table__.c, CrashHistory.__table__.c
_COLUMNS = ("webhook_id", "event", "subject", "created_at", "state", "attempts", "next_at")


def deliveries(
    dialect: ModuleType,
    event: str,
    app_id: ColumnElement[int],
    subject: ColumnElement[str],
    happened_at: ColumnElement[datetime] | ColumnElement[datetime | None],
    *conditions: ColumnElement[bool],
    period: ColumnElement[str] | None = None,
) -> Insert:
    """INSERT … SELECT of a delivery for each active webhook of the app that receives the event.

    `app_id`, `subject`, `happened_at` and, of what may happen again, `period` are columns of what has happened. An app
    without webhooks costs a look into an index.
    """
    name: ColumnElement[str] = literal_column(f"'{event}'")
    pending: ColumnElement[str] = literal_column("'pending'")
    none: ColumnElement[int] = literal_column("0")
    rows = select(Webhook.id, name, subject, happened_at, pending, none, happened_at)
    deliveries = rows.where(Webhook.app_id == app_id, Webhook.active, EVENTS[event], *conditions)
    if period is None:
        return insert_into(dialect, Delivery).from_select(_COLUMNS, deliveries).on_conflict_do_nothing()
    made = insert_into(dialect, Delivery).from_select((*_COLUMNS, "period"), deliveries.add_columns(period))
    return made.on_conflict_do_nothing()


def _job_finished(dialect: ModuleType) -> Insert:
    return deliveries(dialect, "job.finished", _JOB.app_id, _JOB.id, _JOB.finished_at, _JOB.id == bindparam("job"))


def _crashes_new(dialect: ModuleType) -> Insert:
    given = rows_of(dialect, _CRASH.identifier)
    now: ColumnElement[datetime] = bindparam("now", type_=Delivery.__table__.c.created_at.type)
    new = _CRASH.identifier == given.c.identifier
    return deliveries(dialect, "crash.new", _CRASH.app_id, _CRASH.identifier, now, new)


def _crash_regressed(dialect: ModuleType) -> Insert:
    entry = (
        _HISTORY.id == bindparam("entry", type_=_HISTORY.id.type),
        _CRASH.id == _HISTORY.crash_id,
    )
    period: ColumnElement[str] = cast(_HISTORY.id, String(16))
    return deliveries(dialect, REGRESSED, _CRASH.app_id, _CRASH.identifier, _HISTORY.happened_at, *entry, period=period)


CRASH_REGRESSED = Prepared(_crash_regressed)
"""By the row id of the entry in the history of the crash; for both databases, for it is rare."""
JOB_FINISHED, CRASHES_NEW = Prepared(_job_finished), Prepared(_crashes_new)
"""For SQLite, which cannot do it in the statement in which it happens, and needs no round trip for another one."""


def tell_job_failed(session: Session, job_id: str) -> None:
    """Write the deliveries of a job that fails in this transaction."""
    dialect = dialect_of(session)
    failed = (_JOB.id == job_id, _JOB.state == JobState.FAILED)
    session.connection().execute(deliveries(dialect, "job.failed", _JOB.app_id, _JOB.id, _JOB.finished_at, *failed))


class EventFacts(NamedTuple):
    """Title and version, as the log has them; None is not known."""

    title: str | None
    version: str | None


def facts_of_event(session: Session, app_id: int, identifier: str, entry: int | None) -> EventFacts:
    """The crash's title by now, and the version in which it came back (`entry` of its history), else of its first occurrence."""
    crash = find_crash(session, identifier)
    if crash is None or crash.app_id != app_id:
        return EventFacts(None, None)
    if entry is not None:
        return EventFacts(crash.title, session.scalar(select(CrashHistory.version).where(CrashHistory.id == entry)))
    first = select(Occurrence.app_version).where(Occurrence.crash_id == crash.id)
    return EventFacts(crash.title, session.scalar(first.order_by(Occurrence.occurred_at, Occurrence.id).limit(1)))

"""Lists page by page: of an app's logs, and of a user's jobs."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, literal, select, tuple_
from sqlalchemy.orm import Session, defer

from app.db.models.app import App
from app.db.models.crash import Crash
from app.db.models.job import Job, JobAsker, JobState
from app.db.models.log import Log, LogStatus
from app.db.models.membership import Membership
from app.db.models.occurrence import Occurrence

_BEHIND_EVERY_NAME = "\ua000"  # sorts behind a-z, A-Z, 0-9 and . _ - in every collation


class ListedLog(NamedTuple):
    """A log as a list shows it."""

    log_id: str
    status: LogStatus
    error_message: str | None
    format: str | None
    size: int  # bytes, unpacked
    received_at: datetime
    digested_at: datetime | None
    removed_at: datetime | None  # when its bytes were, by age
    occurrences_count: int


def logs_of(
    session: Session,
    app_id: int,
    limit: int,
    *,
    status: LogStatus | None = None,
    prefix: str = "",
    after: tuple[datetime, str] | None = None,
) -> list[ListedLog]:
    """Newest first; with a prefix by name. `after` is that of the last row seen: time and name."""
    found = select(func.count()).where(Occurrence.log_row == Log.id).correlate(Log).scalar_subquery()
    columns = [Log.__table__.c[name] for name in ListedLog._fields[:-1]]
    statement = select(*columns, found).select_from(Log).where(Log.app_id == app_id)
    if status is not None:
        statement = statement.where(Log.status == status)
    if prefix:
        # A range that the unique key of app and name serves, whatever the collation; what else lies in it is left out.
        statement = statement.where(Log.log_id >= prefix, Log.log_id < prefix + _BEHIND_EVERY_NAME)
        statement = statement.where(func.substr(Log.log_id, 1, len(prefix)) == prefix).order_by(Log.log_id)
        if after is not None:
            statement = statement.where(Log.log_id > after[1])
    else:
        statement = statement.order_by(Log.received_at.desc(), Log.log_id.desc())
        if after is not None:
            last = tuple_(literal(after[0], Log.__table__.c.received_at.type), literal(after[1]))
            statement = statement.where(tuple_(Log.received_at, Log.log_id) < last)
    return [ListedLog._make(row) for row in session.execute(statement.limit(limit))]


def jobs_of(
    session: Session,
    user_id: int,
    limit: int,
    offset: int = 0,
    *,
    states: Sequence[JobState] = (),
    app_id: int | None = None,
    kinds: Sequence[str] = (),
    without: str = "",
    after: tuple[datetime, str] | None = None,
) -> list[tuple[Job, datetime]]:
    """Jobs and when the user asked for each, newest first, about apps that they still may see; results stay in the table.

    `after` is that of the last row seen: time and job. No states, and no kinds, are all of them; `without` leaves out those
    whose parameters, as JSON, have this text.
    """
    # A subquery that PostgreSQL looks up row by row. Of a join with a table that it has not analyzed, as small ones are, it
    # thinks so badly that it reads all jobs first.
    role = select(Membership.role).where(Membership.app_id == Job.app_id, Membership.user_id == user_id)
    statement = (
        select(Job, JobAsker.asked_at)
        .options(defer(Job.result_text, raiseload=True))
        .join(JobAsker, JobAsker.job_id == Job.id)
        .where(JobAsker.user_id == user_id, role.scalar_subquery().is_not(None))
    )
    if len(states) == 1:
        statement = statement.where(Job.state == states[0])
    elif states:
        statement = statement.where(Job.state.in_(states))
    if app_id is not None:
        statement = statement.where(Job.app_id == app_id)
    if kinds:
        statement = statement.where(Job.kind.in_(kinds))
    if without:
        statement = statement.where(Job.params.not_like(f"%{without}%"))
    if after is not None:
        # As one comparison of rows, by which PostgreSQL tells how many are left, and so to go on along the index.
        last = tuple_(literal(after[0], JobAsker.__table__.c.asked_at.type), literal(after[1]))
        statement = statement.where(tuple_(JobAsker.asked_at, JobAsker.job_id) < last)
    newest_first = statement.order_by(JobAsker.asked_at.desc(), JobAsker.job_id.desc())
    return [(job, asked_at) for job, asked_at in session.execute(newest_first.limit(limit).offset(offset))]


def subjects_of(session: Session, jobs: Sequence[Job]) -> tuple[dict[int, App], dict[int, Crash]]:
    """Row id -> the app, and row id -> the crash, that jobs are about."""
    apps = session.scalars(select(App).where(App.id.in_({job.app_id for job in jobs})))
    crashes = session.scalars(select(Crash).where(Crash.id.in_({job.crash_id for job in jobs if job.crash_id})))
    return {app.id: app for app in apps}, {crash.id: crash for crash in crashes}

"""The jobs that a user has asked for, page by page."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, literal, select, tuple_
from sqlalchemy.orm import Session, defer

from app.db.models.app import App, Membership
from app.db.models.crash import Crash
from app.db.models.job import Job, JobAsker, JobState


def jobs_of(
    session: Session,
    user_id: int,
    limit: int,
    offset: int = 0,
    *,
    states: Sequence[JobState] = (),
    app_id: int | None = None,
    after: tuple[datetime, str] | None = None,
) -> list[tuple[Job, datetime]]:
    """Jobs and when the user asked for each, newest first, about apps that they still may see; results stay in the table.

    `after` is that of the last row seen: time and job. No states are all of them.
    """
    statement = (
        select(Job, JobAsker.asked_at)
        .options(defer(Job.result_text, raiseload=True))
        .join(JobAsker, JobAsker.job_id == Job.id)
        .join(Membership, and_(Membership.app_id == Job.app_id, Membership.user_id == JobAsker.user_id))
        .where(JobAsker.user_id == user_id)
    )
    if len(states) == 1:
        statement = statement.where(Job.state == states[0])
    elif states:
        statement = statement.where(Job.state.in_(states))
    if app_id is not None:
        statement = statement.where(Job.app_id == app_id)
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

"""The poll of a job as one statement: who asks, whether they may, and the job that answers."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, and_, bindparam, select
from sqlalchemy.orm import Session

from app.db.app import Membership
from app.db.crash import Crash
from app.db.job import Job, JobAsker, live_first
from app.db.token import Token


class Poll(NamedTuple):
    """A member's question about a crash, and the job found for it."""

    user_id: int
    job: Job
    revision: int  # of the crash
    seen_at: datetime | None  # when this user was last seen to ask for the job, if ever


def find_poll(
    session: Session, token_hash: str, now: datetime, crash_identifier: str, key: str, job_id: str | None
) -> Poll | None:
    """The live or else the newest job for a question, or the one with that id; None when any part of it is amiss."""
    values = {"token": token_hash, "now": now, "crash": crash_identifier, "key": key, "job": job_id}
    row = session.execute(_BY_KEY if job_id is None else _BY_ID, values).first()
    return Poll(*row) if row else None


def _statement(*conditions: ColumnElement[bool]) -> Select[int, Job, int, datetime | None]:
    # Built once: putting it together costs more than running it.
    return (
        select(Token.user_id, Job, Crash.revision, JobAsker.seen_at)
        .join(Membership, Membership.user_id == Token.user_id)
        .join(Crash, Crash.app_id == Membership.app_id)
        .join(Job, Job.crash_id == Crash.id)
        .outerjoin(JobAsker, and_(JobAsker.job_id == Job.id, JobAsker.user_id == Token.user_id))
        .where(
            Token.hash == bindparam("token"),
            Token.expires_at > bindparam("now"),
            Crash.identifier == bindparam("crash"),
            Job.key == bindparam("key"),
            *conditions,
        )
        .order_by(live_first(), Job.created_at.desc(), Job.id)
        .limit(1)
    )


_BY_KEY = _statement()
_BY_ID = _statement(Job.id == bindparam("job"))

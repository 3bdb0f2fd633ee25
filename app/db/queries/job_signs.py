"""What many who watch jobs have to know, by one statement: whether each may still see its job, and how far that is."""

from collections.abc import Iterable
from datetime import datetime
from types import ModuleType
from typing import NamedTuple

from sqlalchemy import Select, and_, bindparam, select

from app.db.driver_pool import Prepared
from app.db.engine import Database
from app.db.hot import as_rows, rows_of
from app.db.models.job import Job, JobAsker, JobState
from app.db.models.membership import Membership
from app.db.models.token import Token


class Watched(NamedTuple):
    """A job, and the login by which it is watched."""

    token_hash: str
    job_id: str


class Sign(NamedTuple):
    """What changes while a job is at work."""

    state: JobState
    attempt: int
    done: int
    total: int


def signs(db: Database, watched: Iterable[Watched], now: datetime) -> dict[Watched, Sign]:
    """The signs of jobs; one is missing whose login has ended, or whose user left it or may see it no more."""
    rows = as_rows({"hash": one.token_hash, "id": one.job_id} for one in watched)
    with db.driver() as driver:
        return {Watched(*row[:2]): Sign(*row[2:]) for row in driver.rows(_SIGNS, rows=rows, now=now)}


def _signs(dialect: ModuleType) -> Select[str, str, JobState, int, int, int]:
    jobs, tokens = Job.__table__.c, Token.__table__.c
    given = rows_of(dialect, tokens.hash, jobs.id)
    return (
        select(tokens.hash, jobs.id, jobs.state, jobs.attempt, jobs.progress_done, jobs.progress_total)
        .select_from(given)
        .join(Token, and_(tokens.hash == given.c.hash, tokens.expires_at > bindparam("now")))
        .join(Job, jobs.id == given.c.id)
        .join(JobAsker, and_(JobAsker.job_id == jobs.id, JobAsker.user_id == tokens.user_id))
        .join(Membership, and_(Membership.user_id == tokens.user_id, Membership.app_id == jobs.app_id))
    )


_SIGNS = Prepared(_signs)

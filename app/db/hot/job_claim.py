"""The claim of a job by a worker, and its end with a result, each in one statement; `poll` has the step before these."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Insert,
    ScalarSelect,
    Select,
    Update,
    bindparam,
    func,
    literal_column,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import aliased
from sqlalchemy.sql.dml import ReturningUpdate

from app.db.driver_pool import Prepared
from app.db.engine import Database
from app.db.hot import SqlText
from app.db.models.crash import Crash
from app.db.models.fair_share import FairShare
from app.db.models.job import Job, JobState
from app.db.models.job_part import JobPart
from app.db.queries.webhook_events import JOB_FINISHED
from app.db.work import LONGEST_PAUSE

RUNNING: ColumnElement[str] = literal_column("'running'")

RESULT = ("finished_at", "expires_at", "progress_done", "progress_total", "data_revision", "result_text", "result_key",
          "result_size", "result_sha256", "result_filename", "result_media_type")  # fmt: skip


class ClaimedJob(NamedTuple):
    """As much of a job as an attempt at it is made from; if it has a `result_size`, its result has been made already."""

    id: str
    kind: str
    params: str
    app_id: int
    crash_id: int | None
    request_id: str | None
    created_at: datetime
    queue: str
    attempt: int
    holder: str
    failures: int
    outage_since: datetime | None
    progress_total: int
    data_revision: int | None
    result_size: int | None = None  # bytes
    notified: int = 0  # how many webhooks are to be notified of its end

    @property
    def job(self) -> Job:
        """The job; of its columns there are CLAIMED."""
        return Job(**dict(zip(CLAIMED, self, strict=False)))


CLAIMED = ClaimedJob._fields[: ClaimedJob._fields.index("result_size")]

CLAIM_JOB = SqlText("claim_job", ClaimedJob)


def claim_next(
    db: Database,
    job_of_message: str,
    queue: str | None,
    now: datetime,
    *,
    worker: str,
    lease_expires_at: datetime,
    bounded: str,
    at_once: int,
) -> Job | None:
    """Begin an attempt at the next queued job, in `queue`, else in that of the task message's job.

    The tenant served least recently comes first, with its oldest job. None when no job waits there, or when it is
    the queue `bounded` and `at_once` of its jobs run already. The lock does not exclude users who join the job
    meanwhile: a stampede must not hide the job it asks for. Of the columns of the job only CLAIMED are set.
    """
    bounds = {"bounded": bounded, "at_once": at_once}
    values = {"worker": worker, "lease_expires_at": lease_expires_at, **bounds, **due_at(now)}
    with db.driver_write(together=False) as driver:  # a share noted for a worker that dies does no harm
        if db.is_postgresql:
            claimed = driver.first(CLAIM_JOB, job_of_message=job_of_message, queue=queue, **values)
            return claimed and claimed.job
        row = driver.first(_CLAIM_ON_SQLITE, job_of_message=job_of_message, queue=queue, **values)
        if row is None:
            return None
        job = ClaimedJob(*row).job
        driver.change(_SHARE_ON_SQLITE, app=job.app_id, now=now)
        return job


def due_at(now: datetime) -> dict[str, datetime]:
    """The parameters `now` and `latest` of a claim: due is what waits until neither of them, or to after the latter."""
    return {"now": now, "latest": now + LONGEST_PAUSE}


class StoredList(NamedTuple):
    """A finished result that lies in the storage and shows its crash as it is now."""

    key: str
    revision: int


_STORED_LIST = SqlText("stored_list", StoredList)


def find_stored_list(db: Database, crash_id: int, key: str) -> StoredList | None:
    """The newest stored result of the request with this key, if the crash has not changed since."""
    with db.driver() as driver:
        if db.is_postgresql:
            return driver.first(_STORED_LIST, crash=crash_id, key=key)
        row = driver.first(_STORED_LIST_ON_SQLITE, crash=crash_id, key=key)
    return StoredList(*row) if row else None


def _stored_list(*_: object) -> Select[str | None, int | None]:
    """The statement of stored_list.sql."""
    finished = (
        Job.key == bindparam("key"),
        Job.crash_id == bindparam("crash"),
        Job.state == literal_column("'finished'"),
    )
    stored = select(Job.result_key, Job.data_revision).join(Crash, Crash.id == Job.crash_id)
    stored = stored.where(*finished, Job.result_key.is_not(None), Job.data_revision == Crash.revision)
    return stored.order_by(Job.created_at.desc(), Job.id).limit(1)


def _claim(*_: object) -> ReturningUpdate[Any]:
    """The claim of claim_job.sql for SQLite: no worker beside this one, so what waits may be sorted."""
    waiting, named, other = aliased(Job), aliased(Job), aliased(Job)
    of_message = select(named.queue).where(named.id == bindparam("job_of_message")).scalar_subquery()
    queue = func.coalesce(bindparam("queue", type_=Job.__table__.c.queue.type), of_message)
    jobs = select(func.count()).select_from(other).where(other.state == RUNNING, other.queue == bindparam("bounded"))
    parts = select(func.count()).select_from(JobPart).join(other, other.id == JobPart.job_id)
    busy = jobs.scalar_subquery() + parts.where(JobPart.state == RUNNING, other.state == RUNNING).scalar_subquery()
    not_before = waiting.not_before
    due = or_(not_before.is_(None), not_before <= bindparam("now"), not_before > bindparam("latest"))
    is_room = or_(waiting.queue != bindparam("bounded"), busy < bindparam("at_once"))
    next_one: ScalarSelect[str] = (
        select(waiting.id)
        .outerjoin(FairShare, FairShare.app_id == waiting.app_id)
        .where(waiting.state == literal_column("'queued'"), waiting.queue == queue, due, is_room)
        .order_by(FairShare.served_at.asc().nulls_first(), waiting.created_at, waiting.id)
        .limit(1)
        .scalar_subquery()
    )
    begun = {
        "state": JobState.RUNNING,
        "attempt": Job.attempt + 1,
        "holder": bindparam("worker"),
        "started_at": bindparam("now"),
        "lease_expires_at": bindparam("lease_expires_at"),
        "preview_key": null(),
        "progress_done": 0,
    }
    claimed = (Job.__table__.c[name] for name in CLAIMED)
    return update(Job).where(Job.id == next_one).values(begun).returning(*claimed)


def _share(*_: object) -> Insert:
    insert = sqlite.insert(FairShare).values(app_id=bindparam("app"), served_at=bindparam("now"))
    return insert.on_conflict_do_update(
        index_elements=[FairShare.app_id], set_={"served_at": insert.excluded.served_at}
    )


_CLAIM_ON_SQLITE, _SHARE_ON_SQLITE, _STORED_LIST_ON_SQLITE = Prepared(_claim), Prepared(_share), Prepared(_stored_list)


class Finish(NamedTuple):
    """What came of finishing a job."""

    size: int  # bytes of its result
    notified: int  # how many webhooks are to be notified


_FINISH = SqlText("finish_job", Finish)


def finish_job(db: Database, job_id: str, attempt: int, holder: str | None, **result: Any) -> Finish | None:
    """Make a result visible, the columns RESULT, and write the deliveries to the app's webhooks along with it.

    None, and nothing is changed, when the job is another claim's by now. `holder`: None when the parts complete it.
    """
    if db.is_postgresql:
        with db.driver_write(together=False) as driver:
            return driver.first(_FINISH, job=job_id, attempt=attempt, holder=holder, **result)
    values = {f"new_{name}": result[name] for name in RESULT}
    with db.driver_write() as driver:
        if not driver.change(_FINISH_ON_SQLITE, job=job_id, attempt_of=attempt, holder_of=holder, **values):
            return None
        return Finish(result["result_size"], driver.change(JOB_FINISHED, job=job_id))


def _finish(*_: object) -> Update:
    """The UPDATE of finish_job.sql."""
    result = {name: bindparam(f"new_{name}", type_=Job.__table__.c[name].type) for name in RESULT}
    own = (Job.id == bindparam("job"), Job.state == RUNNING, Job.attempt == bindparam("attempt_of"))
    own_claim = Job.holder.is_not_distinct_from(bindparam("holder_of"))
    return update(Job).where(*own, own_claim).values(state=JobState.FINISHED, lease_expires_at=None, **result)


_FINISH_ON_SQLITE = Prepared(_finish)

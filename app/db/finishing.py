"""The end of a job that has a result: made visible, and told to webhooks along with it."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any, NamedTuple

from sqlalchemy import CTE, ColumnElement, ScalarSelect, bindparam, func, literal_column, select, update

from app.db import Database
from app.db.job import Job, JobState
from app.db.job_steps import RUNNING, at_ease_if
from app.db.prepared import Prepared
from app.db.webhook_events import JOB_FINISHED, deliveries

_JOB = Job.__table__.c
RESULT = ("finished_at", "expires_at", "progress_done", "progress_total", "data_revision", "result_text", "result_key",
          "result_size", "result_sha256", "result_filename", "result_media_type")  # fmt: skip


class Finish(NamedTuple):
    """What came of finishing a job."""

    size: int  # bytes of its result
    told: int  # how many webhooks are to be told


def finish_job(db: Database, job_id: str, attempt: int, **result: Any) -> Finish | None:
    """Make a result visible, the columns RESULT, and write the deliveries to the app's webhooks along with it.

    None, and nothing is changed, when the attempt is no longer the job's latest.
    """
    values = {f"new_{name}": result[name] for name in RESULT}
    if db.is_postgresql:
        with db.quick_write(together=False) as lane:
            row = lane.first(_FINISH_AND_TELL, job=job_id, attempt_of=attempt, **values)
        return Finish(*row[:2]) if row else None
    with db.quick_write() as lane:
        if not lane.change(_FINISH, job=job_id, attempt_of=attempt, **values):
            return None
        return Finish(result["result_size"], lane.change(JOB_FINISHED, job=job_id))


def _finish(dialect: ModuleType) -> Any:  # noqa: ARG001
    return _finishing({name: bindparam(f"new_{name}", type_=_JOB[name].type) for name in RESULT})


def _finish_and_tell(dialect: ModuleType) -> Any:
    return _and_tell(dialect, _finish(dialect))


def _finishing(result: Mapping[str, Any]) -> Any:
    own = (Job.id == bindparam("job"), Job.state == RUNNING, Job.attempt == bindparam("attempt_of"))
    return update(Job).where(*own).values(state=JobState.FINISHED, lease_expires_at=None, **result)


def _and_tell(dialect: ModuleType, finished: Any) -> Any:
    """Both as one statement, which is one trip."""
    done = finished.returning(_JOB.id, _JOB.app_id, _JOB.finished_at, _JOB.result_key, _JOB.result_size).cte("done")
    return select(done.c.result_size, told_of(dialect, done), at_ease_if(done.c.result_key.is_(None)))


def told_of(dialect: ModuleType, done: CTE, *conditions: ColumnElement[bool]) -> ScalarSelect[int]:
    """How many webhooks are to be told that a job is finished, whose columns id, app_id and finished_at are in `done`."""
    made = deliveries(dialect, "job.finished", done.c.app_id, done.c.id, done.c.finished_at, *conditions)
    told = made.returning(literal_column("1")).cte("told")
    return select(func.count()).select_from(told).scalar_subquery()


_FINISH, _FINISH_AND_TELL = Prepared(_finish), Prepared(_finish_and_tell)

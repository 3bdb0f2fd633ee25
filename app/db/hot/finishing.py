"""The end of a job that has a result: made visible, with the deliveries to webhooks."""

from typing import Any, NamedTuple

from sqlalchemy import Update, bindparam, update

from app.db.driver_pool import Prepared
from app.db.engine import Database
from app.db.hot import SqlText
from app.db.hot.job_claim import RUNNING
from app.db.models.job import Job, JobState
from app.db.queries.webhook_events import JOB_FINISHED

RESULT = ("finished_at", "expires_at", "progress_done", "progress_total", "data_revision", "result_text", "result_key",
          "result_size", "result_sha256", "result_filename", "result_media_type")  # fmt: skip


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

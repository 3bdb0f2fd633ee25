"""The end of a job that has a result: made visible, and told to webhooks along with it."""

from collections.abc import Mapping
from datetime import datetime
from types import ModuleType
from typing import Any, NamedTuple

from sqlalchemy import LargeBinary, Select, bindparam, cast, func, literal, literal_column, null, select, true, update

from app.db import Database
from app.db.crash import Crash
from app.db.job import Job, JobState
from app.db.job_steps import RUNNING, at_ease_if
from app.db.occurrence import FIRST_ROWS, Occurrence, chosen, json_text
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


def finish_with_list(
    db: Database,
    job_id: str,
    attempt: int,
    crash_id: int,
    *,
    finished_at: datetime,
    expires_at: datetime,
    filename: str,
    media_type: str,
    most: int,
) -> Finish | None:
    """Make all occurrences of a crash, newest first, the result of a job, as one statement that nobody else has to read.

    None, and nothing is changed, when there are more than FIRST_ROWS, or more than `most` bytes of them, or on SQLite, or
    when the attempt is no longer the job's latest.
    """
    if not db.is_postgresql:
        return None
    values = {
        "new_finished_at": finished_at,
        "new_expires_at": expires_at,
        "filename": filename,
        "media_type": media_type,
    }
    with db.quick_write(together=False) as lane:
        row = lane.first(_FINISH_WITH_LIST, job=job_id, attempt_of=attempt, crash=crash_id, most=most, **values)
    return Finish(*row[:2]) if row else None


def _finish(dialect: ModuleType) -> Any:  # noqa: ARG001
    return _finishing({name: bindparam(f"new_{name}", type_=_JOB[name].type) for name in RESULT})


def _finish_and_tell(dialect: ModuleType) -> Any:
    return _and_tell(dialect, _finish(dialect))


def _finish_with_list(dialect: ModuleType) -> Any:
    few = _list().cte("few")
    size = func.octet_length(few.c.text)
    sha256 = func.encode(func.sha256(few.c.utf8), literal_column("'hex'"))
    made = {"result_text": few.c.text, "result_key": null(), "result_size": size, "result_sha256": sha256}
    named: dict[str, Any] = {"result_filename": bindparam("filename"), "result_media_type": bindparam("media_type")}
    counted = {"progress_done": few.c.rows, "progress_total": few.c.rows, "data_revision": few.c.revision}
    times = {name: bindparam(f"new_{name}", type_=_JOB[name].type) for name in ("finished_at", "expires_at")}
    finished = _finishing({**made, **named, **counted, **times}).where(size <= bindparam("most"))
    return _and_tell(dialect, finished)


def _finishing(result: Mapping[str, Any]) -> Any:
    own = (Job.id == bindparam("job"), Job.state == RUNNING, Job.attempt == bindparam("attempt_of"))
    return update(Job).where(*own).values(state=JobState.FINISHED, lease_expires_at=None, **result)


def _and_tell(dialect: ModuleType, finished: Any) -> Any:
    """Both as one statement, which is one trip."""
    done = finished.returning(_JOB.id, _JOB.app_id, _JOB.finished_at, _JOB.result_key, _JOB.result_size).cte("done")
    made = deliveries(dialect, "job.finished", done.c.app_id, done.c.id, done.c.finished_at)
    told = made.returning(literal_column("1")).cte("told")
    at_ease = at_ease_if(done.c.result_key.is_(None))
    return select(done.c.result_size, select(func.count()).select_from(told).scalar_subquery(), at_ease)


def _list() -> Select[Any]:
    """The whole list of a crash that has few occurrences, as JSON text and in UTF-8, and the revision that it shows."""
    newest_first = chosen(bindparam("crash"), None, None).order_by(Occurrence.occurred_at.desc(), Occurrence.id.desc())
    rows = newest_first.with_only_columns(json_text(is_postgresql=True).label("row")).limit(FIRST_ROWS).subquery()
    joined = func.coalesce(func.string_agg(rows.c.row, literal_column("','")), literal_column("''"))
    text = literal("[") + joined + "]"
    whole = select(text.label("text"), func.count().label("rows")).select_from(rows).subquery()
    utf8 = func.convert_to(whole.c.text, literal_column("'UTF8'"))
    few = select(Crash.revision, whole.c.text, cast(utf8, LargeBinary).label("utf8"), whole.c.rows).join(whole, true())
    return few.where(Crash.id == bindparam("crash"), Crash.occurrences_count <= FIRST_ROWS)


_FINISH, _FINISH_AND_TELL = Prepared(_finish), Prepared(_finish_and_tell)
_FINISH_WITH_LIST = Prepared(_finish_with_list)

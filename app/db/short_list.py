"""A short list, for which nothing has to be worked out in Python: PostgreSQL makes it in the step that would begin its job."""

from datetime import datetime
from types import ModuleType
from typing import Any, NamedTuple

from sqlalchemy import (
    CTE,
    ColumnElement,
    LargeBinary,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    literal_column,
    null,
    select,
    update,
)
from sqlalchemy.orm import aliased

from app.db import Database
from app.db.crash import Crash
from app.db.finishing import Finish, told_of
from app.db.job import Job
from app.db.job_steps import BEGUN, CLAIMED, at_ease_if, following, turned
from app.db.occurrence import FIRST_ROWS, Occurrence, json_text
from app.db.prepared import Prepared

CRASH = "@"  # in the texts of ShortList: the crash's identifier

_JOB = Job.__table__.c


class ShortList(NamedTuple):
    """The question whose answer this is, and how it is called. CRASH stands for the identifier of the crash."""

    kind: str
    params: str  # JSON, as in the job's row
    filename: str
    media_type: str


class Begun(NamedTuple):
    """A job that was begun; of its columns there are CLAIMED."""

    job: Job
    finish: Finish | None  # it has its result already


def claim_or_finish(
    db: Database,
    rung: str,
    queue: str | None,
    now: datetime,
    *,
    expires_at: datetime,
    most: int,
    short: ShortList,
    **values: Any,
) -> Begun | None:
    """What `job_steps.claim_next` does or, if the job's answer is a list of at most `most` bytes, make that its result.

    A list has at most FIRST_ROWS rows and shows the crash as it is in this moment. A job that has failed before takes the
    long way. `values`: the others of `claim_next`. PostgreSQL only.
    """
    assert db.is_postgresql
    with db.quick_write(together=False) as lane:
        row = lane.first(
            _CLAIM_OR_FINISH,
            rung=rung,
            queue=queue,
            now=now,
            expires=expires_at,
            most=most,
            **short._asdict(),
            **values,
        )
    if row is None:
        return None
    *claimed, size, told = row[: len(CLAIMED) + 2]
    job = Job(**dict(zip(CLAIMED, claimed, strict=True)))
    return Begun(job, None if size is None else Finish(size, told))


def _claim_or_finish(dialect: ModuleType) -> Any:
    made = _made_for(following(dialect))
    is_made = made.c.text.is_not(None)
    result = {
        "state": literal_column("'finished'"),
        "finished_at": bindparam("now", type_=_JOB.finished_at.type),
        "expires_at": bindparam("expires", type_=_JOB.expires_at.type),
        "lease_expires_at": null(),
        "progress_done": made.c.rows,
        "progress_total": made.c.rows,
        "data_revision": made.c.revision,
        "result_text": made.c.text,
        "result_size": func.octet_length(made.c.text),
        "result_sha256": func.encode(func.sha256(made.c.utf8), literal_column("'hex'")),
        "result_filename": func.replace(bindparam("filename", type_=Text()), CRASH, made.c.identifier),
        "result_media_type": bindparam("media_type", type_=_JOB.result_media_type.type),
    }
    begun = {**BEGUN, "state": literal_column("'running'")}
    either = {name: case((is_made, value), else_=begun.get(name, _JOB[name])) for name, value in result.items()}
    columns = (*(_JOB[name] for name in CLAIMED), _JOB.finished_at, _JOB.result_size)
    own = Job.id == made.c.id  # which has been locked as it is now, and found queued
    done = update(Job).where(own).values({**begun, **either}).returning(*columns).cte("done")
    told = told_of(dialect, done, done.c.result_size.is_not(None))
    at_ease = at_ease_if(done.c.queue == literal_column("'short'"))
    answer = select(*(done.c[name] for name in CLAIMED), done.c.result_size, told, at_ease)
    return answer.add_cte(turned(dialect, done))


def _made_for(next_one: ColumnElement[str]) -> CTE:
    """The job that is next and, if it asks for no more than that, the list of its crash: as JSON text and in UTF-8."""
    job = aliased(Job)
    newest_first = select(json_text(is_postgresql=True).label("row")).where(Occurrence.crash_id == Crash.id)
    newest_first = newest_first.order_by(Occurrence.occurred_at.desc(), Occurrence.id.desc()).limit(FIRST_ROWS)
    rows = newest_first.correlate(Crash).subquery()
    joined = func.coalesce(func.string_agg(rows.c.row, literal_column("','")), literal_column("''"))
    text = literal("[") + joined + "]"
    whole = select(text.label("text"), func.count().label("rows")).select_from(rows).lateral("whole")
    asks_for_it = and_(
        Crash.id == job.crash_id,
        Crash.occurrences_count <= FIRST_ROWS,
        job.kind == bindparam("kind"),
        job.params == func.replace(bindparam("params", type_=Text()), CRASH, Crash.identifier),
        job.strikes == literal_column("0"),
    )
    is_small = and_(Crash.id.is_not(None), func.octet_length(whole.c.text) <= bindparam("most"))
    utf8 = cast(func.convert_to(whole.c.text, literal_column("'UTF8'")), LargeBinary)
    columns = (job.id, Crash.revision, Crash.identifier, whole.c.text, whole.c.rows, utf8.label("utf8"))
    found = select(*columns).select_from(job).outerjoin(Crash, asks_for_it).outerjoin(whole, is_small)
    return found.where(job.id == next_one).cte("made")


_CLAIM_OR_FINISH = Prepared(_claim_or_finish)

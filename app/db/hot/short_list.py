"""Short lists, for which nothing has to be worked out in Python: PostgreSQL makes one by the statement that claims its job."""

from datetime import datetime
from typing import Any, NamedTuple

from app.db.engine import Database
from app.db.hot import SqlText
from app.db.hot.job_claim import ClaimedJob, Finish, due_at
from app.db.models.job import Job
from app.db.models.occurrence import FIRST_ROWS

CRASH = "@"  # in the texts of ShortList: the crash's identifier


class ShortList(NamedTuple):
    """The request whose answer this is, and how it is called. CRASH stands for the identifier of the crash."""

    kind: str
    params: str  # JSON, as in the job's row
    filename: str
    media_type: str


class ClaimedOrFinished(NamedTuple):
    """A job that was begun; of its columns there are CLAIMED."""

    job: Job
    finish: Finish | None = None  # it has its result already


CLAIM_OR_FINISH = SqlText("claim_or_finish", ClaimedJob)


def claim_or_finish(
    db: Database,
    job_of_message: str,
    queue: str | None,
    now: datetime,
    *,
    expires_at: datetime,
    most: int,
    short: ShortList,
    **values: Any,
) -> ClaimedOrFinished | None:
    """What `job_claim.claim_next` does or, if the job's answer is a list of at most `most` bytes, make that its result.

    A list has at most FIRST_ROWS rows and shows the crash as the statement sees it. A job that has failed before takes the
    long way. `values`: the others of `claim_next`. PostgreSQL only.
    """
    sizes = {"most_bytes": most, "most_rows": FIRST_ROWS}
    values |= {"job_of_message": job_of_message, "queue": queue, "expires_at": expires_at}
    with db.driver_write(together=False) as driver:
        claimed = driver.first(CLAIM_OR_FINISH, **values, **due_at(now), **sizes, **short._asdict())
    if claimed is None:
        return None
    size = claimed.result_size
    return ClaimedOrFinished(claimed.job, None if size is None else Finish(size, claimed.notified))

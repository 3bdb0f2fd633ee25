"""Lists made at the claim, a part for speed (`app.speed`): PostgreSQL makes a short list as it claims the job for it."""

from datetime import datetime, timedelta
from typing import Any

import structlog

from app.db.hot import short_list
from app.db.hot.job_claim import claim_next
from app.db.hot.short_list import ClaimedOrFinished, ShortList
from app.errors import TransientError
from app.jobs.attempt import IN_ROW_LIMIT
from app.services import Services

log = structlog.get_logger()


def claim_or_finish(
    services: Services, short: ShortList, job_of_message: str, queue: str | None, now: datetime, values: dict[str, Any]
) -> ClaimedOrFinished | None:
    """What `claim_next` does; a job for a short list comes with its end. `values`: the others of `claim_next`."""
    expires_at = now + timedelta(seconds=services.config.result_lifetime)
    of_list: dict[str, Any] = {"expires_at": expires_at, "most": IN_ROW_LIMIT, "short": short}
    try:
        return short_list.claim_or_finish(services.db, job_of_message, queue, now, **of_list, **values)
    except TransientError:
        raise
    except Exception as error:  # the job is begun without the list that broke it, and fails by itself if it must
        log.exception("short_list_broke", error=type(error).__name__)
        job = claim_next(services.db, job_of_message, queue, now, **values)
        return ClaimedOrFinished(job) if job else None

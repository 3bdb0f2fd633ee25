"""Results whose stored bytes are gone or damaged: their job counts as expired, so that asking again makes them anew."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import structlog

from app.db.models.job import expire
from app.jobs.job_type import AnyJob
from app.jobs.outcomes import ResultLost
from app.services import Services
from app.storage import ObjectNotFound

log = structlog.get_logger()


@contextmanager
def lost_result_expires(services: Services, job: AnyJob) -> Iterator[None]:
    """For what opens the stored result of a finished job. Raises ResultLost where it is gone or damaged."""
    try:
        yield
    except ObjectNotFound as error:
        forget_at = services.now() + timedelta(seconds=services.config.tombstone_lifetime)
        with services.db.write() as session:
            is_first = expire(session, job.id, forget_at)
        if is_first:
            log.warning("result_lost", job=job.id, code=error.code)
        raise ResultLost from error

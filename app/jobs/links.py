"""Signed links to what jobs have stored, for any client."""

import structlog
from itsdangerous import BadSignature, URLSafeTimedSerializer

from app.errors import NotFound
from app.jobs.job_type import AnyJob
from app.services import Services

SALT = "crashq download"  # a signature made for anything else opens nothing here

log = structlog.get_logger()


NOT_FOUND = "This link is not valid"


def link(services: Services, job: AnyJob, user_id: int) -> str:
    """A path that serves the job's stored bytes until the result expires, or the user may see the app no more."""
    return f"/api/downloads/{_serializer(services).dumps([job.id, job.attempt, user_id])}"


def part_link(services: Services, job: AnyJob, number: int, user_id: int) -> str:
    """The same for one part of a job that was made in parts."""
    return f"/api/downloads/{_serializer(services).dumps([job.id, job.attempt, user_id, number])}"


def read_link(services: Services, signed: str) -> tuple[str, int, int, int | None]:
    """(job id, attempt, user id, the part's number or None) of a path's end. Raises NotFound."""
    try:
        job_id, attempt, user_id, *rest = _serializer(services).loads(signed)
    except (BadSignature, ValueError):
        raise NotFound(NOT_FOUND) from None
    return job_id, attempt, user_id, rest[0] if rest else None


def _serializer(services: Services) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(services.config.secret_key, salt=SALT)

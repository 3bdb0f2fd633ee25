"""Job results on a page: requested when the page is opened, and followed by its JavaScript until they are there."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from app.errors import AppError
from app.jobs import JOB_TYPES, service
from app.jobs.answering import lost_result_expires
from app.jobs.job_type import AnyJob
from app.storage import ObjectNotFound
from app.web.auth import services

MAX_SHOWN = 4 * 1024 * 1024  # bytes of a result that a page is made of
TOO_LONG = "This is too long to be shown here; download it instead"


@dataclass(frozen=True)
class PageResult:
    """The request of a page, and as much of its result as there is."""

    path: str  # of the request at the API
    result: Any = None  # None: not there yet, or there is a problem
    problem: str | None = None  # a sentence

    @property
    def is_pending(self) -> bool:
        """True while its job is at work."""
        return self.result is None and self.problem is None


def ask(user_id: int, job_type: str, identifier: str, query: Mapping[str, str]) -> PageResult:
    """Start, join or find the job that answers; an error that it ended with is the `problem`.

    `result` is the JSON that the job has made, of a report the report itself.
    """
    path = request_path(job_type, identifier, query)
    try:
        job = service.ask(services(), user_id, job_type, identifier, query)
        if job.is_live:
            return PageResult(path)
        if (job.result_size or 0) > MAX_SHOWN:
            return PageResult(path, problem=TOO_LONG)
        with lost_result_expires(services(), job):
            content = _content(job)
        return PageResult(path, result=json.loads(content))
    except AppError as error:
        return PageResult(path, problem=error.message)


def request_path(job_type: str, identifier: str, query: Mapping[str, str]) -> str:
    """Where the API takes the request."""
    head, _, rest = JOB_TYPES[job_type].PATH.partition("<")
    path = f"/api{head}{identifier}{rest.partition('>')[2]}"
    return f"{path}?{urlencode(query)}" if query else path


def _content(job: AnyJob) -> bytes:
    if job.result_text is not None:
        return job.result_text.encode()
    if job.result_key is None:
        raise ObjectNotFound
    return services().storage.get(job.result_key, job.result_size)

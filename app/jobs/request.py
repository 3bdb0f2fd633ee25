"""A request for a computed result, normalised: equal requests have equal keys, and one job answers them."""

from collections.abc import Mapping
from typing import NamedTuple

from pydantic import BaseModel

from app.jobs import JOB_TYPES
from app.jobs.job_type import key_of


class JobRequest(NamedTuple):
    """What is asked for; by whom stands beside it."""

    job_type: str  # name of the job type
    params: BaseModel
    key: str  # see `key_of`
    job_id: str | None = None  # ask for that very job


def request_for(job_type: str, params: BaseModel) -> JobRequest:
    """The request for what a job of that type computes from these params."""
    return JobRequest(job_type, params, key_of(job_type, params))


def read_request(job_type: str, identifier: str, query: Mapping[str, str]) -> JobRequest:
    """The request that a client makes; `job_id` of its query names a job. Raises BadParameters."""
    params = JOB_TYPES[job_type].read(identifier, {name: value for name, value in query.items() if name != "job_id"})
    return JobRequest(job_type, params, key_of(job_type, params), query.get("job_id") or None)

"""Shows, lists, cancels and repeats jobs. Requests that jobs answer are in `polling`."""

from typing import Annotated

from pydantic import Field

from app.identity.access import Access
from app.jobs import service
from app.jobs.envelope import JobBody, description
from app.jobs.user_jobs import STATES, asked_by, cancel
from app.json_models import After, OneOf, Query
from app.paging import cursor
from app.web.api import tags
from app.web.api.resource import Page, Paging, Resource
from app.web.auth import services

resource = Resource("jobs", tags.JOBS, url_prefix="/api", access=Access.USER)
JobIdentifier = Annotated[str, Field(description="From an envelope")]


class JobsQuery(Query):
    """Which jobs a list has."""

    state: Annotated[str, OneOf(tuple(STATES)), Field(description="`live` is queued or running")] = ""
    app_identifier: str = Field(default="", description="Only those about this app")
    after: After = None


@resource.get("/jobs", "listJobs", "Jobs that you asked for", about="Newest first", errors=(404,))
def list_jobs(user: int, paging: Paging, query: JobsQuery) -> Page[JobBody]:
    """The jobs that the user has requested, newest first; pages by `after`, or by `page`."""
    offset = 0 if query.after else paging.offset
    rows = asked_by(
        services(),
        user,
        paging.limit,
        offset,
        state=query.state,
        app_identifier=query.app_identifier,
        after=query.after,
    )
    is_numbered = "page" in paging.query and not query.after
    after = None if is_numbered else (lambda row: cursor(row[1], row[0].id))
    return Page.of(rows, paging, lambda row: description(row[0]), after)


@resource.get("/jobs/<job_id>", "showJob", "A job", about="The job", errors=(404,))
def show_job(user: int, job_id: JobIdentifier) -> JobBody:
    """State, progress, attempts, times, error and question of a job."""
    return description(service.look_up(services(), user, job_id))


@resource.delete(
    "/jobs/<job_id>", "cancelJob", "Cancel a live job, or free the files of a finished one", about="The job",
    errors=(404,),
)  # fmt: skip
def cancel_job(user: int, job_id: JobIdentifier) -> JobBody:
    """Cancel a live job, or free the files of a finished one."""
    return description(cancel(services(), user, job_id))


@resource.post(
    "/jobs/<job_id>/retry", "retryJob", "Ask anew what a failed, cancelled or expired job was asked", status=202,
    about="The new job", errors=(403, 404, 409, 429),
)  # fmt: skip
def retry_job(user: int, job_id: JobIdentifier) -> JobBody:
    """Ask anew what a failed, cancelled or expired job was asked."""
    return description(service.ask_again(services(), user, job_id))

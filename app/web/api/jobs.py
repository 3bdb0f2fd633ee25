"""Mounts every job type at its path, and shows, lists and cancels jobs."""

from typing import Annotated

from flask import Response, request
from pydantic import Field

from app.identity.access import Access
from app.jobs import JOB_TYPES, service
from app.jobs.envelope import JobBody, description
from app.jobs.job_type import AnyJob, JobType
from app.jobs.user_jobs import STATES, asked_by, cancel
from app.json_models import After, OneOf, Query
from app.paging import cursor
from app.web.api import polling, tags
from app.web.api.holding import hold
from app.web.api.job_response import job_response
from app.web.api.request_values import request_values
from app.web.api.resource import Page, Paging, Resource
from app.web.api.waiting import wanted_wait
from app.web.auth import services, user_id

resource = Resource("jobs", tags.JOBS, url_prefix="/api", access=Access.USER)
JobIdentifier = Annotated[str, Field(description="From an envelope")]


def _mount(name: str, kind: JobType) -> None:
    """Submitting and polling are the same request."""

    def get(**path: str) -> Response:
        poll = polling.this_poll(name, path[kind.subject])
        seconds = wanted_wait(request.headers.get("Prefer", ""))
        user, job = polling.answer(poll, is_held=seconds is not None)
        return job_response(user, job) if seconds is None else _held(name, user, job, seconds, poll)

    def post(**path: str) -> Response:
        user = user_id()
        job = service.ask(services(), user, name, path[kind.subject], request_values())
        seconds = wanted_wait(request.headers.get("Prefer", ""))
        return job_response(user, job) if seconds is None else _held(name, user, job, seconds, None)

    view = get if kind.METHOD == "GET" else post
    resource.add_url_rule(kind.PATH, endpoint=name, view_func=view, methods=[kind.METHOD])


for _name, _kind in JOB_TYPES.items():
    _mount(_name, _kind)


def _held(name: str, user: int, job: AnyJob, seconds: int, poll: polling.Poll | None) -> Response:
    if not job.is_live:
        return job_response(user, job)
    latest, was_held = hold(name, user, job, seconds, poll)
    response = job_response(user, latest)
    if was_held:
        response.headers["Preference-Applied"] = f"wait={seconds}"
    return response


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

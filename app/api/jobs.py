"""Mounts every job type at its path, and shows, lists and cancels jobs."""

from flask import Blueprint, Response, request

from app.api import answers, polling
from app.api.context import services, user_id
from app.api.job_response import job_response
from app.api.page_window import link_after, link_next, window
from app.api.request_values import request_values
from app.api.waiting import wanted_wait
from app.cursors import cursor, read_cursor
from app.jobs import JOB_TYPES, service
from app.jobs.cancelling import cancel
from app.jobs.envelope import description
from app.jobs.job_type import AnyJob, JobType
from app.jobs.listing import asked_by

blueprint = Blueprint("jobs", __name__, url_prefix="/api")


def _mount(name: str, job_type: JobType) -> None:
    """Submitting and polling are the same request."""

    def get(**path: str) -> Response:
        poll = polling.this_poll(name, path[job_type.subject])
        seconds = wanted_wait(request.headers.get("Prefer", ""))
        if seconds is None:
            return job_response(*polling.ask_with_brief_wait(poll))
        user, job = polling.ask_or_repeat(poll, is_held=True)
        return _held(name, user, job, seconds, poll)

    def post(**path: str) -> Response:
        user = user_id()
        job = service.ask(services(), user, name, path[job_type.subject], request_values())
        seconds = wanted_wait(request.headers.get("Prefer", ""))
        return job_response(user, job) if seconds is None else _held(name, user, job, seconds, None)

    view = get if job_type.METHOD == "GET" else post
    blueprint.add_url_rule(job_type.PATH, endpoint=name, view_func=view, methods=[job_type.METHOD])


for _name, _job_type in JOB_TYPES.items():
    _mount(_name, _job_type)


def _held(name: str, user: int, job: AnyJob, seconds: int, poll: polling.Poll | None) -> Response:
    if not job.is_live:
        return job_response(user, job)
    latest, was_held = polling.hold(name, user, job, seconds, poll)
    response = job_response(user, latest)
    if was_held:
        response.headers["Preference-Applied"] = f"wait={seconds}"
    return response


@blueprint.get("/jobs")
def list_jobs() -> Response:
    """The jobs that the user has asked for, newest first: `state`, `app_identifier`; pages by `after`, or by `page`."""
    user, query = user_id(), request.args.to_dict()
    limit, offset = window(query)
    after = read_cursor(query["after"]) if query.get("after") else None
    wanted = {"state": query.get("state", ""), "app_identifier": query.get("app_identifier", "")}
    rows = asked_by(services(), user, limit, 0 if after else offset, after=after, **wanted)
    page = rows[: limit - 1]
    response = answers.success([description(job) for job, _ in page])
    if "page" in query and not after:
        return link_next(response, rows, query)
    return link_after(response, cursor(page[-1][1], page[-1][0].id), query) if len(rows) == limit else response


@blueprint.post("/jobs/<job_id>/retry")
def retry_job(job_id: str) -> Response:
    """Ask anew what a failed, cancelled or expired job was asked."""
    return answers.success(description(service.ask_again(services(), user_id(), job_id)), 202)


@blueprint.get("/jobs/<job_id>")
def show_job(job_id: str) -> Response:
    """State, progress, attempts, times, error and request of a job."""
    return answers.success(description(service.look_up(services(), user_id(), job_id)))


@blueprint.delete("/jobs/<job_id>")
def cancel_job(job_id: str) -> Response:
    """Cancel a live job, or free the files of a finished one."""
    return answers.success(description(cancel(services(), user_id(), job_id)))

"""The jobs that a user has asked for: how far each is, why one failed, and what to do next."""

import json
from typing import Any

from flask import Blueprint, Response, request

from app.db.models.app import App, apps_of
from app.db.models.crash import Crash
from app.db.models.job import Job, JobState
from app.db.models.job_part import parts_of
from app.db.queries.lists import subjects_of
from app.errors import Conflict
from app.identity.access import Access
from app.jobs import JOB_TYPES, service, user_jobs
from app.jobs.links import link, part_link
from app.jobs.reasons import reason_of
from app.jobs.report_making import rules_of
from app.jobs.user_jobs import STATES, asked_by
from app.paging import cursor
from app.web.auth import services
from app.web.console.page import Nav, go, render, signed_in
from app.web.console.page_access import needs
from app.web.console.paging import read_cursor_window

NAV = Nav("Jobs", "jobs.show", "jobs", 90)

blueprint = Blueprint("jobs", __name__)

MOST_APPS = 200  # to choose from
MOST_FILES = 50  # parts of a batch that a page links; the manifest tells all
NAMES = {
    "occurrences": "List of occurrences",
    "export_occurrence": "Report",
    "crash_batch": "Batch of a crash",
    "app_batch": "Batch of an app",
    "crash_statistics": "Statistics of a crash",
    "app_statistics": "Statistics of some crashes",
    "app_totals": "Statistics of an app",
    "release": "One release, or two side by side",
    "releases": "Releases of an app",
}
TABS = (("", "All"), ("live", "At work"), ("finished", "Finished"), ("failed", "Failed"), ("cancelled", "Cancelled"),
        ("expired", "Expired"))  # fmt: skip
KINDS = (("", "Reports and batches"), ("all", "All jobs"))
MOODS = {
    JobState.QUEUED: "plain",
    JobState.RUNNING: "accent",
    JobState.FINISHED: "good",
    JobState.FAILED: "bad",
    JobState.CANCELLED: "warn",
    JobState.EXPIRED: "plain",
}
ABOUT_STATES = {
    JobState.QUEUED: "It waits for a worker.",
    JobState.RUNNING: "A worker is at it.",
    JobState.FINISHED: "Its result is there until it expires.",
    JobState.CANCELLED: "It was cancelled before it ended. Retry it to ask again.",
    JobState.EXPIRED: "Its result was deleted for its age, or freed. Retry it to make it again.",
}


@blueprint.get("/jobs")
@needs(Access.USER)
def show() -> Response:
    """Newest first, those of one state or about one app if asked so; without what pages and programs read."""
    who, window = signed_in(), read_cursor_window()
    state, chosen = request.args.get("state", ""), request.args.get("app_identifier", "")
    state = state if state in STATES else ""
    shows_all = request.args.get("show") == "all"
    rows = asked_by(
        services(),
        who.user_id,
        window.limit,
        state=state,
        app_identifier=chosen,
        for_people=not shows_all,
        after=window.after,
    )
    page = window.page_of(rows)
    with services().db.read() as session:
        apps = apps_of(session, who.user_id, MOST_APPS, 0)
    return render(
        "jobs.html",
        rows=_rows([job for job, _ in page]),
        window=window,
        tabs=TABS,
        kinds=KINDS,
        shown="all" if shows_all else "",
        state=state,
        chosen=chosen,
        choices=[("", "All apps"), *((app.identifier, app.name) for app in apps)],
        next_after=cursor(page[-1][1], page[-1][0].id) if window.has_next(rows) else "",
    )


@blueprint.get("/jobs/<job_id>")
@needs(Access.USER)
def show_one(job_id: str) -> Response:
    """All that is known of one job."""
    job = service.look_up(services(), user_id := signed_in().user_id, job_id)
    [row] = _rows([job])
    files, left_out = _files(job, user_id)
    parameters = {name: value for name, value in json.loads(job.params).items() if value not in (None, [], "")}
    return render("job.html", row=row, job=job, parameters=parameters, files=files, left_out=left_out, here="jobs.show")


@blueprint.post("/jobs/<job_id>/cancel")
@needs(Access.USER)
def cancel(job_id: str) -> Response:
    """Cancel a live job, or free the files of a finished one."""
    was_live = service.look_up(services(), (who := signed_in()).user_id, job_id).is_live
    job = user_jobs.cancel(services(), who.user_id, job_id)
    if job.is_live:
        return go("jobs.show", "Others wait for this job as well, so it goes on; it is off your list.", "plain")
    return go("jobs.show", "The job is cancelled." if was_live else "Its files are deleted.")


@blueprint.post("/jobs/<job_id>/retry")
@needs(Access.USER)
def retry(job_id: str) -> Response:
    """Ask a job's request anew."""
    try:
        job = service.ask_again(services(), signed_in().user_id, job_id)
    except Conflict as error:
        return go("jobs.show_one", f"{error.message}.", "bad", job_id=job_id)
    return go("jobs.show_one", "Requested again.", job_id=job.id)


def _files(job: Job, user_id: int) -> tuple[list[dict[str, Any]], int]:
    """(what a finished job has stored, of a batch first its manifest; how many of its parts are not among them)."""
    if job.state != JobState.FINISHED or job.result_key is None:
        return [], 0
    with services().db.read() as session:
        parts = parts_of(session, job.id)
    files = [
        {"path": link(services(), job, user_id), "name": job.result_filename, "size": job.result_size, "rows": None}
    ]
    files += [
        {"path": part_link(services(), job, part.number, user_id), "name": part.filename, "size": part.size,
         "rows": part.rows}
        for part in parts[:MOST_FILES]
    ]  # fmt: skip
    return files, max(len(parts) - MOST_FILES, 0)


def _rows(jobs: list[Job]) -> list[dict[str, Any]]:
    """What the templates show of jobs; titles as the app's rules let them out."""
    with services().db.read() as session:
        apps, crashes = subjects_of(session, jobs)
        rules = {app_id: rules_of(session, app_id)[0] for app_id in apps}
    return [_row(job, apps[job.app_id], crashes.get(job.crash_id or 0), rules[job.app_id].text) for job in jobs]


def _row(job: Job, app: App, crash: Crash | None, shown: Any) -> dict[str, Any]:
    return {
        "id": job.id,
        "name": NAMES.get(job.kind, job.kind.replace("_", " ").capitalize()),
        "state": job.state.value,
        "mood": MOODS[job.state],
        "about": ABOUT_STATES.get(job.state, ""),
        "is_live": job.is_live,
        "done": job.progress_done,
        "total": max(job.progress_total, job.progress_done),
        "unit": JOB_TYPES[job.kind].UNIT,
        "attempts": job.attempt,
        "created_at": job.created_at,
        "app": app,
        "crash": crash,
        "title": shown(crash.title) if crash else None,
        "reason": reason_of(job.error_code) if job.state == JobState.FAILED else None,
        "can_retry": job.state in (JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED),
        "can_free": job.state == JobState.FINISHED,
    }

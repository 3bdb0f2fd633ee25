"""Holds a request for the seconds of its `Prefer: wait=N` (RFC 7240), until its job ends."""

from flask import current_app

from app.jobs import service
from app.jobs.answering import answered, answering, is_live
from app.jobs.job_type import AnyJob
from app.jobs.service import is_short
from app.web.api import polling
from app.web.api.job_response import age
from app.web.api.waiting import LONG, WaitingRooms
from app.web.auth import services

WAITING = "crashq.waiting"


def hold(job_type: str, user: int, job: AnyJob, seconds: int, poll: polling.Poll | None) -> tuple[AnyJob, bool]:
    """Hold the request until a live job has ended, for so many seconds at most.

    Returns the job as it stands then, and False if there was no place to wait. Raises what became of the job. `poll`: what a
    GET asks; all its checks are made at each look, so that a login which ends meanwhile is heeded.
    """
    latest: AnyJob | None = None

    def is_over() -> bool:
        nonlocal latest
        latest = polling.look(poll, job.id) if poll else None
        return not (latest.is_live if latest else is_live(services(), job))

    rooms: WaitingRooms = current_app.extensions[WAITING]
    was_held = rooms.held.wait(seconds, job_type if is_short(job) else LONG, age(job), is_over)
    if latest is None:
        return answering(service.look_up(services(), user, job.id), services().now()), was_held
    if not latest.is_live:
        answered(services(), latest)
    return latest, was_held

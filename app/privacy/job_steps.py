"""The steps of an erasure that take away what jobs have made of the user's data."""

import json
from datetime import timedelta

from app.db.hot.poll import FoundCrash
from app.db.models.app import App
from app.db.models.crash import Crash
from app.db.models.erasure import Erasure, noted_crashes
from app.db.models.job import Job, JobState, move
from app.db.models.job_part import drop_parts
from app.db.queries.erasing import crashes_with_ids, drop_jobs, jobs_after, log_names, was_regrouped
from app.errors import TransientError
from app.jobs import JOB_TYPES
from app.jobs.answering import is_current
from app.jobs.attempt import discard
from app.privacy.erasure_slice import ErasureSlice
from app.queueing.broker import PARTS
from app.storage import job_folder

JOBS_AT_ONCE = 100

Verdicts = dict[str, bool]
"""Id of a job that is concerned -> whether its row itself tells of the user."""


def end_jobs(slice_: ErasureSlice, place: str) -> str | None:
    """What is being made of data read before is stopped, what was made of it expires.

    A job that waits reads what is there when it begins: it is left alone, unless its request names the user.
    """
    services = slice_.services
    with services.db.read() as session:
        jobs = jobs_after(session, slice_.app_id, place, JOBS_AT_ONCE)
    verdicts = _verdicts(slice_, jobs)
    now = services.now()
    forget_at = now + timedelta(seconds=services.config.tombstone_lifetime)
    wait_until = now + timedelta(seconds=services.config.job_lease)
    with services.db.write() as session:
        slice_.note(session, jobs[-1].id if jobs else place)
        for job in jobs:
            if job.id not in verdicts:
                continue
            stoppable = (JobState.RUNNING, JobState.QUEUED) if verdicts[job.id] else (JobState.RUNNING,)
            stopped = move(session, job.id, stoppable, state=JobState.CANCELLED, finished_at=now,
                           lease_expires_at=None, preview_key=None, expires_at=forget_at)  # fmt: skip
            if stopped:  # its worker may be about to store something: files are deleted when that is over
                slice_.erasure.not_before = wait_until
            elif not move(session, job.id, (JobState.FINISHED,), state=JobState.EXPIRED, result_text=None,
                          expires_at=forget_at):  # fmt: skip
                continue
            slice_.erasure.jobs += 1
        slice_.note(
            session, jobs[-1].id if jobs else place, jobs=slice_.erasure.jobs, not_before=slice_.erasure.not_before
        )
    return jobs[-1].id if len(jobs) == JOBS_AT_ONCE else None


def delete_files(slice_: ErasureSlice, place: str) -> str | None:
    """The files of such jobs, and the rows of those that tell of the user themselves. Raises TransientError."""
    services = slice_.services
    with services.db.read() as session:
        jobs = jobs_after(session, slice_.app_id, place, JOBS_AT_ONCE)
    verdicts = _verdicts(slice_, jobs)
    ended = [job for job in jobs if job.id in verdicts and not job.is_live and job.state != JobState.FINISHED]
    for job in ended:
        if not discard(services, job_folder(job.id)):
            raise TransientError
    with services.db.write() as session:
        slice_.note(session, jobs[-1].id if jobs else place)
        for job in ended:
            if job.queue == PARTS:
                drop_parts(session, job.id)
        drop_jobs(session, [job.id for job in ended if verdicts[job.id]])
    return jobs[-1].id if len(jobs) == JOBS_AT_ONCE else None


def _verdicts(slice_: ErasureSlice, jobs: list[Job]) -> Verdicts:
    """The jobs that may show what was erased, and those that tell of the user.

    One about the whole app, one whose crash has changed since, and one about a log that is gone may tell of occurrences that have
    gone by their age. Where occurrences have ever been counted anew, any job of the app may show what was erased.
    """
    erasure: Erasure = slice_.erasure
    params_of = {job.id: json.loads(job.params) for job in jobs}
    with slice_.services.db.read() as session:
        may_be_any = was_regrouped(session, erasure.app_id)
        noted = noted_crashes(session, erasure.id, {job.crash_id for job in jobs if job.crash_id is not None})
        names = {params["log_id"] for params in params_of.values() if params.get("log_id")}
        known = log_names(session, erasure.app_id, names)
        crashes = crashes_with_ids(session, {job.crash_id for job in jobs if job.crash_id is not None})
        reports_revision = session.get_one(App, erasure.app_id).reports_revision
    verdicts = {}
    for job in jobs:
        params = params_of[job.id]
        is_log_gone = "log_id" in params and params["log_id"] not in known
        crash = crashes.get(job.crash_id or 0)
        is_outdated = crash is not None and not job.is_live and not _is_current(job, crash, reports_revision)
        tells = (
            slice_.sought.fact in (params.get("user_id") or ())
            or slice_.sought.stands_in_text(
                job.params, job.result_text, job.result_filename, job.error_message, job.request_id
            )
            or ((may_be_any or job.crash_id in noted) and is_log_gone)
        )
        may_show = job.crash_id in noted or job.crash_id is None or (erasure.occurrences > 0 and may_be_any)
        if tells or may_show or is_log_gone or is_outdated:
            verdicts[job.id] = tells
    return verdicts


def _is_current(job: Job, crash: Crash, reports_revision: int) -> bool:
    """True while nothing has come to the crash, or gone, since the job read it."""
    about = FoundCrash(crash.id, crash.app_id, crash.revision, crash.occurrences_count, reports_revision)
    return is_current(job, JOB_TYPES[job.kind].current_revision(about))

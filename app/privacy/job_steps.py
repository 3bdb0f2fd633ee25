"""The steps of an erasure that take away what jobs have made of the user's data, and data exporters have delivered."""

import json
import re
from datetime import datetime, timedelta

import structlog

from app.db.hot.poll import FoundCrash
from app.db.models.app import App
from app.db.models.crash import Crash
from app.db.models.data_exporter import LEASING, DataExporter, DataExporterRun, RunState
from app.db.models.erasure import Erasure, noted_crashes
from app.db.models.job import Job, JobState, move
from app.db.models.job_part import drop_parts
from app.db.queries.erasing import (
    count_window,
    crashes_with_ids,
    drop_jobs,
    has_noted,
    hold_run,
    jobs_after,
    known_exporters,
    log_names,
    runs_after,
    was_regrouped,
)
from app.db.work import change
from app.errors import TransientError
from app.jobs import JOB_TYPES
from app.jobs.answering import is_current
from app.jobs.attempt import discard
from app.jobs.batch_params import REPORTS
from app.jobs.exporter_runs import OUR_FOLDER, WORK, BucketUnknown, destination, take_back
from app.privacy.erasure_slice import ErasureSlice
from app.queueing.broker import PARTS
from app.storage_keys import job_folder
from app.work.ending import released
from app.work.lease import Lease
from app.work.work_type import lease_of

JOBS_AT_ONCE = 100

Verdicts = dict[str, bool]
"""Id of a job that is concerned -> whether its row itself tells of the user."""
RUNS_AT_ONCE = 100
KEYS_AT_ONCE = 500
DELIVERED = re.compile(rf"{OUR_FOLDER}/.+/([0-9a-f]{{24}})/([^/]+)/[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9]{{6}}Z/[^/]+")

log = structlog.get_logger()


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


def take_back_runs(slice_: ErasureSlice, place: str) -> str | None:
    """Delete the files of runs that may tell of the user and queue these anew, each with the same window."""
    after = int(place or 0)
    with slice_.services.db.read() as session:
        app = session.get_one(App, slice_.app_id)
        may_be_any = was_regrouped(session, slice_.app_id)
        runs = runs_after(session, slice_.app_id, after, RUNS_AT_ONCE)
    for run, exporter in runs:
        if not _may_tell(slice_, run, exporter, may_be_any=may_be_any):
            continue
        busy_until = _make_again(slice_, run, exporter, app)
        if busy_until is not None:
            slice_.erasure.not_before = busy_until
            return str(run.id - 1)
        return str(run.id)
    if len(runs) == RUNS_AT_ONCE:
        return str(runs[-1][0].id)
    _drop_ownerless(slice_, app.identifier)
    return None


def _may_tell(slice_: ErasureSlice, run: DataExporterRun, exporter: DataExporter, *, may_be_any: bool) -> bool:
    """False only when every row that it has delivered is still there and none tells of a crash that was the user's."""
    if run.state != RunState.DONE or run.rows is None:
        return True
    if run.finished_at is None or run.finished_at >= slice_.erasure.created_at:  # its batch may be of before
        return True
    if may_be_any or exporter.format == REPORTS:  # a zip counts some that it does not hold
        return True
    with slice_.services.db.read() as session:
        return has_noted(session, run, slice_.erasure.id) or count_window(session, run) != run.rows


def _make_again(slice_: ErasureSlice, run: DataExporterRun, exporter: DataExporter, app: App) -> datetime | None:
    """Returns until when a worker may be writing its files; then nothing has been deleted yet."""
    services, now = slice_.services, slice_.services.now()
    with services.db.write() as session:
        slice_.note(session, slice_.erasure.place)
        held = hold_run(session, run.id, now, now + lease_of(services), services.new_holder())
    if held is None:
        return None
    if isinstance(held, datetime):
        return held
    try:
        bucket, folder = (held.bucket, held.folder) if held.folder else destination(services, exporter, app, held)
        with Lease(services, WORK, [held]):
            take_back(services, bucket, folder)
    except BucketUnknown:
        log.warning("erasure_cannot_reach_bucket", erasure=slice_.erasure.id, run=run.id)
    with services.db.write() as session:
        slice_.note(session, str(run.id))
        change(session, LEASING, held, **released(WORK, services.now()))
    log.info("export_run_taken_back", erasure=slice_.erasure.id, run=run.id)
    return None


def _drop_ownerless(slice_: ErasureSlice, app_identifier: str) -> None:
    """What exporters that are gone have left in the service's own store: nobody knows what is in it, nor makes it again."""
    page: dict[str, str] = {}
    for stat in slice_.services.storage.list(OUR_FOLDER):
        found = DELIVERED.fullmatch(stat.key)
        if found and found[2] == app_identifier:
            page[stat.key] = found[1]
        if len(page) == KEYS_AT_ONCE:
            _drop_unless_known(slice_, page)
            page = {}
    _drop_unless_known(slice_, page)


def _drop_unless_known(slice_: ErasureSlice, page: dict[str, str]) -> None:
    """`page`: keys, each with the identifier of its exporter."""
    with slice_.services.db.write() as session:
        slice_.note(session, slice_.erasure.place)
        known = known_exporters(session, set(page.values()))
    for key, identifier in page.items():
        if identifier not in known:
            slice_.services.storage.delete(key)

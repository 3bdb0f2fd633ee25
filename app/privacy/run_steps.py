"""The step of an erasure that takes back what data exporters have delivered, and has it made again without the user."""

import re
from datetime import datetime

import structlog

from app.db.models.app import App
from app.db.models.data_exporter import LEASING, DataExporter, DataExporterRun, RunState
from app.db.queries.erasing import was_regrouped
from app.db.queries.exported import count_window, has_noted, hold_run, known_exporters, runs_after
from app.db.work import change
from app.jobs.batch_params import REPORTS
from app.jobs.exporter_runs import OUR_FOLDER, WORK, BucketUnknown, destination, take_back
from app.privacy.erasure_slice import ErasureSlice
from app.work.ending import released
from app.work.lease import Lease
from app.work.work_type import lease_of

RUNS_AT_ONCE = 100
KEYS_AT_ONCE = 500
DELIVERED = re.compile(rf"{OUR_FOLDER}/.+/([0-9a-f]{{24}})/([^/]+)/[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9]{{6}}Z/[^/]+")

log = structlog.get_logger()


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

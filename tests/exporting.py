"""Data exporters in tests: one to make, what beat and workers do for it, and what it has delivered."""

import json
from typing import Any

from sqlalchemy import select

from app.db.models.data_exporter import DataExporter, DataExporterRun
from app.jobs.exporter_runs import run_exports
from app.jobs.exporter_settings import NewExporter, create
from app.services import Services
from app.storage import Storage
from tests.factories import Clock, Member, run_enqueued


def make(services: Services, member: Member, **fields: Any) -> DataExporter:
    """A daily exporter of the member's app, first due in a day."""
    wanted = {"name": "Nightly", "apps": [member.app.identifier], "bucket_name": "archive", **fields}
    return create(services, member.user_id, NewExporter(**wanted))[0]


def work(services: Services, clock: Clock) -> None:
    """What beat and workers do until every run is done that can be."""
    for _ in range(6):
        run_exports(services)
        run_enqueued(services)
        clock.advance(seconds=6)


def all_runs(services: Services) -> list[DataExporterRun]:
    with services.db.read() as session:
        return list(session.scalars(select(DataExporterRun).order_by(DataExporterRun.scheduled_for)))


def delivered(store: Storage, folder: str = "exports") -> dict[str, list[str]]:
    """Folder of each run that has a manifest -> the ids of its rows, as its manifest names the files."""
    keys = {stat.key for stat in store.list(folder)}
    found = {}
    for key in sorted(keys):
        if key.endswith("/manifest.json"):
            here = key.removesuffix("manifest.json")
            manifest = json.loads(store.get(key))
            lines = [line for part in manifest["parts"] for line in store.get(here + part["filename"]).splitlines()]
            found[here.rstrip("/").rpartition("/")[2]] = [json.loads(line)["id"] for line in lines]
            assert len(lines) == manifest["rows"]
            assert {here + part["filename"] for part in manifest["parts"]} | {key} == {
                one for one in keys if one.startswith(here)
            }
    return found

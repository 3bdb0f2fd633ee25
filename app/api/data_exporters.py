"""Data exporters of a user, and their runs."""

from typing import Any

from flask import Blueprint, Response, request

from app import iso_time
from app.api import answers
from app.api.context import services, user_id
from app.api.page_window import link_next, window
from app.api.request_values import json_object
from app.db.app import App
from app.db.data_exporter import DataExporter, DataExporterRun
from app.jobs.exporters import settings
from app.parameters import read_params

blueprint = Blueprint("data_exporters", __name__, url_prefix="/api/data_exporters")
ONE = "/<exporter_identifier>"
STOPPED = "You are no longer a member of any of its apps"


@blueprint.post("")
def create() -> Response:
    """Make an exporter."""
    user, wanted = user_id(), read_params(settings.NewExporter, json_object())
    return answers.success(_to_json(*settings.create(services(), user, wanted)), 201)


@blueprint.get("")
def list_all() -> Response:
    """The exporters of the user, oldest first."""
    user, query = user_id(), request.args.to_dict()
    rows = settings.page(services(), user, *window(query))
    return link_next(answers.success([_to_json(*row) for row in rows[: window(query)[0] - 1]]), rows, query)


@blueprint.get(ONE)
def show(exporter_identifier: str) -> Response:
    """One exporter."""
    return answers.success(_to_json(*settings.find(services(), user_id(), exporter_identifier)))


@blueprint.patch(ONE)
def change(exporter_identifier: str) -> Response:
    """Change what is given."""
    user, wanted = user_id(), read_params(settings.ExporterChange, json_object())
    return answers.success(_to_json(*settings.change(services(), user, exporter_identifier, wanted)))


@blueprint.delete(ONE)
def remove(exporter_identifier: str) -> Response:
    """Delete an exporter; what it has delivered stays."""
    settings.remove(services(), user_id(), exporter_identifier)
    return answers.bare_success()


@blueprint.get(f"{ONE}/runs")
def list_runs(exporter_identifier: str) -> Response:
    """The runs of an exporter, newest first."""
    user, query = user_id(), request.args.to_dict()
    rows = settings.run_page(services(), user, exporter_identifier, *window(query))
    return link_next(answers.success([_run(*row) for row in rows[: window(query)[0] - 1]]), rows, query)


def _to_json(exporter: DataExporter, apps: list[App]) -> dict[str, Any]:
    return {
        "identifier": exporter.identifier,
        "name": exporter.name,
        "type": "bucket" if services().config.export_buckets else "storage",
        "active": exporter.active,
        "stopped": None if apps else STOPPED,
        "apps": [{"name": app.name, "identifier": app.identifier} for app in apps],
        "bucket_name": exporter.bucket_name,
        "subfolder": exporter.subfolder,
        "exported_data": list(settings.DATA),
        "initial_run_at": iso_time.rfc3339(exporter.initial_run_at),
        "last_run_at": exporter.last_run_at and iso_time.rfc3339(exporter.last_run_at),
        "frequency": exporter.frequency,
        "format": exporter.format,
        "next_run_at": iso_time.rfc3339(exporter.next_run_at),
    }


def _run(run: DataExporterRun, app: str) -> dict[str, Any]:
    return {
        "app_identifier": app,
        "scheduled_for": iso_time.rfc3339(run.scheduled_for),
        "since": run.since and iso_time.rfc3339(run.since),
        "state": run.state.value,
        "job_id": run.job_id,
        "rows": run.rows,
        "files": run.files,
        "files_done": run.files_done,
        "failures": run.failures,
        "error": run.error,
        "finished_at": run.finished_at and iso_time.rfc3339(run.finished_at),
    }

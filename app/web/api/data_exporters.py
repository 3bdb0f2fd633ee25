"""Data exporters of a user, and their runs."""

from typing import Annotated, Literal

from pydantic import Field

from app.db.models.app import App
from app.db.models.data_exporter import DataExporter, DataExporterRun, RunState
from app.identity.access import Access
from app.jobs import exporter_settings
from app.json_models import ResponseBody, Time
from app.web.api import tags
from app.web.api.resource import Page, Paging, Resource
from app.web.auth import services

resource = Resource("data_exporters", tags.DATA_EXPORTERS, url_prefix="/api/data_exporters", access=Access.USER)
ONE = "/<exporter_identifier>"
STOPPED = "You are no longer a member of any of its apps"
ExporterIdentifier = Annotated[str, Field(description="From the list of data exporters")]


class ExportedApp(ResponseBody):
    """An app that is exported."""

    name: str
    identifier: str


class DataExporterBody(ResponseBody, component="DataExporter"):
    """A data exporter as its owner sees it."""

    identifier: str = Field(examples=["4be1a7c95d02f3886e1b0c7d"])
    name: str = Field(examples=["Nightly"])
    type: Literal["storage", "bucket"] = Field(examples=["bucket"])
    active: bool
    stopped: str | None = Field(description="Why nothing is exported", examples=[None])
    apps: list[ExportedApp] = Field(examples=[[{"name": "Notes", "identifier": "7b1d4f0a9c3e5d2b8a6f4e1c"}]])
    bucket_name: str
    subfolder: str
    exported_data: list[Literal["crashes"]]
    initial_run_at: Time
    last_run_at: Time | None
    frequency: exporter_settings.Frequency
    format: exporter_settings.Format
    next_run_at: Time


class DataExporterRunBody(ResponseBody, component="DataExporterRun"):
    """One window of one app, exported or to be exported."""

    app_identifier: str
    scheduled_for: Time
    since: Time | None
    state: RunState = Field(examples=["done"])
    job_id: str | None
    rows: int | None
    files: int | None
    files_done: int
    failures: int
    error: str | None
    finished_at: Time | None = Field(examples=["2018-09-14T03:00:21Z"])


@resource.post(
    "", "createDataExporter", "Export apps at regular times", status=201, about="Made", errors=(403, 404, 409)
)
def create(user: int, body: exporter_settings.NewExporter) -> DataExporterBody:
    """Make an exporter."""
    return _exporter(*exporter_settings.create(services(), user, body))


@resource.get("", "listDataExporters", "Your data exporters", about="Oldest first")
def list_all(user: int, paging: Paging) -> Page[DataExporterBody]:
    """The exporters of the user, oldest first."""
    rows = exporter_settings.page(services(), user, paging.limit, paging.offset)
    return Page.of(rows, paging, lambda row: _exporter(*row))


@resource.get(ONE, "showDataExporter", "A data exporter", about="The exporter", errors=(404,))
def show(user: int, exporter_identifier: ExporterIdentifier) -> DataExporterBody:
    """One exporter."""
    return _exporter(*exporter_settings.find(services(), user, exporter_identifier))


@resource.patch(ONE, "changeDataExporter", "Change what is given", about="The exporter", errors=(403, 404))
def change(
    user: int, exporter_identifier: ExporterIdentifier, body: exporter_settings.ExporterChange
) -> DataExporterBody:
    """Change what is given."""
    return _exporter(*exporter_settings.change(services(), user, exporter_identifier, body))


@resource.delete(
    ONE, "deleteDataExporter", "Delete a data exporter; what it delivered stays", about="Deleted", errors=(404,)
)
def remove(user: int, exporter_identifier: ExporterIdentifier) -> None:
    """Delete an exporter; what it has delivered stays."""
    exporter_settings.remove(services(), user, exporter_identifier)


@resource.get(f"{ONE}/runs", "listDataExporterRuns", "The runs of a data exporter", about="Newest first", errors=(404,))
def list_runs(user: int, exporter_identifier: ExporterIdentifier, paging: Paging) -> Page[DataExporterRunBody]:
    """The runs of an exporter, newest first."""
    rows = exporter_settings.run_page(services(), user, exporter_identifier, paging.limit, paging.offset)
    return Page.of(rows, paging, lambda row: _run(*row))


def _exporter(exporter: DataExporter, apps: list[App]) -> DataExporterBody:
    return DataExporterBody.of(
        exporter,
        type="bucket" if services().config.export_buckets else "storage",
        stopped=None if apps else STOPPED,
        apps=[ExportedApp.of(app) for app in apps],
        exported_data=list(exporter_settings.DATA),
    )


def _run(run: DataExporterRun, app_identifier: str) -> DataExporterRunBody:
    return DataExporterRunBody.of(run, app_identifier=app_identifier)

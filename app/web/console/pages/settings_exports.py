"""The signed-in user's data exporters of an app, and their runs."""

from typing import Any

from flask import Blueprint, Response, request

from app.db.models.app import App
from app.identity.access import Access
from app.jobs import exporter_settings
from app.json_models import read_params
from app.web.auth import services
from app.web.console.forms import REFUSALS, problems_of
from app.web.console.page import app_of, go, signed_in
from app.web.console.page_access import needs
from app.web.console.paging import read_window
from app.web.console.settings_frame import render_section

blueprint = Blueprint("settings_exports", __name__)

BASE = "/apps/<app_identifier>/settings/exports"
ONE = f"{BASE}/<exporter_identifier>"
SECTION = "settings_exports.show"
FIELDS = ("name", "bucket_name", "subfolder", "format", "frequency")
FORMATS = (("ndjson", "NDJSON, a row of each occurrence"), ("csv", "CSV, safe to open in a spreadsheet"),
           ("parquet", "Parquet"), ("zip", "A zip of JSON reports"))  # fmt: skip
FREQUENCIES = (("daily", "Every day"), ("weekly", "Every week"))
MOODS = {"waiting": "plain", "exporting": "accent", "done": "good", "failed": "bad"}


@blueprint.get(BASE)
@needs(Access.MEMBER)
def show(app_identifier: str) -> Response:
    """Oldest first, and a form for one more."""
    return _page(app_of(app_identifier))


@blueprint.post(BASE)
@needs(Access.MEMBER)
def add(app_identifier: str) -> Response:
    """Make an exporter of this app."""
    app = app_of(app_identifier)
    given = {name: request.form.get(name, "").strip() for name in FIELDS}
    try:
        wanted = read_params(exporter_settings.NewExporter, {**given, "apps": [app.identifier]})
        exporter_settings.create(services(), signed_in().user_id, wanted)
    except REFUSALS as error:
        return _page(app, error.status, problems_of(error, FIELDS, "name"), given)
    return go(SECTION, "The exporter is made.", app_identifier=app.identifier)


@blueprint.get(ONE)
@needs(Access.MEMBER)
def show_one(app_identifier: str, exporter_identifier: str) -> Response:
    """One exporter and its runs, newest first."""
    app, user, window = app_of(app_identifier), signed_in().user_id, read_window(request.args)
    exporter, apps = exporter_settings.find(services(), user, exporter_identifier)
    rows = exporter_settings.run_page(services(), user, exporter_identifier, window.limit, window.offset)
    return render_section(
        "settings_export.html",
        SECTION,
        app,
        exporter=exporter,
        covered=apps,
        names={one.identifier: one.name for one in apps},
        rows=window.page_of(rows),
        window=window,
        has_next=window.has_next(rows),
        moods=MOODS,
    )


@blueprint.post(f"{ONE}/active")
@needs(Access.MEMBER)
def set_active(app_identifier: str, exporter_identifier: str) -> Response:
    """Pause it, or let it go on."""
    app, is_active = app_of(app_identifier), request.form.get("active") == "yes"
    wanted = read_params(exporter_settings.ExporterChange, {"active": is_active})
    exporter_settings.change(services(), signed_in().user_id, exporter_identifier, wanted)
    said = "It goes on at its next time." if is_active else "It is paused."
    return go("settings_exports.show_one", said, app_identifier=app.identifier, exporter_identifier=exporter_identifier)


@blueprint.post(f"{ONE}/delete")
@needs(Access.MEMBER)
def delete(app_identifier: str, exporter_identifier: str) -> Response:
    """Delete it; what it has delivered stays."""
    app = app_of(app_identifier)
    exporter_settings.remove(services(), signed_in().user_id, exporter_identifier)
    return go(SECTION, "The exporter is deleted; what it has delivered stays.", app_identifier=app.identifier)


def _page(
    app: App, status: int = 200, problems: dict[str, str] | None = None, given: dict[str, Any] | None = None
) -> Response:
    rows = exporter_settings.page(services(), signed_in().user_id, exporter_settings.MOST_PER_USER, 0)
    buckets = [(name, name) for name, _ in services().config.export_buckets]
    return render_section(
        "settings_exports.html",
        SECTION,
        app,
        status=status,
        rows=[one for one, apps in rows if any(covered.id == app.id for covered in apps)],
        elsewhere=sum(all(covered.id != app.id for covered in apps) for _, apps in rows),
        given={**dict.fromkeys(FIELDS, ""), **(given or {})},
        buckets=buckets,
        formats=FORMATS,
        frequencies=FREQUENCIES,
        problems=problems or {},
    )

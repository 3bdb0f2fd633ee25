"""Symbols of an app: the files by which frames get their names."""

from pathlib import PurePath

from flask import Blueprint, Response, request

from app.db.models.app import App
from app.identity.access import Access
from app.symbolication.receive import receive_symbols
from app.symbolication.stored import delete_symbols, list_symbols
from app.symbols.contents import About
from app.web.auth import services
from app.web.console.forms import REFUSALS, chunks_of, problems_of, takes_files
from app.web.console.page import app_of, go, server_address
from app.web.console.page_access import needs
from app.web.console.paging import read_window
from app.web.console.settings_frame import render_section

blueprint = Blueprint("settings_symbols", __name__)

MOODS = {"received": "accent", "ready": "good", "rejected": "bad"}


@blueprint.get("/apps/<app_identifier>/settings/symbols")
@needs(Access.VIEWER)
def show(app_identifier: str) -> Response:
    """Newest first, and a form for one more."""
    return _page(app_of(app_identifier))


@blueprint.post("/apps/<app_identifier>/settings/symbols")
@needs(Access.MEMBER)
@takes_files(lambda config: config.max_symbol_bytes)
def upload(app_identifier: str) -> Response:
    """Take one file; a browser with JavaScript sends it to the API, and shows how far it is."""
    app, file, form = app_of(app_identifier), request.files.get("file"), request.form
    if file is None or not file.filename:
        return _page(app, 400, {"file": "Choose a file."})
    about = About(PurePath(file.filename).name, form.get("version", "").strip(), form.get("build", "").strip())
    try:
        receive_symbols(services(), app, about, chunks_of(file.stream))
    except REFUSALS as error:
        return _page(app, error.status, problems_of(error, ("version", "build"), "file"))
    return go("settings_symbols.show", "Received. A worker looks into it now.", app_identifier=app.identifier)


@blueprint.post("/apps/<app_identifier>/settings/symbols/<symbols_identifier>/delete")
@needs(Access.MEMBER)
def delete(app_identifier: str, symbols_identifier: str) -> Response:
    """Delete a file and what was made of it."""
    app = app_of(app_identifier)
    delete_symbols(services(), app, symbols_identifier)
    return go(
        "settings_symbols.show", "Deleted. Reports are made without it from now on.", app_identifier=app.identifier
    )


def _page(app: App, status: int = 200, problems: dict[str, str] | None = None) -> Response:
    window = read_window(request.args)
    rows = list_symbols(services(), app, window.limit, window.offset)
    return render_section(
        "settings_symbols.html",
        "settings_symbols.show",
        app,
        status=status,
        rows=window.page_of(rows),
        window=window,
        has_next=window.has_next(rows),
        moods=MOODS,
        problems=problems or {},
        base=server_address(),
        limit=services().config.max_symbol_bytes,
    )

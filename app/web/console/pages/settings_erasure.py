"""Erases a user of an app: everything that came from them."""

from flask import Blueprint, Response, request

from app.db.models.app import App
from app.errors import BadParameters
from app.identity.access import Access
from app.privacy.erasing import begin_erasure, list_erasures
from app.web.auth import services
from app.web.console.forms import problems_of
from app.web.console.page import app_of, go, signed_in
from app.web.console.page_access import needs
from app.web.console.paging import read_window
from app.web.console.settings_frame import render_section

blueprint = Blueprint("settings_erasure", __name__)

SCANS = (
    ("", "If the id has 6 characters or more"),
    ("yes", "Yes, read every stored log"),
    ("no", "No, only what names the user"),
)
STEPS = {
    "uploads": "waiting for uploads under way",
    "received": "looking through logs that wait",
    "occurrences": "removing occurrences",
    "scan": "reading every stored log",
    "titles": "renaming crashes",
    "decisions": "forgetting merges",
    "jobs": "ending jobs",
    "runs": "taking back exports",
    "files": "deleting results",
    "objects": "deleting logs",
    "pages": "writing over the database's free space",
}


@blueprint.get("/apps/<app_identifier>/settings/erasure")
@needs(Access.OWNER)
def show(app_identifier: str) -> Response:
    """The form, and the erasures so far."""
    return _page(app_of(app_identifier))


@blueprint.post("/apps/<app_identifier>/settings/erasure")
@needs(Access.OWNER)
def erase(app_identifier: str) -> Response:
    """Begin an erasure, if the id was typed twice alike."""
    app, who, form = app_of(app_identifier), signed_in(), request.form
    user, again, scan = form.get("user_id", ""), form.get("again", ""), form.get("scan", "")
    if user != again:
        return _page(app, {"again": "This is not the same user id."}, user, scan)
    try:
        begin_erasure(services(), app, user, scan={"yes": True, "no": False}.get(scan), asked_by=who.user_id)
    except BadParameters as error:
        return _page(app, problems_of(error, (), "user_id"), user, scan)
    return go(
        "settings_erasure.show", "The erasure has begun. It goes on when you leave.", app_identifier=app.identifier
    )


def _page(app: App, problems: dict[str, str] | None = None, user: str = "", scan: str = "") -> Response:
    window = read_window(request.args)
    rows = list_erasures(services(), app, window.limit, window.offset)
    return render_section(
        "settings_erasure.html",
        "settings_erasure.show",
        app,
        status=400 if problems else 200,
        rows=window.page_of(rows),
        window=window,
        has_next=window.has_next(rows),
        problems=problems or {},
        user=user[:300],
        scan=scan,
        scans=SCANS,
        steps=STEPS,
    )

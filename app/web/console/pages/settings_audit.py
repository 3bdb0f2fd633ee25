"""Who changed which settings, members and keys of an app."""

from flask import Blueprint, Response, request

from app.db.models.audit_entry import entries_of
from app.identity.access import Access
from app.web.auth import services
from app.web.console.page import app_of
from app.web.console.page_access import needs
from app.web.console.paging import read_window
from app.web.console.settings_frame import render_section

blueprint = Blueprint("settings_audit", __name__)


@blueprint.get("/apps/<app_identifier>/settings/audit")
@needs(Access.OWNER)
def show(app_identifier: str) -> Response:
    """Newest first."""
    app, window = app_of(app_identifier), read_window(request.args)
    with services().db.read() as session:
        rows = entries_of(session, app.id, window.limit, window.offset)
    return render_section(
        "settings_audit.html", "settings_audit.show", app,
        rows=[(shown.entry, shown.who) for shown in window.page_of(rows)],
        window=window, has_next=window.has_next(rows), days=services().config.audit_days,
    )  # fmt: skip

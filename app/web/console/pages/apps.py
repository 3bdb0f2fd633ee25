"""The apps of a user."""

from datetime import UTC

from flask import Blueprint, Response, request

from app.db.models.app import apps_of
from app.db.queries.apps_today import apps_today
from app.identity.access import Access
from app.web.auth import services
from app.web.console.page import render, signed_in
from app.web.console.page_access import needs
from app.web.console.page_numbers import read_window

blueprint = Blueprint("apps", __name__)


@blueprint.get("/apps")
@needs(Access.USER)
def show() -> Response:
    """All of them, by name; or what to do where there is none."""
    who, window = signed_in(), read_window(request.args)
    with services().db.read() as session:
        rows = apps_of(session, who.user_id, window.limit, window.offset)
        page = window.page_of(rows)
        today = apps_today(session, [app.id for app in page], services().now().astimezone(UTC).date())
    return render("apps.html", rows=page, today=today, window=window, has_next=window.has_next(rows))

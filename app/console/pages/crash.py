"""One crash: what it is, and its newest occurrences."""

from flask import Blueprint, Response

from app.console.page import render, signed_in
from app.console.paging import PER_PAGE
from app.db.app import App
from app.db.occurrence import newest_occurrences
from app.jobs.crash_access import visible_crash
from app.jobs.redacting import rules_of
from app.visitor import services

blueprint = Blueprint("crash", __name__)


@blueprint.get("/crashes/<crash_identifier>")
def show(crash_identifier: str) -> Response:
    """The crash that this identifier leads to."""
    who = signed_in()
    with services().db.read() as session:
        crash = visible_crash(session, who.user_id, crash_identifier)
        app = session.get_one(App, crash.app_id)
        rules, _ = rules_of(session, app.id)
        rows = newest_occurrences(session, crash.id, PER_PAGE)
    return render(
        "crash.html", app=app, crash=crash, crash_title=rules.text(crash.title), rows=rows, here="crashes.show"
    )

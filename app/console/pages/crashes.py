"""The crashes of an app."""

from flask import Blueprint, Response, request

from app import iso_time
from app.console.page import Nav, app_of, render
from app.console.paging import read_window
from app.db.crash import SORTS, Wanted, crashes_of
from app.jobs.redacting import rules_of
from app.visitor import services

NAV = Nav("Crashes", "crashes.show", "crash", 10, of_app=True)

blueprint = Blueprint("crashes", __name__)


@blueprint.get("/apps/<app_identifier>/crashes")
def show(app_identifier: str) -> Response:
    """From high to low by `sort`, those with an occurrence within the dates."""
    app, window = app_of(app_identifier), read_window(request.args)
    sort = request.args.get("sort", "")
    sort = sort if sort in SORTS else SORTS[0]
    since = iso_time.since("since_date", request.args.get("since_date"))
    until = iso_time.until("until_date", request.args.get("until_date"))
    with services().db.read() as session:
        rules, _ = rules_of(session, app.id)
        wanted = Wanted(since, until)
        rows = crashes_of(session, app.id, wanted, sort=sort, limit=window.limit, offset=window.offset)
    shown = [(crash, rules.text(crash.title)) for crash in window.page_of(rows)]
    return render("crashes.html", app=app, rows=shown, window=window, has_next=window.has_next(rows), sort=sort)

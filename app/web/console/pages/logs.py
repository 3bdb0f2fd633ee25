"""The logs of an app: what became of each, and why; sent here by hand, too."""

from pathlib import PurePath

from flask import Blueprint, Response, request

from app.db.models.app import App
from app.errors import AppError, BadParameters, Conflict, TooLarge, TooManyRequests
from app.identity import accounts
from app.identity.access import Access
from app.ingest.log_id import log_id_of_file
from app.ingest.receive import digest_again, receive
from app.ingest.status import STATUSES, log_page, log_state
from app.jobs.report_making import rules_of
from app.paging import cursor
from app.web.auth import services
from app.web.console.forms import REFUSALS, sentence_of, takes_files
from app.web.console.page import Nav, app_of, go, render, signed_in
from app.web.console.page_access import needs
from app.web.console.paging import read_cursor_window

NAV = Nav("Logs", "logs.show", "logs", 20, of_app=True)

blueprint = Blueprint("logs", __name__)

TABS = (("", "All"), ("received", "Received"), ("digested", "Digested"), ("rejected", "Rejected"))
MOODS = {"received": "accent", "digested": "good", "rejected": "bad"}
FILES_AT_ONCE = 8  # of the largest size; without JavaScript they come as one form


@blueprint.get("/apps/<app_identifier>/logs")
@needs(Access.VIEWER)
def show(app_identifier: str) -> Response:
    """Newest first; those whose names begin so, by name."""
    return _listed(app_of(app_identifier))


@blueprint.post("/apps/<app_identifier>/logs")
@needs(Access.MEMBER)
@takes_files(lambda config: FILES_AT_ONCE * config.max_log_bytes)
def upload(app_identifier: str) -> Response:
    """Take the files of the form, each a log named after it; a browser with JavaScript sends them to the API one by one."""
    app, token = app_of(app_identifier), signed_in().token
    taken, problems = 0, []
    files = [file for file in request.files.getlist("log") if file.filename]
    for file in files:
        name = PurePath(file.filename or "").name
        try:
            content = file.stream.read(services().config.max_log_bytes + 1)
            log_id = log_id_of_file(PurePath(name).stem, content)
            receive(services(), accounts.app_for_sender(services(), app.identifier, token, log_id), log_id, content)
        except (BadParameters, Conflict, TooLarge, TooManyRequests) as error:
            problems.append(f"{name}: {error.message}.")
        else:
            taken += 1
    if not files:
        problems.append("Choose at least one file.")
    if problems:
        return _listed(app, status=400, problems=problems, taken=taken)
    return go("logs.show", f"{taken} sent. Workers digest them now.", app_identifier=app.identifier)


@blueprint.get("/apps/<app_identifier>/logs/<log_id>")
@needs(Access.VIEWER)
def show_one(app_identifier: str, log_id: str) -> Response:
    """One log, and what was found in it."""
    app = app_of(app_identifier)
    state = log_state(services(), app, log_id)
    with services().db.read() as session:
        rules, _ = rules_of(session, app.id)
    return render(
        "log.html",
        app=app,
        log=state.log,
        found=state.occurrences,
        mood=MOODS[state.log.status.value],
        is_kept_in=rules.is_on and not rules.raw_log,
        here="logs.show",
    )


@blueprint.post("/apps/<app_identifier>/logs/<log_id>/digest")
@needs(Access.MEMBER)
def digest(app_identifier: str, log_id: str) -> Response:
    """Digest a rejected log again."""
    app = app_of(app_identifier)
    said, mood = "It waits for a worker again.", "good"
    try:
        digest_again(services(), app, log_id)
    except AppError as error:
        if error.status not in (409, 410):
            raise
        said, mood = f"{error.message}.", "bad"
    return go("logs.show_one", said, mood, app_identifier=app.identifier, log_id=log_id)


def _listed(app: App, *, status: int = 200, problems: list[str] | None = None, taken: int = 0) -> Response:
    window = read_cursor_window()
    wanted, prefix = request.args.get("status", ""), request.args.get("log_id", "").strip()
    wanted = wanted if wanted in STATUSES else ""
    search_problem, rows = "", []
    try:
        rows = log_page(services(), app, window.limit, status=wanted, prefix=prefix, after=window.after)
    except REFUSALS as error:
        search_problem = sentence_of(error)
    page = window.page_of(rows)
    return render(
        "logs.html",
        app=app,
        status=status,
        rows=page,
        moods=MOODS,
        window=window,
        tabs=TABS,
        wanted=wanted,
        prefix=prefix,
        search_problem=search_problem,
        problems=problems or [],
        taken=taken,
        limit=services().config.max_log_bytes,
        next_after=cursor(page[-1].received_at, page[-1].log_id) if window.has_next(rows) else "",
    )

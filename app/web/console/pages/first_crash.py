"""The first crash of an app: pick a platform, copy what goes into it, and see the crash arrive."""

from typing import Any

from flask import Blueprint, Response, request

from app.db.models.app import App
from app.db.models.crash import find_crash
from app.db.models.log import LogStatus
from app.errors import TooManyRequests
from app.identity import accounts
from app.identity.access import Access
from app.ingest.receive import receive
from app.ingest.sample_crash import MARK, USER, sample_crash
from app.ingest.status import log_page, log_state
from app.jobs.report_making import rules_of
from app.web.auth import services
from app.web.console.page import app_of, go, render, signed_in
from app.web.console.page_access import needs
from app.web.console.snippets import PLATFORMS, connection_of, platform_of, snippets_of

blueprint = Blueprint("first_crash", __name__)

LATEST = 20  # logs among which the latest with a crash is looked for


@blueprint.get("/apps/<app_identifier>/first-crash")
@needs(Access.MEMBER)
def show(app_identifier: str) -> Response:
    """The snippets of the platform that the address names, and what has arrived so far."""
    app = app_of(app_identifier)
    platform = platform_of(request.args.get("platform", ""))
    connection = connection_of(app)
    return render(
        "first_crash.html",
        app=app,
        here="crashes.show",
        platforms=PLATFORMS,
        platform=platform,
        connection=connection,
        snippets=snippets_of(platform, connection.snippets),
        arrived=_arrived(app),
        sample_user=USER,
    )


@blueprint.post("/apps/<app_identifier>/first-crash/sample")
@needs(Access.MEMBER)
def send_sample(app_identifier: str) -> Response:
    """Send a crash that is marked as a sample, as an app of the platform would."""
    app, platform = app_of(app_identifier), platform_of(request.form.get("platform", ""))
    log_id, content = sample_crash(platform.id, services().now())
    sender = accounts.app_for_sender(services(), app.identifier, signed_in().token, log_id)
    said, mood = "The sample crash is sent.", "good"
    try:
        receive(services(), sender, log_id, content)
    except TooManyRequests as error:
        said, mood = f"{error.message}.", "bad"
    return go("first_crash.show", said, mood, app_identifier=app.identifier, platform=platform.id)


def _arrived(app: App) -> dict[str, Any]:
    """The latest log and the crash of the latest that holds one; `seen` changes whenever a look shows something else."""
    logs = log_page(services(), app, LATEST)
    latest = logs[0] if logs else None
    found = next((log for log in logs if log.status == LogStatus.DIGESTED and log.occurrences_count), None)
    shown: dict[str, Any] = {
        "log": latest,
        "seen": f"{latest.log_id} {latest.status.value}" if latest else "",
        "crash": None,
        "title": "",
        "is_sample": bool(found and found.log_id.startswith(f"{MARK}-")),
    }
    if found is None:
        return shown
    [(occurrence, identifier), *_] = log_state(services(), app, found.log_id).occurrences
    with services().db.read() as session:
        crash = find_crash(session, identifier)
        rules, _ = rules_of(session, app.id)
    shown |= {"occurrence": occurrence, "received_at": found.received_at}
    return {**shown, "crash": crash, "title": rules.text(crash.title) if crash else ""}

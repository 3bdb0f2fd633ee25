"""How long things of an app are kept, and how many logs it may send."""

from flask import Blueprint, Response, request

from app.db.models.app import App
from app.errors import BadParameters
from app.identity.access import Access
from app.ingest.receive import LOGS_PER_MINUTE
from app.privacy.settings import AGES, MAX_DAYS, MAX_LOGS_PER_MINUTE, change_settings, settings_of
from app.web.auth import services
from app.web.console.forms import problems_of
from app.web.console.page import app_of, go
from app.web.console.page_access import needs
from app.web.console.settings_frame import render_section

blueprint = Blueprint("settings_retention", __name__)

LONGEST = 9  # digits that are read at all


@blueprint.get("/apps/<app_identifier>/settings/retention")
@needs(Access.VIEWER)
def show(app_identifier: str) -> Response:
    """The ages and the limit as they are."""
    app = app_of(app_identifier)
    now = settings_of(services(), app.id)
    return _page(app, {name: str(now[name] or "") for name in (*AGES, LOGS_PER_MINUTE)})


@blueprint.post("/apps/<app_identifier>/settings/retention")
@needs(Access.OWNER)
def change(app_identifier: str) -> Response:
    """Set all of them, or none when one makes no sense."""
    app = app_of(app_identifier)
    given = {name: request.form.get(name, "").strip() for name in (*AGES, LOGS_PER_MINUTE)}
    problems: dict[str, str] = {}
    wanted: dict[str, int | None] = {}
    for name, text in given.items():
        highest = MAX_LOGS_PER_MINUTE if name == LOGS_PER_MINUTE else MAX_DAYS
        is_number = text.isascii() and text.isdigit() and len(text) <= LONGEST
        if not text or (is_number and 1 <= int(text) <= highest):
            wanted[name] = int(text) if text else None
        else:
            problems[name] = f"A whole number from 1 to {highest:,}, or nothing for no limit."
    if not problems:
        try:
            change_settings(services(), app, wanted)
        except BadParameters as error:
            problems = problems_of(error, given, AGES[0])
    if problems:
        return _page(app, {name: text[:20] for name, text in given.items()}, problems)
    return go("settings_retention.show", "Saved.", app_identifier=app.identifier)


def _page(app: App, values: dict[str, str], problems: dict[str, str] | None = None) -> Response:
    return render_section(
        "settings_retention.html",
        "settings_retention.show",
        app,
        status=400 if problems else 200,
        values=values,
        problems=problems or {},
    )

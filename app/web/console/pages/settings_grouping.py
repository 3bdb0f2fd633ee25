"""Rules that split what one group of an app holds, and the grouping of its stored logs anew."""

from typing import Any

from flask import Blueprint, Response, request

from app.crashes.splitting import CONDITIONS, MAX_PATTERN, MAX_SPLITS
from app.db.models.app import App
from app.db.models.regrouping import latest_regrouping
from app.errors import BadParameters
from app.identity.access import Access
from app.ingest.grouping import SPLITS
from app.ingest.regrouping import begin_regrouping
from app.privacy.settings import change_settings, settings_of
from app.web.auth import services
from app.web.console.forms import problems_of, sentence
from app.web.console.page import app_of, go
from app.web.console.page_access import needs
from app.web.console.settings_frame import render_section

blueprint = Blueprint("settings_grouping", __name__)

BASE = "/apps/<app_identifier>/settings/grouping"
SECTION = "settings_grouping.show"
LABELS = {
    "type": ("Type or signal", "NSRangeException"),
    "message": ("Message", "*timed out*"),
    "function": ("Function on the stack", "*.Http.request"),
    "app_version": ("Version of the app", "2.*"),
    "os_name": ("System", "iOS"),
    "os_version": ("Version of the system", "17.*"),
}
APART = (
    ("", "one group of their own"),
    ("message", "a group of each message"),
    ("app_version", "a group of each version of the app"),
    ("os_name", "a group of each system"),
    ("os_version", "a group of each version of the system"),
)


@blueprint.get(BASE)
@needs(Access.VIEWER)
def show(app_identifier: str) -> Response:
    """The rules in their order, how far the latest regrouping is, and a form for one more rule."""
    return _page(app_of(app_identifier))


@blueprint.post(BASE)
@needs(Access.OWNER)
def add(app_identifier: str) -> Response:
    """One more rule, behind those that are there."""
    app, form = app_of(app_identifier), request.form
    given = {name: form.get(name, "").strip() for name in ("name", "by", *CONDITIONS)}
    try:
        change_settings(
            services(), app, {SPLITS: [*_rules(app), {name: value for name, value in given.items() if value}]}
        )
    except BadParameters as error:
        return _page(app, _beside(error, given), given)
    return _go_on(app, "The rule is made; stored logs are grouped anew.")


@blueprint.post(f"{BASE}/remove")
@needs(Access.OWNER)
def remove(app_identifier: str) -> Response:
    """Take a rule away."""
    app, name = app_of(app_identifier), request.form.get("name", "")
    change_settings(services(), app, {SPLITS: [rule for rule in _rules(app) if rule["name"] != name]})
    return _go_on(app, "The rule is gone; stored logs are grouped anew.")


@blueprint.post(f"{BASE}/regroup")
@needs(Access.OWNER)
def regroup(app_identifier: str) -> Response:
    """Group stored logs by the rules of this release."""
    app = app_of(app_identifier)
    begin_regrouping(services(), app.id)
    return _go_on(app, "It has begun. It goes on when you leave.")


def _rules(app: App) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = settings_of(services(), app.id)[SPLITS]
    return found


def _beside(error: BadParameters, given: dict[str, str]) -> dict[str, str]:
    """{field: sentence}: of `splits: sentence`, where it begins with a field or its name."""
    sentence_part = error.message.partition(": ")[2] or error.message
    if sentence_part.startswith(f"{given['name']} has no condition"):
        return {"type": "Give at least one condition."}
    if sentence_part.startswith(("a name has", "two have one name")):
        return {"name": sentence(sentence_part)}
    return problems_of(BadParameters(sentence_part), given, "name")


def _go_on(app: App, said: str) -> Response:
    return go(SECTION, said, app_identifier=app.identifier)


def _page(app: App, problems: dict[str, str] | None = None, given: dict[str, str] | None = None) -> Response:
    with services().db.read() as session:
        latest = latest_regrouping(session, app.id)
    return render_section(
        "settings_grouping.html",
        SECTION,
        app,
        status=400 if problems else 200,
        rows=_rules(app),
        latest=latest,
        labels=LABELS,
        apart=APART,
        told_apart=dict(APART),
        given={**dict.fromkeys(("name", "by", *CONDITIONS), ""), **(given or {})},
        problems=problems or {},
        longest=MAX_PATTERN,
        most=MAX_SPLITS,
    )

"""Webhooks of an app, and the log of the deliveries of each."""

from typing import Any

from flask import Blueprint, Response, request

from app.db.models.app import App
from app.db.models.webhook import EVENTS
from app.errors import Conflict
from app.identity.access import Access
from app.json_models import read_params
from app.web.auth import services
from app.web.console.forms import REFUSALS, problems_of
from app.web.console.page import app_of, go
from app.web.console.page_access import needs
from app.web.console.paging import read_window
from app.web.console.settings_frame import render_section
from app.webhooks import settings as webhooks

blueprint = Blueprint("settings_webhooks", __name__)

BASE = "/apps/<app_identifier>/settings/webhooks"
ONE = f"{BASE}/<webhook_identifier>"
SECTION = "settings_webhooks.show"
FIELDS = ("url", "events")
WORDS = {
    "crash.new": "A crash is seen for the first time",
    "crash.regressed": "A resolved crash has come back",
    "job.finished": "A job has ended well",
    "job.failed": "A job has failed",
}
MOODS = {"pending": "accent", "delivered": "good", "failed": "bad"}


@blueprint.get(BASE)
@needs(Access.OWNER)
def show(app_identifier: str) -> Response:
    """Oldest first, and a form for one more."""
    return _page(app_of(app_identifier))


@blueprint.post(BASE)
@needs(Access.OWNER)
def add(app_identifier: str) -> Response:
    """Make a webhook, and show its secret this once."""
    app = app_of(app_identifier)
    given = _given()
    try:
        made, secret = webhooks.create(services(), app, read_params(webhooks.NewWebhook, given))
    except REFUSALS as error:
        return _page(app, error.status, problems=_problems(error), **given)
    return _page(app, 201, made=made, secret=secret)


@blueprint.get(ONE)
@needs(Access.OWNER)
def show_one(app_identifier: str, webhook_identifier: str) -> Response:
    """One webhook, its settings and its log."""
    return _one(app_of(app_identifier), webhook_identifier)


@blueprint.post(ONE)
@needs(Access.OWNER)
def change(app_identifier: str, webhook_identifier: str) -> Response:
    """Set url, events and active."""
    app = app_of(app_identifier)
    webhooks.find(services(), app, webhook_identifier)
    given = {**_given(), "active": "active" in request.form}
    try:
        webhooks.change(services(), app, webhook_identifier, read_params(webhooks.WebhookChange, given))
    except REFUSALS as error:
        return _one(app, webhook_identifier, error.status, _problems(error), given)
    return _go_on(app, webhook_identifier, "Saved.")


@blueprint.post(f"{ONE}/delete")
@needs(Access.OWNER)
def delete(app_identifier: str, webhook_identifier: str) -> Response:
    """Delete a webhook and its log."""
    app = app_of(app_identifier)
    webhooks.remove(services(), app, webhook_identifier)
    return go(SECTION, "The webhook is deleted.", app_identifier=app.identifier)


@blueprint.post(f"{ONE}/deliveries/<delivery_id>/replay")
@needs(Access.OWNER)
def replay(app_identifier: str, webhook_identifier: str, delivery_id: str) -> Response:
    """Send a delivery again."""
    app = app_of(app_identifier)
    try:
        webhooks.replay(services(), app, webhook_identifier, delivery_id)
    except Conflict as error:
        return _go_on(app, webhook_identifier, f"{error.message}.", "bad")
    return _go_on(app, webhook_identifier, "It is sent again now.")


def _given() -> dict[str, Any]:
    form = request.form
    return {
        "url": form.get("url", "").strip(),
        "events": [event for event in EVENTS if event in form.getlist("events")],
    }


def _problems(error: Any) -> dict[str, str]:
    problems = problems_of(error, FIELDS, "url")
    return {"events": "Choose at least one."} if "events" in problems else problems


def _go_on(app: App, identifier: str, said: str, mood: str = "good") -> Response:
    return go("settings_webhooks.show_one", said, mood, app_identifier=app.identifier, webhook_identifier=identifier)


def _page(app: App, status: int = 200, **values: Any) -> Response:
    rows = webhooks.page(services(), app, webhooks.MOST_PER_APP, 0)
    shown = {"problems": {}, "url": "", "events": ["crash.new"], "made": None, "secret": "", **values}
    listed = [(row, webhooks.events_of(row)) for row in rows]
    return render_section("settings_webhooks.html", SECTION, app, status=status, rows=listed, words=WORDS, **shown)


def _one(
    app: App,
    identifier: str,
    status: int = 200,
    problems: dict[str, str] | None = None,
    given: dict[str, Any] | None = None,
) -> Response:
    hook, window = webhooks.find(services(), app, identifier), read_window(request.args)
    rows = webhooks.delivery_page(services(), app, identifier, window.limit, window.offset)
    return render_section(
        "settings_webhook.html",
        SECTION,
        app,
        status=status,
        hook=hook,
        given=given or {"url": hook.url, "events": webhooks.events_of(hook), "active": hook.active},
        rows=window.page_of(rows),
        window=window,
        has_next=window.has_next(rows),
        words=WORDS,
        moods=MOODS,
        problems=problems or {},
    )

"""Channels of an app's notifications, their rules, and the log of what each was sent."""

from typing import Any

from flask import Blueprint, Response, request

from app.db.models.app import App
from app.db.models.channel import NotificationChannel
from app.db.models.webhook import Webhook
from app.errors import Conflict, TooManyRequests
from app.identity.access import Access
from app.json_models import read_params
from app.notifications import settings as channels
from app.notifications.channels import CHANNELS
from app.notifications.forms import ChannelChange, NewChannel
from app.web.auth import services
from app.web.console.channel_form import FIRST, RULES, ChannelForm, read_form, rule_words
from app.web.console.forms import REFUSALS, problems_of
from app.web.console.page import app_of, go
from app.web.console.page_access import needs
from app.web.console.paging import read_window
from app.web.console.settings_frame import render_section

blueprint = Blueprint("settings_notifications", __name__)

BASE = "/apps/<app_identifier>/settings/notifications"
ONE = f"{BASE}/<channel_identifier>"
SECTION = "settings_notifications.show"
FIELDS = ("kind", "address", "name", "rules", "time_zone", "summary_hour", "quiet_hours")
MOODS = {"pending": "accent", "delivered": "good", "failed": "bad"}
KINDS = sorted(((kind, module.LABEL) for kind, module in CHANNELS.items()), key=lambda pair: pair[1].lower())


@blueprint.get(BASE)
@needs(Access.OWNER)
def show(app_identifier: str) -> Response:
    """Oldest first, and a form for one more."""
    return _page(app_of(app_identifier), FIRST)


@blueprint.post(BASE)
@needs(Access.OWNER)
def add(app_identifier: str) -> Response:
    """Make a channel, and show the secret of a webhook this once."""
    app, given = app_of(app_identifier), read_form(request.form)
    try:
        hook, _, secret = channels.create(services(), app, read_params(NewChannel, given.new()))
    except REFUSALS as error:
        return _page(app, given, error.status, _problems(error))
    if secret:
        return _page(app, FIRST, 201, secret=secret)
    return _go_on(app, hook.identifier, "The channel is made. Send it a test message.")


@blueprint.get(ONE)
@needs(Access.OWNER)
def show_one(app_identifier: str, channel_identifier: str) -> Response:
    """One channel, its settings and its log."""
    return _one(app_of(app_identifier), channel_identifier)


@blueprint.post(ONE)
@needs(Access.OWNER)
def change(app_identifier: str, channel_identifier: str) -> Response:
    """Change its settings; an empty address stays as it is."""
    app, given = app_of(app_identifier), read_form(request.form)
    channels.find(services(), app, channel_identifier)
    try:
        channels.change(services(), app, channel_identifier, read_params(ChannelChange, given.change()))
    except REFUSALS as error:
        return _one(app, channel_identifier, given, error.status, _problems(error))
    return _go_on(app, channel_identifier, "Saved.")


@blueprint.post(f"{ONE}/test")
@needs(Access.OWNER)
def send_test(app_identifier: str, channel_identifier: str) -> Response:
    """Send a test message."""
    app = app_of(app_identifier)
    try:
        channels.send_test(services(), app, channel_identifier)
    except (Conflict, TooManyRequests) as error:
        return _go_on(app, channel_identifier, f"{error.message}.", "bad")
    return _go_on(
        app, channel_identifier, "A test message is on its way, one a minute at most. The log shows its result."
    )


@blueprint.post(f"{ONE}/active")
@needs(Access.OWNER)
def set_active(app_identifier: str, channel_identifier: str) -> Response:
    """Pause it, or let it go on."""
    app, is_active = app_of(app_identifier), request.form.get("active") == "yes"
    try:
        channels.change(services(), app, channel_identifier, ChannelChange(active=is_active))
    except Conflict as error:
        return _go_on(app, channel_identifier, f"{error.message}.", "bad")
    return _go_on(app, channel_identifier, "The channel is active." if is_active else "The channel is paused.")


@blueprint.post(f"{ONE}/delete")
@needs(Access.OWNER)
def delete(app_identifier: str, channel_identifier: str) -> Response:
    """Delete a channel and its log."""
    app = app_of(app_identifier)
    channels.remove(services(), app, channel_identifier)
    return go(SECTION, "The channel is deleted.", app_identifier=app.identifier)


def _problems(error: Any) -> dict[str, str]:
    return problems_of(error, FIELDS, "address")


def _go_on(app: App, identifier: str, said: str, mood: str = "good") -> Response:
    return go(
        "settings_notifications.show_one", said, mood, app_identifier=app.identifier, channel_identifier=identifier
    )


def _page(
    app: App, given: ChannelForm, status: int = 200, problems: dict[str, str] | None = None, secret: str = ""
) -> Response:
    rows = channels.page(services(), app, channels.MOST_PER_APP, 0)
    return render_section(
        "settings_notifications.html",
        SECTION,
        app,
        status=status,
        rows=[(hook, channel, CHANNELS[channel.kind].LABEL, _words(hook, channel)) for hook, channel in rows],
        given=given,
        kinds=KINDS,
        hints=[(module.LABEL, module.ADDRESS, module.HINT) for _, module in sorted(CHANNELS.items())],
        rules=RULES,
        secret=secret,
        problems=problems or {},
    )


def _one(
    app: App,
    identifier: str,
    given: ChannelForm | None = None,
    status: int = 200,
    problems: dict[str, str] | None = None,
) -> Response:
    (hook, channel), window = channels.find(services(), app, identifier), read_window(request.args)
    rows = channels.delivery_page(services(), app, identifier, window.limit, window.offset)
    return render_section(
        "settings_notification.html",
        SECTION,
        app,
        status=status,
        hook=hook,
        channel=channel,
        kind=CHANNELS[channel.kind],
        given=given or ChannelForm.of(hook, channel),
        rules=RULES,
        rows=window.page_of(rows),
        window=window,
        has_next=window.has_next(rows),
        moods=MOODS,
        problems=problems or {},
    )


def _words(hook: Webhook, channel: NotificationChannel) -> list[str]:
    return rule_words(channels.rules_of(hook, channel))

"""The frame around the sections of an app's settings: which there are, and which one is shown."""

from typing import Any, NamedTuple

from flask import Response

from app.db.models.app import App
from app.web.console.page import render


class Section(NamedTuple):
    """One page of the settings."""

    endpoint: str
    label: str
    icon: str


SECTIONS = (
    Section("settings.show", "Connect", "link"),
    Section("settings_members.show", "Members", "users"),
    Section("settings_retention.show", "Retention", "calendar"),
    Section("settings_redaction.show", "Redaction", "shield"),
    Section("settings_grouping.show", "Grouping", "apps"),
    Section("settings_erasure.show", "Erase a user", "trash"),
    Section("settings_symbols.show", "Symbols", "book"),
    Section("settings_upload_keys.show", "Upload keys", "key"),
    Section("settings_notifications.show", "Notifications", "bell"),
    Section("settings_webhooks.show", "Webhooks", "hook"),
    Section("settings_exports.show", "Exports", "download"),
    Section("settings_audit.show", "Audit log", "logs"),
    Section("settings_app.show", "App", "settings"),
)


def render_section(template: str, section: str, app: App, *, status: int = 200, **values: Any) -> Response:
    """A page of the settings; `section` is the endpoint of the one that the page belongs to."""
    frame = {"sections": SECTIONS, "section": section, "here": "settings.show"}
    return render(template, status=status, app=app, **{"problems": {}, **frame, **values})

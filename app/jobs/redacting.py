"""What an app has set about its reports, as jobs use it."""

import json

from app.db import Session
from app.db.models.app import App
from app.db.models.app_settings import settings_text
from app.redaction.rules import Rules, read_rules


def rules_of(session: Session, app_id: int) -> tuple[Rules, int]:
    """(the rules that reports of the app have to keep to, the revision from which on these are its rules)."""
    # The revision first: rules that are newer than it make a report that counts as out of date, never one that leaks.
    revision = session.get_one(App, app_id).reports_revision
    return read_rules(json.loads(settings_text(session, app_id)).get("redaction")), revision

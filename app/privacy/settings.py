"""The settings of an app: what its members have set, over what the service goes by."""

import json
from collections.abc import Mapping
from typing import Any

from app.config import Config
from app.crashes.splitting import read_splits
from app.db.models.app import App
from app.db.models.app_settings import hold_settings, reports_changed, settings_text, store_settings
from app.db.models.audit_entry import record
from app.errors import BadParameters
from app.ingest.grouping import SPLITS
from app.ingest.receive import LOGS_PER_MINUTE
from app.ingest.regrouping import begin_regrouping
from app.redaction.rules import read_rules
from app.services import Services

AGES = ("keep_logs_days", "keep_occurrences_days", "keep_reports_days")
MAX_DAYS = 36_500
MAX_LOGS_PER_MINUTE = 10_000_000
REDACTION = "redaction"


def settings_of(services: Services, app_id: int) -> dict[str, Any]:
    """Name -> value of every setting, the service's own where the app has none; null is for ever, or any number."""
    with services.db.read() as session:
        return effective(services.config, settings_text(session, app_id))


def effective(config: Config, text: str) -> dict[str, Any]:
    """The same from the JSON of what has been set."""
    own = json.loads(text)
    numbers = {name: own.get(name, getattr(config, name) or None) for name in (*AGES, LOGS_PER_MINUTE)}
    return {**numbers, SPLITS: own.get(SPLITS) or [], REDACTION: own.get(REDACTION)}


def change_settings(services: Services, app: App, given: Mapping[str, Any]) -> dict[str, Any]:
    """Set what is given, leave the rest, return all. Raises BadParameters, and then nothing is changed.

    With other rules the app's finished reports are out of date; with other splits its stored logs are grouped anew.
    """
    for name, value in given.items():
        _check(name, value)
    now = services.now()
    with services.db.write() as session:
        own = json.loads(hold_settings(session, app.id, now))
        is_split_anew = SPLITS in given and (given[SPLITS] or []) != (own.get(SPLITS) or [])
        is_redacted_anew = REDACTION in given and given[REDACTION] != own.get(REDACTION)
        text = json.dumps({**own, **given}, separators=(",", ":"))
        store_settings(session, app.id, text, now)
        changed = sorted(name for name, value in given.items() if value != own.get(name))
        if changed:
            record(session, app.id, "settings.changed", ", ".join(changed), now)
        if is_redacted_anew:
            reports_changed(session, app.id)
    if is_split_anew:
        begin_regrouping(services, app.id, anew=True)
    return effective(services.config, text)


def _check(name: str, value: Any) -> None:
    if name == REDACTION:
        read_rules(value)
    elif name == SPLITS:
        read_splits(value)
    elif name == LOGS_PER_MINUTE:
        _check_number(name, value, MAX_LOGS_PER_MINUTE, "any number")
    elif name in AGES:
        _check_number(name, value, MAX_DAYS, "for ever")
    else:
        raise BadParameters(f"Unknown setting; known are {', '.join((*AGES, LOGS_PER_MINUTE, SPLITS, REDACTION))}")


def _check_number(name: str, value: Any, highest: int, null: str) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= highest):
        raise BadParameters(f"{name} is a whole number from 1 to {highest}, or null: {null}")

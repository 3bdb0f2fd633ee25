"""From a stored occurrence, its log and the app's rules to what a report is made of."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Protocol

from app.crashes.fingerprint import fingerprint
from app.db import Session
from app.db.models.app import App
from app.db.models.app_settings import settings_text
from app.redaction.crash_log import redact, redact_fingerprint
from app.redaction.rules import Rules, read_rules
from app.reports import Report
from app.symbols.resolving import Resolved
from app.symbols.undeclared import undeclared_symbols

GENERATED_BY = f"crashq {version('crashq')}"


def rules_of(session: Session, app_id: int) -> tuple[Rules, int]:
    """(the rules that reports of the app have to keep to, the revision from which on these are its rules)."""
    # The revision first: rules that are newer than it make a report that counts as out of date, never one that leaks.
    revision = session.get_one(App, app_id).reports_revision
    return read_rules(json.loads(settings_text(session, app_id)).get("redaction")), revision


class Named(Protocol):
    """As much of an occurrence as a report tells."""

    @property
    def log_id(self) -> str:
        """The log it came in."""

    @property
    def number(self) -> int:
        """Its place there, from 1."""

    @property
    def occurred_at(self) -> datetime:
        """UTC, aware."""


def make_report(
    app: App,
    crash_identifier: str,
    crash_title: str,
    found: Named,
    raw: bytes,
    named: Resolved,
    rules: Rules,
) -> Report:
    """Everything that goes into a document about one occurrence, but for what the app's rules take out.

    The fingerprint is made of the frames with the names that symbols have given them (`named`), as a digest does it.
    """
    missing = (*named.missing, *undeclared_symbols(named.log, is_named=named.used))
    return Report(
        occurrence_id=f"{found.log_id}-crash-{found.number}",
        log_id=found.log_id,
        date=found.occurred_at.astimezone(UTC).date(),
        crash_identifier=crash_identifier,
        crash_title=rules.text(crash_title),
        app_identifier=app.identifier,
        app_name=app.name,
        log=redact(named.log, rules),
        raw=raw if rules.raw_log or not rules.is_on else None,
        raw_filename=f"{found.log_id}.log",
        generated_by=GENERATED_BY,
        fingerprint=redact_fingerprint(fingerprint(named.log), rules),
        missing_symbols=tuple(replace(one, name=rules.text(one.name)) if one.name else one for one in missing),
    )

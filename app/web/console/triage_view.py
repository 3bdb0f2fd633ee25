"""The state of a crash and its history in words, for its page and the list."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app import iso_time
from app.crashes.state_terms import NEXT, read_terms
from app.db.models.crash import Crash, CrashState
from app.db.models.crash_history import HistoryAction
from app.db.queries.triage import Entry
from app.redaction.rules import Rules

REMOVED, SERVICE = "A removed account", "crashq"
_BY_SERVICE = (HistoryAction.REGRESSED, HistoryAction.UNIGNORED)
_PLAIN = {
    HistoryAction.REOPENED: "opened it again",
    HistoryAction.UNIGNORED: "opened it again: the time of ignoring it is over",
    HistoryAction.UNASSIGNED: "assigned it to nobody",
    HistoryAction.COMMENTED: "commented",
}


@dataclass(frozen=True)
class StateView:
    """A crash's state: a word, the mood of its badge, and what more there is to say."""

    word: str
    mood: str  # of a badge
    more: str = ""
    until: datetime | None = None  # stands behind `more`


@dataclass(frozen=True)
class EntryView:
    """An entry of the history."""

    id: int
    at: datetime
    who: str
    did: str
    comment: str | None
    is_own: bool
    other: str | None  # identifier of the crash that it was merged into or split off


def state_of(crash: Crash, resolved_in: str | None) -> StateView:
    """The state in words; `resolved_in` is without what the app takes out."""
    if crash.state is CrashState.RESOLVED:
        return StateView("Resolved", "good", _in(resolved_in))
    if crash.state is CrashState.IGNORED:
        if crash.ignored_until is not None:
            return StateView("Ignored", "plain", "until", crash.ignored_until)
        return StateView("Ignored", "plain", _more(read_terms(crash.terms)))
    if crash.regressed_at is not None:
        return StateView("Regressed", "bad", "", crash.regressed_at)
    return StateView("Open", "accent")


def entry_of(entry: Entry, rules: Rules, user_id: int) -> EntryView:
    """An entry as that user sees it."""
    row = entry.row
    who = entry.user or (SERVICE if row.action in _BY_SERVICE else REMOVED)
    comment = rules.text(row.comment) if row.comment is not None else None
    is_own = row.action is HistoryAction.COMMENTED and row.user_id == user_id
    return EntryView(row.id, row.happened_at, who, _did(entry, rules), comment, is_own, row.other_identifier)


def _did(entry: Entry, rules: Rules) -> str:
    row, version = entry.row, entry.row.version and rules.text(entry.row.version)
    match row.action:
        case HistoryAction.RESOLVED:
            return " ".join(("resolved it", _in(version))).strip()
        case HistoryAction.IGNORED:
            return f"ignored it {_until(json.loads(row.terms) if row.terms else {})}"
        case HistoryAction.REGRESSED:
            return f"opened it again: it came back in {version}" if version else "opened it again: it came back"
        case HistoryAction.ASSIGNED:
            return f"assigned it to {entry.assignee or REMOVED.lower()}"
        case HistoryAction.MERGED:
            return f"merged {entry.crash_identifier} into"
        case HistoryAction.SPLIT:
            return "split it from"
    return _PLAIN[row.action]


def _in(version: str | None) -> str:
    return "" if version is None else "in the next version" if version == NEXT else f"in {version}"


def _until(terms: dict[str, Any]) -> str:
    if "date" in terms:
        day = iso_time.since("date", terms["date"])
        return f"until {day.date().isoformat()}" if day else ""
    return _more(terms)


def _more(terms: dict[str, Any]) -> str:
    for name in ("occurrences", "users"):
        if name in terms:
            return f"until {terms[name]:,} more {name if terms[name] > 1 else name[:-1]}"
    return "for good"

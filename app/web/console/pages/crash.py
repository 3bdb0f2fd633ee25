"""One crash: its figures, its occurrences, why they are one, and the report of one of them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from flask import Blueprint, Response, request

from app import iso_time
from app.crashes.facts import Facts
from app.db import Session
from app.db.models.app import App
from app.db.models.crash import Crash, newest_versions
from app.db.models.crash_assignee import assignees_of
from app.db.models.grouping_decision import merged_into
from app.db.models.membership import members_of
from app.db.models.occurrence import Occurrence, beside, find_occurrence, newest_occurrences, read_occurrence_name
from app.db.queries.triage import history_of
from app.errors import NotFound
from app.identity.access import Access
from app.jobs.access import visible_crash
from app.jobs.batch_params import FORMATS
from app.jobs.report_making import rules_of
from app.redaction.crash_log import redact_facts
from app.redaction.rules import Rules
from app.reports import REPORTS
from app.web.auth import services
from app.web.console.charts import histogram
from app.web.console.page import joined, render, signed_in
from app.web.console.page_access import needs
from app.web.console.page_results import PageResult, ask, request_path
from app.web.console.paging import PageWindow, read_window
from app.web.console.report_view import view_of
from app.web.console.triage_view import EntryView, StateView, entry_of, state_of

FIRST_ROWS = 50  # occurrences in the page itself; its module asks for the rest
SHOWN_GROUPS = 20  # merged into the crash, the latest first
SHOWN_ENTRIES = 20  # of the history, on a page
OFFERED_MEMBERS, OFFERED_VERSIONS = 200, 20  # to assign it to, to resolve it in
LOOKED_THROUGH = 200  # newest occurrences that tell the versions
BREAKDOWNS = (
    ("app_versions", "App versions", ("app_version",)),
    ("os_versions", "Systems", ("os_name", "os_version")),
    ("device_models", "Devices", ("device_model",)),
    ("environments", "Environments", ("environment",)),
)

blueprint = Blueprint("crash", __name__)


@dataclass(frozen=True)
class CrashView:
    """What the database tells for the page."""

    crash: Crash
    app: App
    rules: Rules
    rows: list[Occurrence]
    chosen: Occurrence | None
    newer: str | None  # the occurrence beside the chosen one, by its name
    older: str | None
    merged: list[dict[str, Any]]
    triage: "TriageOfCrash"


@dataclass(frozen=True)
class TriageOfCrash:
    """What people have decided about it, and may decide."""

    state: StateView
    assignee: str | None
    members: list[str]
    versions: list[str]
    window: PageWindow
    entries: list[EntryView]
    has_next: bool


@blueprint.get("/crashes/<crash_identifier>")
@needs(Access.VIEWER)
def show(crash_identifier: str) -> Response:
    """The crash that this identifier leads to; `occurrence` is the one to tell in full, else the newest."""
    who = signed_in()
    dates = {name: value for name in ("since_date", "until_date") if (value := request.args.get(name))}
    since = iso_time.since("since_date", dates.get("since_date"))
    until = iso_time.until("until_date", dates.get("until_date"))
    with services().db.read() as session:
        found = _find(session, who.user_id, crash_identifier, since, until)
    crash = found.crash
    statistics = ask(who.user_id, "crash_statistics", crash.identifier, dates)
    report = _report(who.user_id, crash, found.chosen)
    return render(
        "crash.html",
        app=found.app,
        here="crashes.show",
        crash=crash,
        crash_title=found.rules.text(crash.title),
        why=_why(crash.why, found.rules),
        merged=found.merged,
        triage=found.triage,
        rows=found.rows,
        chosen=found.chosen,
        newer=found.newer,
        older=found.older,
        facts_of={one.id: _facts(one, found.rules) for one in found.rows},
        dates=dates,
        listing=request_path("occurrences", crash.identifier, dates),
        exporting=request_path("export_occurrence", crash.identifier, _named(found.chosen)) if found.chosen else None,
        batching=request_path("crash_batch", crash.identifier, {}),
        report_formats=sorted(REPORTS),
        batch_formats=FORMATS,
        statistics=statistics,
        chart=_chart(statistics),
        earlier=_earlier(crash, statistics) if not dates else None,
        breakdowns=_breakdowns(statistics),
        report=report,
        view=view_of(report.result) if report and report.result else None,
        is_pending=statistics.is_pending or bool(report and report.is_pending),
    )


def _find(session: Session, user_id: int, identifier: str, since: datetime | None, until: datetime | None) -> CrashView:
    crash = visible_crash(session, user_id, identifier)
    app = session.get_one(App, crash.app_id)
    rules, _ = rules_of(session, app.id)
    rows = newest_occurrences(session, crash.id, since, until, FIRST_ROWS)
    chosen = _chosen(session, crash, request.args.get("occurrence", "")) or (rows[0] if rows else None)
    merged = [
        {"title": rules.text(group.title), "fingerprint": group.fingerprint, "decided_at": group.decided_at,
         "is_moving": group.moved_at is None}
        for group in merged_into(session, crash.identifier, SHOWN_GROUPS)
    ]  # fmt: skip
    newer, older = beside(session, chosen) if chosen else (None, None)
    return CrashView(crash, app, rules, rows, chosen, newer, older, merged, _triage(session, user_id, crash, rules))


def _triage(session: Session, user_id: int, crash: Crash, rules: Rules) -> TriageOfCrash:
    window = read_window(request.args, SHOWN_ENTRIES)
    entries = history_of(session, crash, window.limit, window.offset)
    assignee = assignees_of(session, [crash.id]).get(crash.id)
    return TriageOfCrash(
        state=state_of(crash, crash.resolved_in and rules.text(crash.resolved_in)),
        assignee=assignee.email if assignee else None,
        members=[member.email for member in members_of(session, crash.app_id, OFFERED_MEMBERS, 0)],
        versions=newest_versions(session, crash.id, LOOKED_THROUGH)[:OFFERED_VERSIONS],
        window=window,
        entries=[entry_of(entry, rules, user_id) for entry in window.page_of(entries)],
        has_next=window.has_next(entries),
    )


def _chosen(session: Session, crash: Crash, name: str) -> Occurrence | None:
    """The occurrence that the address names. Raises NotFound when it is none of this crash."""
    if not name:
        return None
    named = read_occurrence_name(name)
    found = find_occurrence(session, crash.id, *named) if named else None
    if found is None:
        raise NotFound("There is no such occurrence of this crash")
    return found


def _facts(occurrence: Occurrence, rules: Rules) -> str:
    """Version, device and user of an occurrence, as far as its log names them and the app lets them out."""
    told = Facts(app_version=occurrence.app_version, device_model=occurrence.device_model, user_id=occurrence.user_id)
    known = redact_facts(told, rules)
    return " · ".join(value for value in (known.app_version, known.device_model, known.user_id) if value)


def _named(occurrence: Occurrence) -> dict[str, str]:
    day = occurrence.occurred_at.astimezone(UTC).date()
    return {"id": occurrence.name, "log_id": occurrence.log_id, "date": day.isoformat()}


def _report(user_id: int, crash: Crash, chosen: Occurrence | None) -> PageResult | None:
    if chosen is None:
        return None
    return ask(user_id, "export_occurrence", crash.identifier, {**_named(chosen), "format": "json"})


def _chart(statistics: PageResult) -> object:
    if statistics.result is None:
        return None
    first = date.fromisoformat(statistics.result["first_day"])
    return histogram(first, statistics.result["occurrences_per_day"])


def _earlier(crash: Crash, statistics: PageResult) -> date | None:
    """The day of the first occurrence, when it is before those that the figures are about."""
    first = crash.first_seen.astimezone(UTC).date()
    result = statistics.result
    return first if result is not None and first < date.fromisoformat(result["first_day"]) else None


def _breakdowns(statistics: PageResult) -> list[dict[str, Any]]:
    """Of each fact its title and rows of label, occurrences and per cent."""
    if statistics.result is None:
        return []
    total = statistics.result["occurrences"]
    found = []
    for name, title, facts in BREAKDOWNS:
        if name not in statistics.result:  # counted by an earlier release
            continue
        breakdown = statistics.result[name]
        rows = [
            _share(joined(one[fact] for fact in facts), one["occurrences"], total)
            | {"filters": {fact: one[fact] for fact in facts if one[fact]}}
            for one in breakdown["top"]
        ]
        rows += [
            _share(label, breakdown[label], total) | {"filters": {}}
            for label in ("other", "unknown")
            if breakdown[label]
        ]
        if breakdown["top"] or name != "environments":  # few senders tell one
            found.append({"title": title, "rows": rows})
    return found


def _share(label: str, occurrences: int, total: int) -> dict[str, Any]:
    share = round(100 * occurrences / max(total, 1), 1)
    return {"label": label, "occurrences": occurrences, "share": share, "text": f"{share} %" if share else "< 0.1 %"}


def _why(text: str | None, rules: Rules) -> Mapping[str, Any] | None:
    if text is None:
        return None
    explanation: dict[str, Any] = json.loads(text)
    return {**explanation, "parts": [rules.text(part) for part in explanation["parts"]]}

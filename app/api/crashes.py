"""One crash: what it is and why, and what people decide about its grouping."""

import json
from typing import Any

from flask import Blueprint, Response
from sqlalchemy.orm import Session

from app import iso_time
from app.api import answers
from app.api.context import services, user_id
from app.api.request_values import request_values
from app.db.app import App
from app.db.crash import Crash, newest_versions
from app.db.grouping_decision import GroupingDecision, merged_into
from app.errors import BadParameters
from app.ingest import merging
from app.jobs.crash_access import visible_crash
from app.jobs.redacting import rules_of
from app.redaction.rules import Rules

blueprint = Blueprint("crashes", __name__, url_prefix="/api")

SHOWN_GROUPS = 100  # of one crash, the latest decisions first
LOOKED_THROUGH = 1_000  # newest occurrences that tell the versions


@blueprint.get("/crashes/<crash_identifier>")
def show_crash(crash_identifier: str) -> Response:
    """A crash, why its occurrences are one, and what was merged into it."""
    user = user_id()
    with services().db.read() as session:
        return _crash_response(session, visible_crash(session, user, crash_identifier))


@blueprint.post("/crashes/<crash_identifier>/merge")
def merge_crash(crash_identifier: str) -> Response:
    """Count a crash's occurrences in another one; answers with that one."""
    user, into = user_id(), _only("into")
    with services().db.read() as session:
        crash, target = visible_crash(session, user, crash_identifier), visible_crash(session, user, into)
    merging.merge(services(), user, crash, target)
    with services().db.read() as session:
        return _crash_response(session, visible_crash(session, user, target.identifier))


@blueprint.post("/crashes/<crash_identifier>/split")
def split_crash(crash_identifier: str) -> Response:
    """Make a merged group a crash of its own again; answers with the crash it leaves."""
    user, fingerprint = user_id(), _only("fingerprint")
    with services().db.read() as session:
        crash = visible_crash(session, user, crash_identifier)
    merging.split(services(), user, crash, fingerprint)
    with services().db.read() as session:
        return _crash_response(session, visible_crash(session, user, crash.identifier))


def _only(name: str) -> str:
    """The one value that is asked for. Raises BadParameters."""
    values = request_values()
    unknown = sorted(set(values) - {name})
    if unknown:
        raise BadParameters(f"Unknown parameter; known is {name}")
    if not values.get(name) or "\n" in values[name]:
        raise BadParameters(f"{name} has to be given, once")
    return values[name]


def _crash_response(session: Session, crash: Crash) -> Response:
    app = session.get_one(App, crash.app_id)
    groups = merged_into(session, crash.identifier, SHOWN_GROUPS)
    rules, _ = rules_of(session, app.id)
    return answers.success(
        {
            "identifier": crash.identifier,
            "title": rules.text(crash.title),
            "app_identifier": app.identifier,
            "first_seen": iso_time.rfc3339(crash.first_seen),
            "last_seen": iso_time.rfc3339(crash.last_seen),
            "occurrences_count": crash.occurrences_count,
            "versions": newest_versions(session, crash.id, LOOKED_THROUGH),
            "fingerprint": crash.fingerprint,
            "why": _why(crash.why, rules),
            "merged": [_merged(group, rules) for group in groups],
        }
    )


def _merged(group: GroupingDecision, rules: Rules) -> dict[str, Any]:
    return {
        "identifier": group.identifier,
        "title": rules.text(group.title),
        "fingerprint": group.fingerprint,
        "why": _why(group.why, rules),
        "decided_at": iso_time.rfc3339(group.decided_at),
        "moving": group.moved_at is None,
    }


def _why(text: str | None, rules: Rules) -> Any:
    if text is None:
        return None
    explanation = json.loads(text)
    return {"symbols": False, **explanation, "parts": [rules.text(part) for part in explanation["parts"]]}

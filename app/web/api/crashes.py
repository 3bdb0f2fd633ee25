"""One crash: what it is and why, and what people decide about its grouping."""

import json
from typing import Annotated, Any

from pydantic import Field

from app import iso_time
from app.crashes.state_terms import read_terms
from app.db import Session
from app.db.models.app import App
from app.db.models.crash import Crash, CrashState, newest_versions
from app.db.models.crash_assignee import assignees_of
from app.db.models.grouping_decision import GroupingDecision, merged_into
from app.errors import BadParameters
from app.identity.access import Access
from app.ingest import regrouping
from app.jobs.access import visible_crash
from app.jobs.report_making import rules_of
from app.json_models import RequestBody, ResponseBody, Time
from app.redaction.rules import Rules
from app.web.api import tags
from app.web.api.request_values import request_values
from app.web.api.resource import Resource
from app.web.auth import services

resource = Resource("crashes", tags.CRASHES, url_prefix="/api/crashes/<crash_identifier>", access=Access.VIEWER)
CrashIdentifier = Annotated[str, Field(description="24 hex digits, from the list of an app's crashes")]

SHOWN_GROUPS = 100  # of one crash, the latest decisions first
LOOKED_THROUGH = 1_000  # newest occurrences that tell the versions


class IgnoredUntilBody(ResponseBody, component="IgnoredUntil"):
    """What ends a crash's being ignored: one of these, as it was asked for."""

    date: Time | None = Field(examples=["2018-10-01T00:00:00Z"])
    occurrences: int | None = Field(description="So many more", examples=[None])
    users: int | None = Field(description="So many more", examples=[None])


def ignored_until(crash: Crash) -> IgnoredUntilBody | None:
    """None for a crash that is not ignored, or for good."""
    return _body({**read_terms(crash.terms), "date": crash.ignored_until})


def ignored_until_in(terms: str | None) -> IgnoredUntilBody | None:
    """The same of an entry of a history."""
    told: dict[str, Any] = json.loads(terms) if terms else {}
    return _body({**told, "date": iso_time.since("date", told.get("date"))})


def _body(told: dict[str, Any]) -> IgnoredUntilBody | None:
    fields = {name: told.get(name) for name in IgnoredUntilBody.model_fields}
    return IgnoredUntilBody(**fields) if any(value is not None for value in fields.values()) else None


class Why(ResponseBody, component="Why"):
    """What a fingerprint was made of."""

    rule: str
    version: int = Field(examples=[2])
    parts: list[str]
    symbols: bool = Field(description="Names came from symbols")


class MergedGroup(ResponseBody):
    """A group that people have merged into the crash."""

    identifier: str = Field(examples=["61f0a2c4e8b3d5976a4c2e10"])
    title: str
    fingerprint: str = Field(examples=["5d2c7e9f0a1b3c4d6e8f70819a2b3c4d"])
    why: Why | None
    decided_at: Time
    moving: bool


class CrashInFull(ResponseBody, component="CrashInFull"):
    """A crash with its grouping."""

    identifier: str
    title: str
    app_identifier: str
    first_seen: Time
    last_seen: Time
    occurrences_count: int
    versions: list[str]
    fingerprint: str
    why: Why | None = Field(description="What the fingerprint was made of; null for a crash made before this was kept")
    merged: list[MergedGroup]
    state: CrashState
    state_changed_at: Time | None = Field(description="null: open since it was first seen")
    resolved_in: str | None = Field(description="A version, or `next`; null: resolved now, or not resolved")
    ignored_until: IgnoredUntilBody | None = Field(description="null: for good, or not ignored", examples=[None])
    assignee: str | None = Field(description="E-mail", examples=["ada@example.com"])
    regressed_at: Time | None = Field(description="When it came back; null once people have changed its state")


class MergeRequest(RequestBody):
    """The crash that another one is merged into."""

    into: str


class SplitRequest(RequestBody):
    """The group that is to be a crash of its own again."""

    fingerprint: str


@resource.get("", "showCrash", "A crash, and why its occurrences are one", about="The crash", errors=(404,))
def show_crash(user: int, crash_identifier: CrashIdentifier) -> CrashInFull:
    """A crash, why its occurrences are one, and what was merged into it."""
    with services().db.read() as session:
        return crash_in_full(session, visible_crash(session, user, crash_identifier))


@resource.post(
    "/merge", "mergeCrash", "Count its occurrences in another crash, now and from now on", access=Access.MEMBER,
    about="The crash", errors=(404, 409), reads=MergeRequest,
)  # fmt: skip
def merge_crash(user: int, crash_identifier: CrashIdentifier) -> CrashInFull:
    """Count a crash's occurrences in another one; answers with that one."""
    into = _only("into")
    with services().db.read() as session:
        crash, target = visible_crash(session, user, crash_identifier), visible_crash(session, user, into)
    regrouping.merge(services(), user, crash, target)
    with services().db.read() as session:
        return crash_in_full(session, visible_crash(session, user, target.identifier))


@resource.post(
    "/split", "splitCrash", "Make what was merged into it a crash of its own again", access=Access.MEMBER,
    about="The crash", errors=(404,), reads=SplitRequest,
)  # fmt: skip
def split_crash(user: int, crash_identifier: CrashIdentifier) -> CrashInFull:
    """Make a merged group a crash of its own again; answers with the crash it leaves."""
    fingerprint = _only("fingerprint")
    with services().db.read() as session:
        crash = visible_crash(session, user, crash_identifier)
    regrouping.split(services(), user, crash, fingerprint)
    with services().db.read() as session:
        return crash_in_full(session, visible_crash(session, user, crash.identifier))


def _only(name: str) -> str:
    """The one value of the body, or of the query. Raises BadParameters."""
    given = request_values()
    unknown = sorted(set(given) - {name})
    if unknown:
        raise BadParameters(f"Unknown parameter; known is {name}")
    if not given.get(name) or "\n" in given[name]:
        raise BadParameters(f"{name} has to be given, once")
    return given[name]


def crash_in_full(session: Session, crash: Crash) -> CrashInFull:
    """The body of a crash that the user may see."""
    app = session.get_one(App, crash.app_id)
    groups = merged_into(session, crash.identifier, SHOWN_GROUPS)
    rules, _ = rules_of(session, app.id)
    assignee = assignees_of(session, [crash.id]).get(crash.id)
    return CrashInFull.of(
        crash,
        title=rules.text(crash.title),
        app_identifier=app.identifier,
        versions=newest_versions(session, crash.id, LOOKED_THROUGH),
        why=_why(crash.why, rules),
        merged=[_merged(group, rules) for group in groups],
        resolved_in=crash.resolved_in and rules.text(crash.resolved_in),
        ignored_until=ignored_until(crash),
        assignee=assignee.email if assignee else None,
    )


def _merged(group: GroupingDecision, rules: Rules) -> MergedGroup:
    return MergedGroup.of(
        group, title=rules.text(group.title), why=_why(group.why, rules), moving=group.moved_at is None
    )


def _why(text: str | None, rules: Rules) -> Why | None:
    if text is None:
        return None
    stored = json.loads(text)
    return Why(**{"symbols": False, **stored, "parts": [rules.text(part) for part in stored["parts"]]})

"""Changes of state and assignee, of one crash or of many, in one transaction."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import structlog
from pydantic import Field

from app import iso_time
from app.crashes.facts import as_fact
from app.crashes.state_terms import NEXT, read_terms, write_terms
from app.db import Session
from app.db.models.app import App
from app.db.models.crash import Crash, CrashState
from app.db.models.crash_assignee import assign, assignees_of
from app.db.models.crash_history import CrashHistory, HistoryAction
from app.db.models.user import MAX_EMAIL, User
from app.db.queries.reopening import OPEN_AGAIN, ignored_until_past
from app.db.queries.triage import (
    crashes_of_app,
    known_versions,
    lock_crashes,
    member_named,
    users_since,
    versions_of,
)
from app.errors import BadParameters
from app.json_models import RequestBody
from app.services import Services

MOST_AT_ONCE = 500  # crashes of one change
MOST_USERS = 10_000  # more of them that end being ignored: a digest may have to count as many
MOST_OCCURRENCES = 1_000_000_000
MAX_VERSION = 128  # characters
ENDED_AT_ONCE = 500

log = structlog.get_logger()


class IgnoredUntil(RequestBody):
    """What ends being ignored: exactly one of these."""

    date: str | None = Field(default=None, max_length=iso_time.MAX_LENGTH, examples=["2018-10-01"])
    occurrences: int | None = Field(default=None, ge=1, le=MOST_OCCURRENCES, examples=[None])
    users: int | None = Field(default=None, ge=1, le=MOST_USERS, examples=[None])


class TriageChange(RequestBody, change=True):
    """What is to be changed: only what is given."""

    state: Literal["open", "resolved", "ignored"] = "open"
    resolved_in: str | None = Field(
        default=None, min_length=1, max_length=MAX_VERSION, examples=["1.3"],
        description="With `resolved`: a version, or `next` for the next one that appears; null: now",
    )  # fmt: skip
    ignored_until: IgnoredUntil | None = Field(default=None, description="With `ignored`; null: for good")
    assignee: str | None = Field(
        default=None, min_length=1, max_length=MAX_EMAIL, examples=["ada@example.com"],
        description="E-mail of a member; null: nobody",
    )  # fmt: skip


class CrashesChange(TriageChange, change=True):
    """The same of many crashes of an app."""

    identifiers: list[str] = Field(min_length=1, max_length=MOST_AT_ONCE, examples=[["2eab310c430bf292171281ae"]])


class Outcome(NamedTuple):
    """What became of one identifier of many."""

    identifier: str
    crash: Crash | None  # that it leads to; None: the app has no such crash
    is_changed: bool


class _Plan(NamedTuple):
    """A change that was checked."""

    state: CrashState | None
    resolved_in: str | None
    ignored_for: dict[str, int]  # occurrences or users
    ignored_until: datetime | None
    assignee: int | None  # row id
    assigns: bool
    known: list[str]  # versions of the app
    user_id: int
    now: datetime


def change_one(services: Services, user_id: int, crash: Crash, wanted: TriageChange) -> None:
    """Change a crash that the user may see. Raises BadParameters, and nothing is changed then."""
    now = services.now()
    with services.db.write() as session:
        plan = _check(session, crash.app_id, [crash.id], wanted, user_id, now)
        _apply(session, lock_crashes(session, [crash.id]), plan)
    log.info("crash_changed", crash=crash.identifier, user=user_id)


def change_many(services: Services, user_id: int, app: App, wanted: CrashesChange) -> list[Outcome]:
    """Change crashes of an app, all in one transaction; returns what became of each identifier, in the order given.

    Raises BadParameters, and nothing is changed then. What the app has not is no error.
    """
    now = services.now()
    shapes = [one for one in wanted.identifiers if one.isascii() and one.isalnum() and len(one) == 24]
    with services.db.write() as session:
        found = crashes_of_app(session, app.id, shapes)
        plan = _check(session, app.id, [crash.id for crash in found.values()], wanted, user_id, now)
        locked = lock_crashes(session, [crash.id for crash in found.values()])
        changed = _apply(session, locked, plan)
    log.info("crashes_changed", app=app.identifier, user=user_id, crashes=len(changed))
    outcomes = []
    for identifier in dict.fromkeys(wanted.identifiers):
        crash = found.get(identifier)
        outcomes.append(Outcome(identifier, crash, crash is not None and crash.id in changed))
    return outcomes


def end_ignoring(services: Services) -> int:
    """Open crashes again that were ignored until a day that has come; returns how many. The sweep calls it."""
    now = services.now()
    with services.db.write() as session:
        past = ignored_until_past(session, now, ENDED_AT_ONCE)
        for crash in past:
            _set(crash, {**OPEN_AGAIN, "state_changed_at": now})
            session.add(CrashHistory(crash_id=crash.id, happened_at=now, action=HistoryAction.UNIGNORED))
    if past:
        log.info("ignoring_ended", crashes=len(past))
    return len(past)


def _check(
    session: Session, app_id: int, crash_ids: Sequence[int], wanted: TriageChange, user_id: int, now: datetime
) -> _Plan:
    """Raises BadParameters naming what does not fit."""
    given = wanted.model_fields_set - {"identifiers"}
    if not given:
        raise BadParameters("Nothing is to be changed: give state or assignee")
    for name, state in (("resolved_in", "resolved"), ("ignored_until", "ignored")):
        if name in given and not ("state" in given and wanted.state == state):
            raise BadParameters(f"{name}: goes with the state {state} only")
    resolved_in = _version(wanted.resolved_in)
    known: list[str] = []
    if resolved_in is not None:
        own = versions_of(session, crash_ids[0]) if len(crash_ids) == 1 else []
        known = list(dict.fromkeys([*own, *known_versions(session, app_id, crash_ids, now.date())]))
        if resolved_in == NEXT and not known:
            raise BadParameters("resolved_in: no version of the app is known, so none is the next one")
    ignored_until, ignored_for = _end(wanted.ignored_until, now)
    return _Plan(
        state=CrashState(wanted.state) if "state" in given else None,
        resolved_in=resolved_in,
        ignored_for=ignored_for,
        ignored_until=ignored_until,
        assignee=_assignee(session, app_id, wanted.assignee),
        assigns="assignee" in given,
        known=known,
        user_id=user_id,
        now=now,
    )


def _version(text: str | None) -> str | None:
    if text is None:
        return None
    if as_fact(text) != text or not text.strip() or not text.isprintable():
        raise BadParameters("resolved_in: this can be no version")
    return text.strip()


def _assignee(session: Session, app_id: int, email: str | None) -> int | None:
    if email is None:
        return None
    member = member_named(session, app_id, email.strip()) if email.isprintable() else None
    if member is None:
        raise BadParameters("assignee: the app has no member with this e-mail")
    return member.id


def _end(until: IgnoredUntil | None, now: datetime) -> tuple[datetime | None, dict[str, int]]:
    """(the day, or occurrences or users as `state_terms` has them)"""
    if until is None:
        return None, {}
    given = {name: value for name in ("date", "occurrences", "users") if (value := getattr(until, name)) is not None}
    if len(given) != 1:
        raise BadParameters("ignored_until: give one of date, occurrences and users")
    if until.date is None:
        return None, given
    day = iso_time.since("ignored_until.date", until.date)
    if day is None or day.astimezone(UTC) <= now:
        raise BadParameters("ignored_until.date: this is past")
    return day, {}


def _apply(session: Session, locked: Sequence[Crash], plan: _Plan) -> set[int]:
    """Change locked crashes; returns the row ids of those that were not like that already."""
    assignees = assignees_of(session, [crash.id for crash in locked]) if plan.assigns else {}
    changed = {crash.id for crash in locked if _change(session, crash, assignees.get(crash.id), plan)}
    session.flush()
    return changed


def _change(session: Session, crash: Crash, assignee: User | None, plan: _Plan) -> bool:
    entries: list[CrashHistory] = []
    if plan.state is not None and not _is_so(crash, plan):
        entries.append(_CHANGES[plan.state](session, crash, plan))
        crash.state, crash.state_changed_at, crash.regressed_at = plan.state, plan.now, None
    if plan.assigns and plan.assignee != (assignee.id if assignee else None):
        assign(session, crash.id, plan.assignee)
        action = HistoryAction.UNASSIGNED if plan.assignee is None else HistoryAction.ASSIGNED
        entries.append(CrashHistory(action=action, assignee_id=plan.assignee))
    for entry in entries:
        entry.crash_id, entry.happened_at, entry.user_id = crash.id, plan.now, plan.user_id
        session.add(entry)
    return bool(entries)


def _is_so(crash: Crash, plan: _Plan) -> bool:
    if crash.state is not plan.state or plan.resolved_in == NEXT or plan.ignored_for:
        return False
    terms = read_terms(crash.terms)
    ends = (crash.resolved_in, crash.ignored_until, terms.get("occurrences"), terms.get("users"))
    return ends == (plan.resolved_in, plan.ignored_until, None, None)


def _resolve(_: Session, crash: Crash, plan: _Plan) -> CrashHistory:
    terms = write_terms(known=plan.known if plan.resolved_in else None)
    _set(crash, {**OPEN_AGAIN, "resolved_in": plan.resolved_in, "terms": terms})
    return CrashHistory(action=HistoryAction.RESOLVED, version=plan.resolved_in)


def _ignore(session: Session, crash: Crash, plan: _Plan) -> CrashHistory:
    before = users_since(session, crash.id, plan.now.date()) if "users" in plan.ignored_for else None
    left = plan.ignored_for.get("occurrences", plan.ignored_for.get("users"))
    terms = write_terms(**plan.ignored_for, before=before)
    _set(crash, {**OPEN_AGAIN, "terms": terms, "ignored_until": plan.ignored_until, "ignored_left": left})
    day = iso_time.rfc3339(plan.ignored_until) if plan.ignored_until else None
    return CrashHistory(action=HistoryAction.IGNORED, terms=write_terms(date=day, **plan.ignored_for))


def _reopen(_: Session, crash: Crash, __: _Plan) -> CrashHistory:
    _set(crash, OPEN_AGAIN)
    return CrashHistory(action=HistoryAction.REOPENED)


def _set(crash: Crash, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(crash, name, value)


_CHANGES: dict[CrashState, Callable[[Session, Crash, _Plan], CrashHistory]] = {
    CrashState.RESOLVED: _resolve,
    CrashState.IGNORED: _ignore,
    CrashState.OPEN: _reopen,
}

"""One release of an app, or two side by side: figures by day, new crashes, and those that occurred most."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from app.crashes.facts import as_fact
from app.db import Database, Session
from app.db.models.crash import Crash
from app.db.models.crash_figure import KNOWN
from app.db.queries.releases import crashes_by_row, incomplete_figures
from app.db.queries.statistics import open_statistics
from app.errors import BadParameters
from app.iso_time import rfc3339
from app.jobs.job_type import AnyJob, Artefact, Body, Run, Showing, Subject
from app.jobs.release_bodies import ReleaseFigures
from app.jobs.release_figures import Releases, VersionFacts
from app.jobs.report_making import rules_of
from app.jobs.statistics import DatesQuery, read_dates, show_figures, store_figures
from app.jobs.types.releases import CHANGING, MAX_TEXT, STEPS, scope_of
from app.json_models import Day, ResponseBody, Time, read_params
from app.redaction.rules import Rules

PATH = "/apps/<app_identifier>/release"
UNIT = "steps"
SUMMARY = "A release of an app, or two side by side: figures by day, new crashes, most frequent crashes"
MOST_CRASHES = 50  # of a list, the most frequent first


class ReleaseQuery(DatesQuery):
    """Which release, the time and the environment."""

    version: str = Field(examples=["2.4.0"], description="As the list of releases has it; empty: the unknown one")
    compare: str | None = Field(default=None, examples=["2.3.9"], description="A second release")
    environment: str = Field(default="", examples=["production"])


class CrashOfRelease(ResponseBody):
    """A crash in a release."""

    crash_identifier: str
    title: str
    first_seen: Time
    occurrences: int = Field(description="In this release and these days")


class ReleaseInFull(ReleaseFigures):
    """A release with its crashes."""

    new: list[CrashOfRelease] = Field(
        description=f"Crashes that were first seen in it, the most frequent {MOST_CRASHES}"
    )
    regressed: list[CrashOfRelease] = Field(description="Crashes that came back in it after they had been resolved")
    top: list[CrashOfRelease] = Field(
        description=f"Crashes that occurred in it in these days, the {MOST_CRASHES} most frequent"
    )


class ReleaseComparison(ResponseBody):
    """One or two releases."""

    first_day: Day
    last_day: Day
    incomplete_crashes: int = Field(description="Crashes that workers still count; they are missing here", examples=[0])
    releases: list[ReleaseInFull] = Field(description="The one that was asked for, and the one it is compared with")


QUERY, RESULT = ReleaseQuery, Annotated[ReleaseComparison | None, Field(description="null while loading")]


class ReleaseParams(BaseModel, frozen=True):
    """The normalised request."""

    app_identifier: str
    version: str = Field(max_length=MAX_TEXT)
    compare: str | None = Field(default=None, max_length=MAX_TEXT)
    environment: str | None = Field(default=None, max_length=MAX_TEXT)
    since: datetime | None = None  # UTC, inclusive
    until: datetime | None = None  # UTC, exclusive


Params = ReleaseParams


def read(app_identifier: str, query: Mapping[str, str]) -> ReleaseParams:
    """Check versions and dates. Raises BadParameters naming the parameter."""
    if "version" not in query:
        raise BadParameters("version has to be given; empty is the unknown one")
    given = {
        "app_identifier": app_identifier,
        "version": query["version"],
        "compare": query.get("compare"),
        "environment": query.get("environment") or None,
        **read_dates(query),
    }
    return read_params(ReleaseParams, given)


def expect(_db: Database, _about: Subject, _params: ReleaseParams) -> int:
    """A step for each query."""
    return STEPS


def current_revision(_about: Subject) -> int:
    """Another one than results have."""
    return CHANGING


def compute(params: ReleaseParams, run: Run) -> Artefact:
    """Count in the database, in one snapshot, and store the figures."""
    scope = scope_of(run, params.since, params.until, params.environment)
    named = [params.version] if params.compare is None else [params.version, params.compare]
    versions = [KNOWN + (as_fact(name) or "") if name else "" for name in named]
    run.expect(STEPS)
    with open_statistics(run.db) as session:
        rules, _ = rules_of(session, run.app_id)
        releases = Releases(session, scope, versions)
        run.advance(1)
        figures = releases.figures(versions)
        incomplete = incomplete_figures(session, run.app_id)
        run.advance(1)
        for version, one in zip(versions, figures, strict=True):
            facts = releases.found[version]
            one["new"] = _crashes(session, facts, facts.new, rules)
            one["regressed"] = _crashes(session, facts, facts.regressed, rules)
            one["top"] = _crashes(session, facts, list(facts.by_crash), rules)
    run.advance(1)
    days = {"first_day": scope.first_day.isoformat(), "last_day": scope.last_day.isoformat()}
    made: dict[str, Any] = {**days, "incomplete_crashes": incomplete, "releases": figures}
    return store_figures(run, made, params.app_identifier)


def _crashes(session: Session, facts: VersionFacts, crash_ids: Sequence[int], rules: Rules) -> list[dict[str, Any]]:
    """The most frequent of these crashes, those that have occurrences at all."""
    by_number = sorted(crash_ids, key=lambda crash_id: (-facts.by_crash.get(crash_id, 0), crash_id))[:MOST_CRASHES]
    rows = crashes_by_row(session, by_number)
    found = [(rows[crash_id], facts.by_crash.get(crash_id, 0)) for crash_id in by_number if crash_id in rows]
    return [_crash(crash, number, rules) for crash, number in found]


def _crash(crash: Crash, occurrences: int, rules: Rules) -> dict[str, Any]:
    return {
        "crash_identifier": crash.identifier,
        "title": rules.text(crash.title),
        "first_seen": rfc3339(crash.first_seen),
        "occurrences": occurrences,
    }


def present(job: AnyJob, showing: Showing) -> Body:
    """The figures; null while they are being counted."""
    return show_figures(job, showing)

"""The releases of an app: per version occurrences, users, new crashes, sessions and the shares of them without a crash."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from app.crashes.facts import as_fact
from app.db import Database
from app.db.models.crash_figure import KNOWN
from app.db.queries.releases import ReleaseScope, incomplete_figures
from app.db.queries.statistics import open_statistics
from app.jobs.job_type import AnyJob, Artefact, Body, Run, Showing, Subject
from app.jobs.release_bodies import ReleaseFigures
from app.jobs.release_figures import Releases
from app.jobs.statistics import DatesQuery, read_dates, show_figures, store_figures, window
from app.json_models import Day, ResponseBody, read_params
from app.paging import read_paging

PATH = "/apps/<app_identifier>/releases"
UNIT = "steps"
SUMMARY = "Releases of an app: occurrences, users, new crashes, sessions, crash-free rates, adoption"
DAYS = 30  # up to today, where no dates are given
PER_PAGE, MAX_PER_PAGE = 50, 200
MAX_PAGE = 100_000
MAX_TEXT = 200  # characters of an environment
STEPS = 3  # what progress counts: versions, users and days, the result
CHANGING = 1
"""Sessions arrive without changing a crash, so a result answers for as long as any fresh one, and then is made anew."""


class ReleasesQuery(DatesQuery):
    """The time, the environment, and the page."""

    environment: str = Field(default="", examples=["production"], description="Only of this one")
    page: int = Field(default=1, description="From 1")
    per_page: int = Field(default=PER_PAGE, description=f"1 to {MAX_PER_PAGE}; out of range: {PER_PAGE}")


class ReleasesBody(ResponseBody):
    """A page of releases."""

    first_day: Day
    last_day: Day
    total: int = Field(description="Releases on all pages", examples=[12])
    sessions: int = Field(description="Of all releases", examples=[52_000])
    sessions_of_other_versions: int = Field(
        description="Of versions beyond the first 300 of a day, which are counted together", examples=[0]
    )
    incomplete_crashes: int = Field(description="Crashes that workers still count; they are missing here", examples=[0])
    releases: list[ReleaseFigures] = Field(
        description="By version, newest first; what sorts with nothing last, and the unknown version behind"
    )


QUERY, RESULT = ReleasesQuery, Annotated[ReleasesBody | None, Field(description="null while loading")]


class ReleasesParams(BaseModel, frozen=True):
    """The normalised request."""

    app_identifier: str
    since: datetime | None = None  # UTC, inclusive
    until: datetime | None = None  # UTC, exclusive
    environment: str | None = Field(default=None, max_length=MAX_TEXT)
    page: int = Field(default=1, le=MAX_PAGE)
    per_page: int = PER_PAGE


Params = ReleasesParams


def read(app_identifier: str, query: Mapping[str, str]) -> ReleasesParams:
    """Check dates and page. Raises BadParameters naming the parameter."""
    page, per_page = read_paging(query)
    is_fitting = per_page is not None and "per_page" in query and 1 <= per_page <= MAX_PER_PAGE
    given = {
        "app_identifier": app_identifier,
        **read_dates(query),
        "environment": query.get("environment") or None,
        "page": page or 1,
        "per_page": per_page if is_fitting else PER_PAGE,
    }
    return read_params(ReleasesParams, given)


def expect(_db: Database, _about: Subject, _params: ReleasesParams) -> int:
    """A step for each query."""
    return STEPS


def current_revision(_about: Subject) -> int:
    """Another one than results have."""
    return CHANGING


def scope_of(run: Run, since: datetime | None, until: datetime | None, environment: str | None) -> ReleaseScope:
    """The days, whole ones, and the environment of a request."""
    days = window(since, until, run.now(), DAYS)
    chosen = KNOWN + (as_fact(environment) or "") if environment else None
    return ReleaseScope(run.app_id, days.first_day, days.last_day, chosen)


def compute(params: ReleasesParams, run: Run) -> Artefact:
    """Count in the database, in one snapshot, and store the figures."""
    scope = scope_of(run, params.since, params.until, params.environment)
    run.expect(STEPS)
    with open_statistics(run.db) as session:
        releases = Releases(session, scope)
        run.advance(1)
        versions = releases.in_order()
        first = (params.page - 1) * params.per_page
        shown = releases.figures(versions[first : first + params.per_page])
        incomplete = incomplete_figures(session, run.app_id)
        run.advance(1)
    figures: dict[str, Any] = {
        "first_day": scope.first_day.isoformat(),
        "last_day": scope.last_day.isoformat(),
        "total": len(versions),
        "sessions": releases.sessions,
        "sessions_of_other_versions": releases.other_sessions,
        "incomplete_crashes": incomplete,
        "releases": shown,
    }
    run.advance(1)
    return store_figures(run, figures, params.app_identifier)


def present(job: AnyJob, showing: Showing) -> Body:
    """The figures; null while they are being counted."""
    return show_figures(job, showing)

"""Some crashes of an app in figures, as many as a page of their list shows: occurrences per day, users, versions."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, Field

from app.db import Database
from app.db.models.crash import totals
from app.db.models.crash_figure import USER
from app.db.queries.counted_span import NOBODY, FactFilter, NamedCrash
from app.db.queries.finding import MOST_READ
from app.db.queries.statistics import (
    count_days,
    count_users,
    count_versions,
    find_span,
    has_users,
    named_crashes,
    open_statistics,
)
from app.errors import BadParameters
from app.fact_query import FactQuery, fact_filters, joined
from app.jobs.job_type import AnyJob, Artefact, Body, Run, Showing, Subject
from app.jobs.report_making import rules_of
from app.jobs.statistics import (
    Breakdown,
    DatesQuery,
    VersionCount,
    breakdown,
    read_dates,
    show_figures,
    store_figures,
    window,
)
from app.json_models import Day, ResponseBody, read_params

PATH = "/apps/<app_identifier>/crashes/statistics"
UNIT = "occurrences"
SUMMARY = "Some crashes of an app in figures: occurrences per day, users, versions"
DAYS = 30  # up to the latest occurrence of any of them, where no dates are given
MOST_CRASHES = 50
MOST_VERSIONS = 5  # of a crash that are listed by name
PASSES = 3  # over the occurrences, for progress: days, users, versions
NOT_COUNTED = f"null with a filter other than the version that fits more than {MOST_READ:,} occurrences"
IDENTIFIER = re.compile(r"[0-9a-f]{24}")


class AppStatisticsQuery(DatesQuery, FactQuery):
    """Which crashes, the time, and what their occurrences have in common."""

    crashes: str = Field(
        examples=["2eab310c430bf292171281ae,8c1f2e3d4b5a69788796a5b4"],
        description=f"Identifiers with commas between, at most {MOST_CRASHES}; those that are not the app's are left out",
    )


class FiguresOfCrash(ResponseBody):
    """The figures of one of the crashes."""

    crash_identifier: str
    occurrences: int = Field(description="From the first day to the last")
    users: int | None = Field(description=f"Distinct ones, as far as logs name them; {NOT_COUNTED}")
    occurrences_without_user: int | None = Field(description=f"Occurrences that name no user; {NOT_COUNTED}")
    occurrences_per_day: list[int] = Field(description="Of every day, oldest first")
    app_versions: Breakdown[VersionCount] | None = Field(description=f"The most frequent ones; {NOT_COUNTED}")


class AppFigures(ResponseBody):
    """The figures of several crashes."""

    first_day: Day
    last_day: Day
    crashes: list[FiguresOfCrash] = Field(description="By identifier")


QUERY, RESULT = AppStatisticsQuery, Annotated[AppFigures | None, Field(description="null while loading")]


class AppStatisticsParams(BaseModel, frozen=True):
    """The normalised request."""

    app_identifier: str
    crashes: tuple[str, ...]  # identifiers, sorted and without repetition
    since: datetime | None = None  # UTC, inclusive
    until: datetime | None = None  # UTC, exclusive
    facts: tuple[FactFilter, ...] = ()  # that the occurrences have


Params = AppStatisticsParams


def read(app_identifier: str, query: Mapping[str, str]) -> AppStatisticsParams:
    """Check identifiers, dates and filters. Raises BadParameters naming the parameter.

    No user is taken for a filter: the request is kept with its job, longer than an erasure may leave their name.
    """
    named = sorted({name.strip() for name in query.get("crashes", "").split(",")} - {""})
    if not named:
        raise BadParameters("crashes has to name at least one crash")
    if len(named) > MOST_CRASHES:
        raise BadParameters(f"crashes names more than {MOST_CRASHES} crashes")
    if not all(IDENTIFIER.fullmatch(name) for name in named):
        raise BadParameters("crashes has something that is no identifier of a crash: 24 hex digits")
    facts = joined(fact_filters(FactQuery.read(query)))
    if any(fact.fact == USER for fact in facts):
        raise BadParameters("search: user: is no filter of statistics")
    given = {"app_identifier": app_identifier, "crashes": tuple(named), "facts": facts, **read_dates(query)}
    return read_params(AppStatisticsParams, given)


def expect(db: Database, about: Subject, params: AppStatisticsParams) -> int:
    """As many occurrences as these crashes have in the time asked for, if they are spread evenly over theirs.

    Raises BadParameters where several filters would have to read too many.
    """
    with db.read() as session:
        found = named_crashes(session, about.app_id, params.crashes)
        if not found:
            return 0
        dates = window(params.since, params.until, max(crash.last_seen for crash in found), DAYS)
        if len(params.facts) > 1:
            find_span(session, [crash.id for crash in found], dates.since, dates.until, params.facts)
    return sum(_about_within(crash, dates.since, dates.until) for crash in found)


def current_revision(about: Subject) -> int:
    """Grows with every change of a crash of the app and of what it lets out of them: neither ever shrinks."""
    return about.revision + about.reports_revision


def compute(params: AppStatisticsParams, run: Run) -> Artefact:
    """Count in the database, in one snapshot, and store the figures."""
    with open_statistics(run.db) as session:
        rules, reports_revision = rules_of(session, run.app_id)
        run.shows(totals(session, run.app_id)[0] + reports_revision)  # neither ever shrinks
        crashes = named_crashes(session, run.app_id, params.crashes)
        latest = min(max((crash.last_seen for crash in crashes), default=run.now()), run.now())
        dates = window(params.since, params.until, latest, DAYS)
        span = find_span(session, [crash.id for crash in crashes], dates.since, dates.until, params.facts)
        per_day = count_days(session, span, dates.days) if crashes else {}
        totals_of = {crash_id: sum(numbers) for crash_id, numbers in per_day.items()}
        step, rest = divmod(sum(totals_of.values()), PASSES)
        run.expect(step * PASSES + rest)
        run.advance(step + rest)
        are_told = has_users(span)
        users = count_users(session, span) if crashes and are_told else {}
        run.advance(step)
        versions = count_versions(session, span, MOST_VERSIONS) if crashes and are_told else {}
        run.advance(step)
    figures = {
        **dates.to_json(),
        "crashes": [
            {
                "crash_identifier": crash.identifier,
                "occurrences": totals_of[crash.id],
                "users": users.get(crash.id, NOBODY).users if are_told else None,
                "occurrences_without_user": totals_of[crash.id] - users.get(crash.id, NOBODY).occurrences
                if are_told
                else None,
                "occurrences_per_day": per_day[crash.id],
                "app_versions": breakdown(
                    versions.get(crash.id, []), ("app_version",), totals_of[crash.id], MOST_VERSIONS, rules
                )
                if are_told
                else None,
            }
            for crash in crashes
        ],
    }
    return store_figures(run, figures, params.app_identifier)


def present(job: AnyJob, showing: Showing) -> Body:
    """The figures; null while they are being counted."""
    return show_figures(job, showing)


def _about_within(crash: NamedCrash, since: datetime, until: datetime) -> int:
    day = timedelta(days=1)
    within = min(crash.last_seen, until) - max(crash.first_seen, since) + day
    return int(crash.occurrences_count * min(max(within / (crash.last_seen - crash.first_seen + day), 0.0), 1.0))

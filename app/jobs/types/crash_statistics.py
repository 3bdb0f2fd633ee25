"""A crash in figures: occurrences per day, users, and what versions, systems and devices it met."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from app.db.models.crash import Crash
from app.db.queries.counted_span import NOBODY
from app.db.queries.statistics import (
    count_days,
    count_environments,
    count_fact,
    count_users,
    find_span,
    open_statistics,
)
from app.jobs.job_type import AnyJob, Artefact, Body, Run, Showing, Subject
from app.jobs.report_making import rules_of
from app.jobs.statistics import (
    BREAKDOWNS,
    DatesQuery,
    FiguresOfDays,
    breakdown,
    environments,
    read_dates,
    show_figures,
    store_figures,
    window,
)
from app.json_models import read_params

PATH = "/crashes/<crash_identifier>/statistics"
UNIT = "occurrences"
SUMMARY = "A crash in figures: occurrences per day, users, versions, systems, devices"
DAYS = 90  # up to the latest occurrence, where no dates are given
MOST_VALUES = 20  # of a fact that are listed by name

PASSES = 2 + len(BREAKDOWNS)  # over the occurrences, for progress: days, users and each of these


class CrashFigures(FiguresOfDays):
    """The figures of a crash."""


QUERY, RESULT = DatesQuery, Annotated[CrashFigures | None, Field(description="null while loading")]


class CrashStatisticsParams(BaseModel, frozen=True):
    """The normalised request."""

    crash_identifier: str
    since: datetime | None = None  # UTC, inclusive
    until: datetime | None = None  # UTC, exclusive


Params = CrashStatisticsParams


def read(crash_identifier: str, query: Mapping[str, str]) -> CrashStatisticsParams:
    """Check the dates. Raises BadParameters naming the parameter."""
    return read_params(CrashStatisticsParams, {"crash_identifier": crash_identifier, **read_dates(query)})


def current_revision(about: Subject) -> int:
    """Grows with every change of the crash and of what the app lets out of it: neither ever shrinks."""
    return about.revision + about.reports_revision


def compute(params: CrashStatisticsParams, run: Run) -> Artefact:
    """Count in the database, in one snapshot, and store the figures."""
    with open_statistics(run.db) as session:
        crash = session.get_one(Crash, run.crash_id)
        rules, reports_revision = rules_of(session, run.app_id)
        run.shows(crash.revision + reports_revision)  # neither ever shrinks, so their sum tells of both
        dates = window(params.since, params.until, min(crash.last_seen, run.now()), DAYS)
        span = find_span(session, [crash.id], dates.since, dates.until)
        per_day = count_days(session, span, dates.days)[crash.id]
        total = sum(per_day)
        step, rest = divmod(total, PASSES)
        run.expect(total)
        run.advance(step + rest)
        users = count_users(session, span).get(crash.id, NOBODY)
        run.advance(step)
        breakdowns = {}
        for name, (fact, columns) in BREAKDOWNS.items():
            counted = count_fact(session, span, fact, MOST_VALUES)
            breakdowns[name] = breakdown(counted, columns, total, MOST_VALUES, rules)
            run.advance(step)
        breakdowns["environments"] = environments(count_environments(session, span), total, MOST_VALUES, rules)
    figures = {
        **dates.to_json(),
        "occurrences": total,
        "users": users.users,
        "occurrences_without_user": total - users.occurrences,
        "occurrences_per_day": per_day,
        **breakdowns,
    }
    return store_figures(run, figures, params.crash_identifier)


def present(job: AnyJob, showing: Showing) -> Body:
    """The figures; null while they are being counted."""
    return show_figures(job, showing)

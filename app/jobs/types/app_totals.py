"""A whole app in figures: crashes, occurrences per day, users, and what versions, systems, devices and environments it met."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from app.db import Database
from app.db.models.crash import latest_of, totals
from app.db.queries.app_counts import AppDays, count_app_days, count_app_fact, count_app_users
from app.db.queries.statistics import open_statistics
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

PATH = "/apps/<app_identifier>/statistics"
UNIT = "occurrences"
SUMMARY = "An app in figures: crashes, occurrences per day, users, versions, systems, devices, environments"
DAYS = 30  # up to the latest occurrence, where no dates are given
MOST_VALUES = 20  # of a fact that are listed by name


class TotalsOfApp(FiguresOfDays):
    """The figures of an app."""

    crashes: int = Field(description="With an occurrence in these days", examples=[12])


QUERY, RESULT = DatesQuery, Annotated[TotalsOfApp | None, Field(description="null while loading")]


class AppTotalsParams(BaseModel, frozen=True):
    """The normalised request."""

    app_identifier: str
    since: datetime | None = None  # UTC, inclusive
    until: datetime | None = None  # UTC, exclusive


Params = AppTotalsParams


def read(app_identifier: str, query: Mapping[str, str]) -> AppTotalsParams:
    """Check the dates. Raises BadParameters naming the parameter."""
    return read_params(AppTotalsParams, {"app_identifier": app_identifier, **read_dates(query)})


def expect(db: Database, about: Subject, _params: AppTotalsParams) -> int:
    """All occurrences of the app, at most."""
    with db.read() as session:
        return totals(session, about.app_id)[1]


def current_revision(about: Subject) -> int:
    """Grows with every change of a crash of the app and of what it lets out of them: neither ever shrinks."""
    return about.revision + about.reports_revision


def compute(params: AppTotalsParams, run: Run) -> Artefact:
    """Count in the database, in one snapshot, and store the figures. Days are whole."""
    with open_statistics(run.db) as session:
        rules, reports_revision = rules_of(session, run.app_id)
        run.shows(totals(session, run.app_id)[0] + reports_revision)
        latest = min(latest_of(session, run.app_id) or run.now(), run.now())
        dates = window(params.since, params.until, latest, DAYS)
        of = AppDays(run.app_id, dates.first_day, dates.last_day)
        per_day, crashes = count_app_days(session, of)
        total = sum(per_day.values())
        run.expect(total)
        users = count_app_users(session, of)
        run.advance(total)
        breakdowns = {
            name: breakdown(count_app_fact(session, of, fact, MOST_VALUES), columns, total, MOST_VALUES, rules)
            for name, (fact, columns) in BREAKDOWNS.items()
        }
        met = count_app_fact(session, of, "environment", None)
    figures = {
        **dates.to_json(),
        "crashes": crashes,
        "occurrences": total,
        "users": users.users,
        "occurrences_without_user": total - users.occurrences,
        "occurrences_per_day": [per_day.get(day.isoformat(), 0) for day in dates.days],
        **breakdowns,
        "environments": environments(met, total, MOST_VALUES, rules),
    }
    return store_figures(run, figures, params.app_identifier)


def present(job: AnyJob, showing: Showing) -> Body:
    """The figures; null while they are being counted."""
    return show_figures(job, showing)

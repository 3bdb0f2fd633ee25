"""Releases of an app, and one release or two side by side: figures that jobs make of crashes and sessions."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, request
from markupsafe import Markup

from app.identity.access import Access
from app.web.auth import services
from app.web.console.charts import histogram, sparkline
from app.web.console.page import Nav, app_of, render, signed_in
from app.web.console.page_access import needs
from app.web.console.page_results import PageResult, ask
from app.web.console.paging import read_window

NAV = Nav("Releases", "releases.show", "version", 15, of_app=True)

KEPT = ("environment", "since_date", "until_date")
RANGES = (7, 30, 90)  # days up to today
DAYS = 30  # of these the API tells where no dates are given
PER_PAGE = 50
LISTS = (
    ("new", "New crashes", "First seen in this release"),
    ("regressed", "Regressed crashes", "Came back in this release after they were resolved"),
    ("top", "Most frequent crashes", "In these days"),
)

blueprint = Blueprint("releases", __name__)


@blueprint.get("/apps/<app_identifier>/releases")
@needs(Access.VIEWER)
def show(app_identifier: str) -> Response:
    """A page of the releases, newest first."""
    app, window, asked_for = app_of(app_identifier), read_window(request.args, PER_PAGE), _asked_for()
    query = asked_for | {"page": str(window.page), "per_page": str(PER_PAGE)}
    found = ask(signed_in().user_id, "releases", app.identifier, query)
    result = found.result or {"releases": [], "total": 0, "sessions": 0}
    return render(
        "releases.html",
        app=app,
        found=found,
        rows=[_row(one, result) for one in result["releases"]],
        has_sessions=bool(result["sessions"]),
        window=window,
        has_next=window.page * PER_PAGE < result["total"],
        asked_for=asked_for,
        ranges=_ranges(asked_for),
        percent=percent,
        is_pending=found.is_pending,
    )


@blueprint.get("/apps/<app_identifier>/release")
@needs(Access.VIEWER)
def show_one(app_identifier: str) -> Response:
    """The release `version`, beside the release `compare` if that is given."""
    app, asked_for = app_of(app_identifier), _asked_for()
    named = {"version": request.args.get("version", "").strip()}
    if compare := request.args.get("compare", "").strip():
        named["compare"] = compare
    found = ask(signed_in().user_id, "release", app.identifier, {**asked_for, **named})
    releases = found.result["releases"] if found.result else []
    return render(
        "release.html",
        app=app,
        here="releases.show",
        found=found,
        version=named["version"],
        compare=compare,
        releases=releases,
        charts=[_charts(one, found) for one in releases],
        lists=LISTS,
        measures=MEASURES,
        asked_for=asked_for,
        ranges=_ranges({**named, **asked_for}),
        percent=percent,
        is_pending=found.is_pending,
    )


def percent(share: float | None) -> str:
    """A share as per cent, cut to two digits behind the point: what is not whole never reads 100 %."""
    if share is None:
        return "–"
    hundredths = int(round(share * 100_000) // 10)
    return f"{hundredths / 100:.2f}".rstrip("0").rstrip(".") + " %"


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


MEASURES = (
    ("Crash-free sessions", "crash_free_sessions", percent),
    ("Crash-free users", "crash_free_users", percent),
    ("Adoption, 7 days", "adoption_7_days", percent),
    ("Sessions", "sessions", _number),
    ("Crashed sessions", "crashed_sessions", _number),
    ("Sessions with an error", "errored_sessions", _number),
    ("Users of sessions", "session_users", _number),
    ("Occurrences", "occurrences", _number),
    ("Users with a crash", "users", _number),
    ("Crashes", "crashes", _number),
    ("New crashes", "new_crashes", _number),
    ("Regressed crashes", "regressed_crashes", _number),
)
"""Label, field of a release, and how it is written."""


def _asked_for() -> dict[str, str]:
    return {name: value for name in KEPT if (value := request.args.get(name, "").strip())}


def _row(one: dict[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    first = date.fromisoformat(result["first_day"])
    return {
        **one,
        "crash_chart": sparkline(first, one["occurrences_per_day"]),
        "session_chart": sparkline(first, one["sessions_per_day"], "Sessions") if one["sessions"] else None,
    }


def _charts(one: dict[str, Any], found: PageResult) -> list[tuple[str, Markup]]:
    """Title and chart, for a release with figures."""
    first = date.fromisoformat(found.result["first_day"])
    charts = [("Occurrences per day", histogram(first, one["occurrences_per_day"]))]
    if one["sessions"]:
        charts.append(("Sessions per day", histogram(first, one["sessions_per_day"], "Sessions")))
    return charts


def _ranges(kept: Mapping[str, str]) -> list[dict[str, Any]]:
    """Times to choose by one press: the last so many days."""
    others = {name: value for name, value in kept.items() if name not in ("since_date", "until_date")}
    today = services().now().date()
    found = []
    for days in RANGES:
        since = (today - timedelta(days=days - 1)).isoformat()
        is_chosen = kept.get("since_date", "" if "until_date" in kept else _since_by_default(today)) == since
        is_chosen = is_chosen and "until_date" not in kept
        href = f"?{urlencode({**others, 'since_date': since})}"
        found.append({"label": f"{days} d", "href": href, "is_chosen": is_chosen})
    return found


def _since_by_default(today: date) -> str:
    return (today - timedelta(days=DAYS - 1)).isoformat()

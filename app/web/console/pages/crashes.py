"""The crashes of an app: searched, filtered, in order, with figures that a job counts."""

import json
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, request

from app import saved_views
from app.catalog import ORDERS, CrashPage, CrashQuery, crash_page
from app.crashes.kind import KINDS
from app.crashes.search import read_search
from app.db.models.crash import SORTS, Wanted, crashes_of
from app.db.models.crash_figure import USER
from app.db.models.membership import members_of
from app.db.models.saved_view import SavedView
from app.errors import BadParameters
from app.fact_query import fact_filters
from app.identity.access import Access
from app.web.auth import services
from app.web.console.charts import sparkline
from app.web.console.page import Nav, app_of, link, render, signed_in
from app.web.console.page_access import needs
from app.web.console.page_results import PageResult, ask
from app.web.console.paging import read_window
from app.web.console.triage_view import state_of

NAV = Nav("Crashes", "crashes.show", "crash", 10, of_app=True)

FACTS = (
    ("app_version", "Version"), ("os_name", "System"), ("os_version", "System version"), ("device_model", "Device"),
    ("environment", "Environment"), ("user_id", "User"), ("tag", "Tag (name:value)"), ("assignee", "Assignee"),
)  # fmt: skip
CHOICES = (
    ("kind", "Kind", (("", "Any"), *((kind, kind.replace("_", " ")) for kind in KINDS))),
    ("handled", "Handled", (("", "Any"), ("false", "No"), ("true", "Yes"))),
)
FILTERS = (*(name for name, _ in FACTS), *(name for name, *_ in CHOICES))
TIMES = ("since_date", "until_date", "first_seen_since")
COUNTED_BY = ("search", "since_date", "until_date", *(name for name in FILTERS if name not in ("user_id", "assignee")))
"""By what trend, users and versions are counted."""
KEPT = ("state", "search", *FILTERS, *TIMES, "sort", "order")
ORDERED_BY = (
    ("last_seen", "Last seen"), ("first_seen", "First seen"), ("occurrences_count", "Occurrences"), ("users", "Users"),
)  # fmt: skip
RANGES = (("24 h", 1), ("7 d", 7), ("30 d", 30), ("90 d", 90))
COLUMNS = (
    ("occurrences_count", "Occurrences"),
    ("users", "Users"),
    ("first_seen", "First seen"),
    ("last_seen", "Last seen"),
)
SHOWN_VERSIONS = 2  # of a crash, in its row

STATE_TABS = (("open", "Open"), ("resolved", "Resolved"), ("ignored", "Ignored"), ("all", "All"))
OFFERED_MEMBERS = 200  # to assign crashes to

blueprint = Blueprint("crashes", __name__)


@blueprint.get("/apps/<app_identifier>/crashes")
@needs(Access.VIEWER)
def show(app_identifier: str) -> Response:
    """Those that the address asks for, by the same names as the API's; what makes no sense is named beside the form."""
    app, window = app_of(app_identifier), read_window(request.args)
    asked_for = {name: value for name in KEPT if (value := request.args.get(name, "").strip())}
    problem, status, page = None, 200, CrashPage([], [])
    try:
        crash_query = CrashQuery.read({"state": _state_where_none_is_asked_for(asked_for), **asked_for})
    except BadParameters as error:
        crash_query, problem, status = CrashQuery.read({"state": STATE_TABS[0][0]}), error.message, 400
    with services().db.read() as session:
        try:
            if not problem:
                page = crash_page(session, app.id, crash_query, window.limit, window.offset, signed_in().user_id)
        except BadParameters as error:  # more than may be read: the form says what to do
            problem = error.message
        is_empty = not page.rows and not crashes_of(session, app.id, Wanted(), sort=SORTS[0], limit=1, offset=0)
        members = [member.email for member in members_of(session, app.id, OFFERED_MEMBERS, 0)]
    facts = list(fact_filters(crash_query, crash_query.user_id))
    has_user = any(fact.fact == USER for fact in facts)  # of whom statistics tell nothing
    figures = None if has_user else _figures(app.identifier, [one.crash.identifier for one in page.shown], asked_for)
    return render(
        "crashes.html",
        status=status,
        app=app,
        rows=page.shown,
        window=window,
        has_next=window.has_next(page.rows),
        asked_for=asked_for,
        is_filtered=bool(set(asked_for) - {"state", "sort", "order"}),
        is_empty=is_empty and not problem,
        problem=problem,
        views=_views(app.identifier, saved_views.saved_views(services(), app, signed_in().user_id)),
        fact_fields=FACTS,
        choice_fields=CHOICES,
        is_narrowed=bool(facts),
        has_users=any(one.match.users is not None for one in page.shown),  # of the whole time that is chosen
        has_facts=any(asked_for.get(name) for name in (*FILTERS, *TIMES)),
        ordered_by=ORDERED_BY,
        new_since=crash_query.since_date,
        states=[_tab(value, label, crash_query.state, asked_for) for value, label in STATE_TABS],
        state_views={one.crash.id: state_of(one.crash, one.resolved_in) for one in page.shown},
        members=members,
        query={name: value for name, value in request.args.items() if name in (*KEPT, "page")},
        sort=crash_query.sort,
        columns=[_column(name, label, crash_query.sort, crash_query.order, asked_for) for name, label in COLUMNS],
        ranges=_ranges(asked_for),
        figures=figures,
        figures_of=_figures_of(figures),
        is_pending=bool(figures and figures.is_pending),
    )


def _figures(app_identifier: str, identifiers: list[str], asked_for: dict[str, str]) -> PageResult | None:
    if not identifiers:
        return None
    query = {"crashes": ",".join(identifiers)}
    query |= {name: value for name, value in asked_for.items() if name in COUNTED_BY}
    try:
        return ask(signed_in().user_id, "app_statistics", app_identifier, query)
    except BadParameters:  # several filters, of more occurrences than may be read: there are counts, and no trend
        return None


def _figures_of(figures: PageResult | None) -> dict[str, dict[str, Any]]:
    """Crash identifier -> its figures, with the sparkline."""
    if figures is None or figures.result is None:
        return {}
    first = date.fromisoformat(figures.result["first_day"])
    return {
        one["crash_identifier"]: {
            "occurrences": one["occurrences"],
            "users": one["users"],
            **_versions(one["app_versions"] or {"top": [], "other": 0}),
            "sparkline": sparkline(first, one["occurrences_per_day"]),
        }
        for one in figures.result["crashes"]
    }  # fmt: skip


def _versions(counted: dict[str, Any]) -> dict[str, Any]:
    names = [version["app_version"] for version in counted["top"]]
    more = max(len(names) - SHOWN_VERSIONS, 0) + (counted["other"] > 0)
    return {"versions": names[:SHOWN_VERSIONS], "more_versions": more}


def _state_where_none_is_asked_for(asked_for: dict[str, str]) -> str:
    """Open ones, unless the search says which."""
    says = any(term.key == "is" for term in read_search(asked_for.get("search", "")).terms)
    return STATE_TABS[-1][0] if says else STATE_TABS[0][0]


def _views(app_identifier: str, views: list[SavedView]) -> list[dict[str, str]]:
    """The user's saved views, as links."""
    return [
        {"name": one.name, "identifier": one.identifier,
         "href": link("crashes.show", app_identifier=app_identifier, **json.loads(one.query))}
        for one in views
    ]  # fmt: skip


def _tab(value: str, label: str, chosen: str, asked_for: dict[str, str]) -> dict[str, Any]:
    """A link to the crashes of one state."""
    return {"label": label, "href": f"?{urlencode({**asked_for, 'state': value})}", "is_chosen": value == chosen}


def _column(name: str, label: str, sort: str, order: str, asked_for: dict[str, str]) -> dict[str, str]:
    """A heading that sorts: by it from high to low, and then the other way round."""
    is_chosen = name == sort
    other = ORDERS[1] if is_chosen and order == ORDERS[0] else ORDERS[0]
    kept: dict[str, str] = {key: value for key, value in asked_for.items() if key not in ("sort", "order")}
    chosen = {"sort": name, "order": other}
    return {
        "label": label,
        "href": f"?{urlencode({**kept, **chosen})}",
        "order": ("descending" if order == ORDERS[0] else "ascending") if is_chosen else "",
    }


def _ranges(asked_for: dict[str, str]) -> list[dict[str, Any]]:
    """Times to choose by one press: the last so many days, all time."""
    kept = {key: value for key, value in asked_for.items() if key not in ("since_date", "until_date")}
    today = services().now().date()
    found = []
    for label, days in RANGES:
        since = (today - timedelta(days=days)).isoformat()
        is_chosen = asked_for.get("since_date") == since and "until_date" not in asked_for
        found.append({"label": label, "href": f"?{urlencode({**kept, 'since_date': since})}", "is_chosen": is_chosen})
    is_all = "since_date" not in asked_for and "until_date" not in asked_for
    return [*found, {"label": "All", "href": f"?{urlencode(kept)}", "is_chosen": is_all}]

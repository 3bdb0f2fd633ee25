"""The crashes of an app as its members may see them: what can be asked of the list, and the titles it shows."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, NamedTuple

from pydantic import Field

from app.crashes.distinction import Titled, told_apart
from app.crashes.search import read_search
from app.db import Session
from app.db.models.crash import Crash, CrashState, Wanted
from app.db.models.crash_assignee import assignees_of
from app.db.queries.finding import FOUND_SORTS, NOBODY, CrashFilter, CrashMatch, find_crashes
from app.errors import BadParameters
from app.fact_query import Fact, FactQuery, Text, fact_filters, joined
from app.jobs.report_making import rules_of
from app.json_models import OneOf, Since, Until
from app.redaction.rules import Rules

ORDERS = ("desc", "asc")
STATES = ("all", *(state.value for state in CrashState))
SEARCHED_THROUGH = 2_000  # crashes of an app that takes something out of titles
_SEEN = "{} occurrence not {} this day (UTC) or time, ISO 8601"


class CrashQuery(FactQuery):
    """Which crashes, and in what order."""

    since_date: Annotated[Since, Field(description="First day (UTC) or time, ISO 8601")] = None
    until_date: Annotated[Until, Field(description="Last day (UTC) or time, ISO 8601")] = None
    first_seen_since: Annotated[Since, Field(description=_SEEN.format("First", "before"))] = None
    first_seen_until: Annotated[Until, Field(description=_SEEN.format("First", "after"))] = None
    last_seen_since: Annotated[Since, Field(description=_SEEN.format("Latest", "before"))] = None
    last_seen_until: Annotated[Until, Field(description=_SEEN.format("Latest", "after"))] = None
    state: Annotated[str, OneOf(STATES, STATES[0]), Field(description="Only crashes in this state")] = STATES[0]
    assignee: Annotated[Text, Field(description="E-mail of a member, `me` or `none`", examples=["ada@example.com"])] = (
        ""
    )
    user_id: Fact = ""
    sort: Annotated[str, OneOf(FOUND_SORTS, FOUND_SORTS[0]), Field(description="What the list is ordered by")] = (
        FOUND_SORTS[0]
    )
    order: Annotated[str, OneOf(ORDERS, ORDERS[0]), Field(description="From high to low, or from low to high")] = (
        ORDERS[0]
    )

    @property
    def wanted(self) -> Wanted:
        """The filters, as the database takes them."""
        return Wanted(
            self.since_date,
            self.until_date,
            self.first_seen_since,
            self.first_seen_until,
            self.last_seen_since,
            self.last_seen_until,
            read_search(self.search).words,
            states=_states(self),
        )

    def sought(self, user_id: int) -> CrashFilter:
        """The filters and the facts, as the database takes them; `user_id` is who asks."""
        return CrashFilter(self.wanted, joined(fact_filters(self, self.user_id)), _assignee(self, user_id))


class ListedCrash(NamedTuple):
    """A crash, and its title and version without what the app takes out."""

    match: CrashMatch
    title: str
    resolved_in: str | None
    assignee: str | None  # e-mail

    @property
    def crash(self) -> Crash:
        """The row."""
        return self.match.crash


class CrashPage(NamedTuple):
    """A page of the list."""

    shown: list[ListedCrash]
    rows: list[CrashMatch]  # one more than the page holds when there is a next one


def crash_page(
    session: Session, app_id: int, crash_query: CrashQuery, limit: int, offset: int, user_id: int
) -> CrashPage:
    """`limit` rows from the `offset`-th, of which the last one only tells that there is a next page.

    What an app takes out of titles is not to be found by searching for it either, nor shown by how many rows there are: of
    such an app SEARCHED_THROUGH found crashes are looked at, and pages are made of what is left.
    """
    rules, _ = rules_of(session, app_id)
    words = crash_query.wanted.words
    is_hiding = rules.is_on and bool(words)
    rows = find_crashes(
        session,
        app_id,
        crash_query.sought(user_id),
        sort=crash_query.sort,
        is_ascending=crash_query.order == "asc",
        limit=SEARCHED_THROUGH if is_hiding else limit,
        offset=0 if is_hiding else offset,
    )
    if is_hiding:
        rows = [one for one in rows if _is_found(one.crash.title, rules, words)][offset : offset + limit]
    assignees = assignees_of(session, [one.crash.id for one in rows[: limit - 1]])
    titled = [
        ListedCrash(
            one,
            rules.text(one.crash.title),
            one.crash.resolved_in and rules.text(one.crash.resolved_in),
            assignees[one.crash.id].email if one.crash.id in assignees else None,
        )
        for one in rows[: limit - 1]
    ]
    return CrashPage(_told_apart(titled, rules), rows)


def _states(query: CrashQuery) -> tuple[CrashState, ...]:
    """One of these; none: any. Raises BadParameters when the search contradicts the parameter."""
    terms = [CrashState(term.value) for term in read_search(query.search).terms if term.key == "is"]
    if query.state == STATES[0]:
        return tuple(terms)
    if terms and CrashState(query.state) not in terms:
        raise BadParameters(f"search: is:{terms[0].value} contradicts state={query.state}")
    return (CrashState(query.state),)


def _assignee(query: CrashQuery, user_id: int) -> int | str | None:
    """A user's row id or e-mail, NOBODY, or None for any."""
    given = {query.assignee, *(term.value for term in read_search(query.search).terms if term.key == "assignee")} - {""}
    if len(given) > 1:
        raise BadParameters("search: assignee is given twice")
    found = next(iter(given), None)
    return {None: None, "me": user_id, "none": NOBODY}.get(found, found)


def _told_apart(shown: Sequence[ListedCrash], rules: Rules) -> list[ListedCrash]:
    """No two rows of a page look the same: equal titles say how their crashes differ."""
    twice = {title for title, count in Counter(one.title for one in shown).items() if count > 1}
    if not twice:
        return list(shown)
    titled = [
        Titled(one.title, one.crash.identifier, _parts(one.crash, rules) if one.title in twice else ()) for one in shown
    ]
    return [one._replace(title=title) for one, title in zip(shown, told_apart(titled), strict=True)]


def _parts(crash: Crash, rules: Rules) -> tuple[str, ...]:
    return tuple(rules.text(part) for part in json.loads(crash.why)["parts"]) if crash.why else ()


def _is_found(title: str, rules: Rules, words: Sequence[str]) -> bool:
    shown = rules.text(title)
    return shown == title or _has(shown, words)


def _has(title: str, words: Sequence[str]) -> bool:
    return all(word.casefold() in title.casefold() for word in words)

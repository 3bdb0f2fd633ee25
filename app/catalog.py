"""The crashes of an app as its members may see them: what can be asked of the list, and the titles it shows."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator, Field, WithJsonSchema

from app.crashes.distinction import Titled, told_apart
from app.db import Session
from app.db.models.crash import SORTS, Crash, CrashState, Wanted, crashes_of
from app.db.models.crash_assignee import assignees_of
from app.errors import BadParameters
from app.jobs.report_making import rules_of
from app.json_models import OneOf, Query, Since, Until
from app.redaction.rules import Rules

ORDERS = ("desc", "asc")
STATES = ("all", *(state.value for state in CrashState))
MAX_SEARCH, MAX_WORDS = 200, 10  # characters, as many as a title has; words
_SEEN = "{} occurrence not {} this day (UTC) or time, ISO 8601"


def _checked_search(search: str) -> str:
    if len(search) > MAX_SEARCH:
        raise BadParameters(f"search has more than {MAX_SEARCH} characters")
    if not search.isprintable():
        raise BadParameters("search has characters that no title has")
    if len(set(search.split())) > MAX_WORDS:
        raise BadParameters(f"search has more than {MAX_WORDS} words")
    return search


class CrashQuery(Query):
    """Which crashes, and in what order."""

    since_date: Annotated[Since, Field(description="First day (UTC) or time, ISO 8601")] = None
    until_date: Annotated[Until, Field(description="Last day (UTC) or time, ISO 8601")] = None
    first_seen_since: Annotated[Since, Field(description=_SEEN.format("First", "before"))] = None
    first_seen_until: Annotated[Until, Field(description=_SEEN.format("First", "after"))] = None
    last_seen_since: Annotated[Since, Field(description=_SEEN.format("Latest", "before"))] = None
    last_seen_until: Annotated[Until, Field(description=_SEEN.format("Latest", "after"))] = None
    search: Annotated[
        str,
        BeforeValidator(_checked_search),
        WithJsonSchema({"type": "string", "maxLength": MAX_SEARCH}),
        Field(description=f"At most {MAX_WORDS} words, each in the title, in capitals or not"),
    ] = ""
    state: Annotated[str, OneOf(STATES, STATES[0]), Field(description="Only crashes in this state")] = STATES[0]
    sort: Annotated[str, OneOf(SORTS, SORTS[0]), Field(description="What the list is ordered by")] = SORTS[0]
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
            tuple(sorted(set(self.search.split()))),
            states=() if self.state == STATES[0] else (CrashState(self.state),),
        )


class ListedCrash(NamedTuple):
    """A crash, and its title and version without what the app takes out."""

    crash: Crash
    title: str
    resolved_in: str | None
    assignee: str | None  # e-mail


class CrashPage(NamedTuple):
    """A page of the list."""

    shown: list[ListedCrash]
    rows: list[Crash]  # one more than the page holds when there is a next one


def crash_page(session: Session, app_id: int, crash_query: CrashQuery, limit: int, offset: int) -> CrashPage:
    """`limit` rows from the `offset`-th, of which the last one only tells that there is a next page.

    What an app takes out of titles is not to be found by searching for it either: such a crash is left out of its page.
    """
    rules, _ = rules_of(session, app_id)
    rows = crashes_of(
        session,
        app_id,
        crash_query.wanted,
        sort=crash_query.sort,
        is_ascending=crash_query.order == "asc",
        limit=limit,
        offset=offset,
    )
    assignees = assignees_of(session, [crash.id for crash in rows[: limit - 1]])
    titled = [
        ListedCrash(
            crash,
            rules.text(crash.title),
            crash.resolved_in and rules.text(crash.resolved_in),
            assignees[crash.id].email if crash.id in assignees else None,
        )
        for crash in rows[: limit - 1]
    ]
    words = crash_query.wanted.words
    shown = [one for one in titled if one.title == one.crash.title or _has(one.title, words)]
    return CrashPage(_told_apart(shown, rules), rows)


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


def _has(title: str, words: Sequence[str]) -> bool:
    return all(word.casefold() in title.casefold() for word in words)

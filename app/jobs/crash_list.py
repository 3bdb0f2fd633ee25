"""The crashes of an app as its members may see them: what can be asked of the list, and the titles it shows."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy.orm import Session

from app import iso_time
from app.db.crash import SORTS, Crash, Wanted, crashes_of
from app.errors import BadParameters
from app.jobs.redacting import rules_of

ORDERS = ("desc", "asc")
MAX_SEARCH, MAX_WORDS = 200, 10  # characters, as many as a title has; words


class CrashQuery(NamedTuple):
    """Which crashes, and in what order."""

    wanted: Wanted
    sort: str  # one of SORTS
    order: str  # one of ORDERS


class ShownCrash(NamedTuple):
    """A crash and its title without what the app takes out."""

    crash: Crash
    title: str


class CrashPage(NamedTuple):
    """A page of the list."""

    shown: list[ShownCrash]
    rows: list[Crash]  # one more than the page holds when there is a next one


def read_crash_query(query: Mapping[str, str]) -> CrashQuery:
    """Filters, search and order. Raises BadParameters naming the parameter."""
    wanted = Wanted(
        since=iso_time.since("since_date", query.get("since_date")),
        until=iso_time.until("until_date", query.get("until_date")),
        first_since=iso_time.since("first_seen_since", query.get("first_seen_since")),
        first_until=iso_time.until("first_seen_until", query.get("first_seen_until")),
        last_since=iso_time.since("last_seen_since", query.get("last_seen_since")),
        last_until=iso_time.until("last_seen_until", query.get("last_seen_until")),
        words=_words(query.get("search", "")),
    )
    return CrashQuery(wanted, _choice("sort", query, SORTS), _choice("order", query, ORDERS))


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
    titled = [ShownCrash(crash, rules.text(crash.title)) for crash in rows[: limit - 1]]
    words = crash_query.wanted.words
    return CrashPage([one for one in titled if one.title == one.crash.title or _has(one.title, words)], rows)


def _choice(name: str, query: Mapping[str, str], known: Sequence[str]) -> str:
    value = query.get(name) or known[0]
    if value not in known:
        raise BadParameters(f"{name} is not one of {', '.join(known)}")
    return value


def _has(title: str, words: Sequence[str]) -> bool:
    return all(word.casefold() in title.casefold() for word in words)


def _words(search: str) -> tuple[str, ...]:
    if len(search) > MAX_SEARCH:
        raise BadParameters(f"search has more than {MAX_SEARCH} characters")
    if not search.isprintable():
        raise BadParameters("search has characters that no title has")
    words = tuple(sorted(set(search.split())))
    if len(words) > MAX_WORDS:
        raise BadParameters(f"search has more than {MAX_WORDS} words")
    return words

"""What ends the state of a crash: an occurrence after the fix, or terms, which its row keeps as JSON.

Terms: `known`, the versions of the app that were known when the crash was resolved. `occurrences`, `users`, how many more end its
being ignored. `before`, how many users it had on that UTC day already.
"""

import json
from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from app.crashes.version_order import compare

NEXT = "next"
"""Stands for the version in which a crash is resolved: the next one that appears."""


def write_terms(**terms: Any) -> str | None:
    """The text; None for nothing."""
    given = {name: value for name, value in terms.items() if value is not None}
    return json.dumps(given, ensure_ascii=False, separators=(",", ":")) if given else None


def read_terms(text: str | None) -> dict[str, Any]:
    """What the text says."""
    found: dict[str, Any] = json.loads(text) if text else {}
    return found


def known_in(text: str | None) -> frozenset[str]:
    """The versions that were known."""
    return frozenset(read_terms(text).get("known", ()))


def users_in(text: str | None) -> int | None:
    """How many users, those of the day itself with them, end the state; None where users do not."""
    terms = read_terms(text)
    return terms["users"] + terms["before"] if "users" in terms else None


class Fix(NamedTuple):
    """What a crash was resolved in."""

    version: str | None  # NEXT; None: resolved now, whatever the version
    known: Collection[str]  # versions of the app that were known then
    resolved_at: datetime


def has_come_back(fix: Fix, version: str | None, seen_at: datetime) -> bool:
    """True for an occurrence in a version that is not older than the fix; `version` is None if the log tells none.

    Resolved now, the occurrence has to be later than that. A version that does not sort with the fix is newer if it was not
    known when the crash was resolved. Without a version nothing shows that an occurrence is not of an old one.
    """
    if fix.version is None:
        return seen_at > fix.resolved_at
    if version is None:
        return False
    if fix.version == NEXT:
        return _is_newer_than_all(version, fix.known)
    order = compare(version, fix.version)
    return order >= 0 if order is not None else version not in fix.known


def _is_newer_than_all(version: str, known: Collection[str]) -> bool:
    if version in known:
        return False
    orders = [order for one in known if (order := compare(version, one)) is not None]
    return all(order > 0 for order in orders)

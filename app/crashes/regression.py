"""Whether an occurrence of a resolved crash means that it has come back."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from app.crashes.version_order import compare

NEXT = "next"
"""Stands for the version in which a crash is resolved: the next one that appears."""


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

"""Opens resolved and ignored crashes again, in the transaction of the digest that has counted an occurrence of theirs."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from app.crashes.state_terms import Fix, has_come_back, known_in, users_in
from app.db.driver_pool import DriverConnection
from app.db.models.crash import CrashState
from app.db.models.crash_history import HistoryAction
from app.db.queries.reopening import ClosedCrash, count_users_since, find_closed, look_again_after, open_again
from app.db.queries.webhook_events import CRASH_REGRESSED


class Recurrence(NamedTuple):
    """As much of a new occurrence as tells whether its crash has come back."""

    crash_id: int
    version: str | None
    seen_at: datetime


def reopen(driver: DriverConnection, closed: Iterable[int], recurrences: Iterable[Recurrence], now: datetime) -> int:
    """Open those of the closed crashes (row ids) whose new occurrences end their state.

    The occurrences are counted and in the figures already, and the rows of the crashes are locked. Returns how many webhooks
    are to be notified of crashes that came back.
    """
    by_crash: dict[int, list[Recurrence]] = {}
    for recurrence in recurrences:
        by_crash.setdefault(recurrence.crash_id, []).append(recurrence)
    notified = 0
    for crash in find_closed(driver, closed):
        if crash.state is CrashState.RESOLVED:
            entry = _regress(driver, crash, by_crash.get(crash.id, ()), now)
            notified += driver.change(CRASH_REGRESSED, entry=entry) if entry else 0
        elif _is_over(driver, crash, now):
            open_again(driver, crash.id, HistoryAction.UNIGNORED, None, now)
    return notified


def _regress(
    driver: DriverConnection, crash: ClosedCrash, recurrences: Sequence[Recurrence], now: datetime
) -> int | None:
    """The row id of the entry in the history; None when nothing shows that the crash has come back."""
    fix = Fix(crash.resolved_in, known_in(crash.terms), crash.state_changed_at)
    recurrence = next(
        (recurrence for recurrence in recurrences if has_come_back(fix, recurrence.version, recurrence.seen_at)), None
    )
    return open_again(driver, crash.id, HistoryAction.REGRESSED, recurrence.version, now) if recurrence else None


def _is_over(driver: DriverConnection, crash: ClosedCrash, now: datetime) -> bool:
    """Whether what a crash is ignored for is over.

    Each occurrence brings one user at most. So users are counted only after as many occurrences as users are missing.
    """
    if crash.ignored_until is not None and crash.ignored_until <= now:
        return True
    if crash.ignored_left is None or crash.ignored_left > 0:
        return False
    awaited = users_in(crash.terms)
    if awaited is None:
        return True
    missing = awaited - count_users_since(driver, crash.id, crash.state_changed_at.date(), awaited)
    if missing > 0:
        look_again_after(driver, crash.id, missing)
    return missing <= 0

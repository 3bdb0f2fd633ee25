"""What leased work promises, in the simplest words and for every type alike. The product is compared with it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from tests.factories import Clock

LEASE = timedelta(seconds=30)
PATIENCE = timedelta(seconds=600)
LONGEST_PAUSE = timedelta(hours=1)
WAITING, WORKING, DONE, GIVEN_UP = "waiting", "working", "done", "given up"

COMPLETE, PAUSE, BUG, APP_ERROR, MALFORMED, OUTAGE, HANDED_BACK, DEATH, LOST = (
    "complete", "pause", "bug", "app error", "malformed", "outage", "handed back", "death", "lost"
)  # fmt: skip
"""How an attempt ends."""

COUNTED = (BUG, APP_ERROR, MALFORMED, DEATH)
"""Failures, but for those that are permanent errors of the type."""


class Promise(NamedTuple):
    """What a type says of itself."""

    max_failures: int | None = None  # None: tried for ever
    is_impatient: bool = False  # an outage that has lasted ends it
    permanent: tuple[str, ...] = ()  # endings that no other attempt can change
    pause: Callable[["Row"], int] = lambda row: min(2**row.attempt, 60)  # seconds until the next attempt


@dataclass
class Row:
    """One piece of work."""

    key: Any
    not_before: datetime | None
    state: str = WAITING
    attempt: int = 0
    claims: int = 0  # ever; a claim that a crash of the database loses takes its attempt's number along, not this one
    failures: int = 0
    outage_since: datetime | None = None
    lease: datetime | None = None
    holder: str | None = None
    reason: str | None = None  # why it was given up

    @property
    def is_over(self) -> bool:
        """True once nobody works at it any more."""
        return self.state in (DONE, GIVEN_UP)

    @property
    def facts(self) -> tuple[object, ...]:
        """What the product's row has to say as well."""
        if self.is_over:
            return self.state, self.reason
        due = self.not_before if self.state == WAITING else None
        return (self.state, self.attempt, self.failures, self.outage_since, self.lease, self.holder, due)


@dataclass
class Model:
    """Every row, and the endings that processes have yet to write."""

    promise: Promise
    clock: Clock
    rows: list[Row] = field(default_factory=list)
    restarted_at: datetime | None = None  # the database
    unwritten: dict[int, list[tuple[Row, int, str]]] = field(default_factory=dict)  # process -> row, claim, ending

    def is_due(self, row: Row) -> bool:
        """True when a worker may begin an attempt."""
        now, begins = self.clock.now, row.not_before
        return row.state == WAITING and (begins is None or begins <= now or begins > now + LONGEST_PAUSE)

    def is_overdue(self, row: Row) -> bool:
        """True when the attempt's lease has run out, or was written by a clock that was set back since."""
        return row.lease is not None and (row.lease <= self.clock.now or self._is_ahead(row.lease))

    def holds(self, row: Row, claim: int) -> bool:
        """True while the attempt that this claim began may write."""
        return row.state == WORKING and row.claims == claim

    def claimed(self, row: Row, holder: str) -> None:
        """An attempt begins."""
        assert row.state == WAITING, f"claimed while {row.state}"
        assert self.is_due(row), "claimed before its time"
        row.state, row.attempt, row.holder = WORKING, row.attempt + 1, holder
        row.claims += 1
        row.lease = self.clock.now + LEASE

    def claim_lost(self, row: Row, claim: int) -> None:
        """The database crashes and has lost the claim: the row is free, and the attempt that goes on holds nothing."""
        if self.holds(row, claim):
            row.state, row.attempt, row.lease, row.holder = WAITING, row.attempt - 1, None, None

    def renewed(self, row: Row) -> None:
        """Its worker lives."""
        row.lease = self.clock.now + LEASE

    def moved_on(self, row: Row) -> None:
        """An attempt made progress: what failed before no longer counts."""
        row.failures, row.outage_since = 0, None

    def ended(self, row: Row, claim: int, ending: str, pause: timedelta = timedelta()) -> None:
        """An attempt ends; nothing happens unless the row is its claim's."""
        if not self.holds(row, claim):
            return
        now, is_permanent = self.clock.now, ending in self.promise.permanent
        if ending == COMPLETE:
            self._over(row, DONE)
        elif is_permanent:
            self._over(row, GIVEN_UP, ending)
        elif ending in COUNTED:
            row.failures += 1
            if self.promise.max_failures is not None and row.failures >= self.promise.max_failures:
                self._over(row, GIVEN_UP, "attempts_used_up")
        elif ending == OUTAGE:
            row.outage_since = row.outage_since or now
            if self.promise.is_impatient and now - row.outage_since > PATIENCE:
                self._over(row, GIVEN_UP, "outage_lasted")
        if row.is_over:
            return
        if ending == PAUSE:
            due = now + pause
        elif ending in (HANDED_BACK, DEATH):
            due = now
        else:
            counted_now = ending in COUNTED
            row.failures -= counted_now  # the pause goes by the failures before this one
            due = now + timedelta(seconds=self.promise.pause(row))
            row.failures += counted_now
        row.state, row.lease, row.holder, row.not_before = WAITING, None, None, due

    def swept(self, row: Row) -> None:
        """A sweep looks at the row: who does not renew its lease has died, or the database was away."""
        if not self.is_overdue(row):
            return
        assert row.lease is not None
        is_of_database = self.restarted_at is not None and row.lease - LEASE <= self.restarted_at <= self.clock.now
        ending = HANDED_BACK if self._is_ahead(row.lease) else OUTAGE if is_of_database else DEATH
        self.ended(row, row.claims, ending)

    def put_off(self, process: int, row: Row, claim: int, ending: str) -> None:
        """An ending could not be written; its process remembers it."""
        self.unwritten.setdefault(process, []).append((row, claim, ending))

    def written(self, process: int) -> None:
        """A process writes what it remembers."""
        for row, claim, ending in self.unwritten.pop(process, []):
            self.ended(row, claim, ending)

    def _is_ahead(self, lease: datetime) -> bool:
        return lease > self.clock.now + 2 * LEASE + timedelta(seconds=30)

    @staticmethod
    def _over(row: Row, state: str, reason: str | None = None) -> None:
        row.state, row.reason, row.lease, row.holder = state, reason, None, None

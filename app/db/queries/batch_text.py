"""The occurrences of a batch as text that PostgreSQL makes, a page at a time: no Python object for each row."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from app.db.engine import Database
from app.db.hot import SqlText
from app.db.queries.batch_rows import BatchPosition, Scope
from app.db.queries.room import keep_room
from app.iso_time import FIRST_INSTANT

ROWS_PER_TEXT = 20_000  # about 6 MB of NDJSON, a fifth of a part: all but the first are made while others are stored
ROOM = 30 * 1024 * 1024  # bytes; more than a text and the buffers that it grows in. Beyond 32 MiB nothing is kept
BEGINNING = BatchPosition(0, FIRST_INSTANT, 0)

Row = TypeVar("Row")

Facts = tuple[str | None, ...]
"""Of an occurrence, in the order of `app.crashes.facts.Facts`."""


class PageText(NamedTuple):
    """A page as text, and what is in it."""

    text: bytes
    read: int  # occurrences
    rows: int  # of them in the text
    unreadable: int  # occurrences whose facts neither their rows nor `told` tell


class Undescribed(NamedTuple):
    """An occurrence whose facts only its log can tell."""

    id: int
    log_row: int
    number: int


class PartPage(NamedTuple):
    """The occurrences after one place and up to another."""

    scope: Scope
    after: BatchPosition
    upto: BatchPosition

    @property
    def is_of_one_crash(self) -> bool:
        """True when every occurrence of it is of the crash that it ends in."""
        return self.scope.crash_id is not None or self.after.crash_id == self.upto.crash_id

    @property
    def values(self) -> dict[str, Any]:
        """The parameters of batch_page.sql."""
        scope = self.scope
        return {
            "app": scope.app_id,
            "crash": scope.crash_id,
            "since": scope.since,
            "until": scope.until,
            "last_row": scope.last_row,
            "after_row": scope.after_row,
            "after_crash": self.after.crash_id,
            "after_at": self.after.occurred_at,
            "after_id": self.after.id,
            "upto_crash": self.upto.crash_id,
            "upto_at": self.upto.occurred_at,
            "upto_id": self.upto.id,
        }


def pages_between(
    db: Database, scope: Scope, after: BatchPosition | None, upto: BatchPosition, rows: int
) -> Iterator[PartPage]:
    """The pages of a part, which has so many rows or fewer: nothing is added to it while its batch is made."""
    begin, left = after or BEGINNING, rows
    while left > ROWS_PER_TEXT:
        rest = PartPage(scope, begin, upto)
        with db.driver() as driver:
            bound = driver.first(_BOUND.of(rest), **rest.values, size=ROWS_PER_TEXT)
        if bound is None:
            break
        yield PartPage(scope, begin, bound)
        begin, left = bound, left - ROWS_PER_TEXT
    yield PartPage(scope, begin, upto)


def page_text(
    db: Database,
    name: str,
    page: PartPage,
    filters: Mapping[str, list[str] | None],
    told: Mapping[int, Facts] | None = None,
    shown: tuple[Mapping[str, str], Mapping[str, str]] | None = None,
) -> PageText:
    """The page as `csv` or `ndjson`.

    `told` has the facts of occurrences that no digest described, by their row ids; `shown` what stands in place of devices
    and of users.
    """
    values = {
        **page.values,
        **filters,
        "told": None if told is None else json.dumps(told),
        "shown_devices": None if shown is None else json.dumps(shown[0]),
        "shown_users": None if shown is None else json.dumps(shown[1]),
    }
    with db.driver() as driver:
        keep_room([driver], ROOM)
        found = driver.first(_TEXTS[name].of(page), **values)
    assert found is not None
    return found


def undescribed(db: Database, page: PartPage) -> list[Undescribed]:
    """The occurrences of a page that no digest described, in the order of the page."""
    with db.driver() as driver:
        return driver.rows(_UNDESCRIBED.of(page), **page.values)


def devices_and_users(db: Database, page: PartPage) -> tuple[set[str], set[str]]:
    """What the rows of a page tell of devices and users."""
    with db.driver() as driver:
        found = driver.rows(_DEVICES_AND_USERS.of(page), **page.values)
    return _known(device for device, _ in found), _known(user for _, user in found)


def _known(values: Iterable[str | None]) -> set[str]:
    return {value for value in values if value is not None}


class _OfPage(Generic[Row]):
    """A statement about a page, and the same for pages that lie within one crash, which need not be sorted."""

    def __init__(self, name: str, row: Callable[..., Row], *, binary: bool = False) -> None:
        self._of_any = SqlText(name, row, binary=binary)
        self._of_one_crash = SqlText(name, row, binary=binary, instead={"batch_page": "batch_page_of_crash"})

    def of(self, page: PartPage) -> SqlText[Row]:
        return self._of_one_crash if page.is_of_one_crash else self._of_any


_TEXTS = {name: _OfPage(f"batch_{name}", PageText, binary=True) for name in ("csv", "ndjson")}
_UNDESCRIBED = _OfPage("batch_undescribed", Undescribed)
_DEVICES_AND_USERS: _OfPage[tuple[str | None, str | None]] = _OfPage(
    "batch_devices_and_users", lambda *columns: columns
)
_BOUND = _OfPage("batch_bound", BatchPosition)

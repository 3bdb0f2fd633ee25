"""Pages of a list that goes on after its last row: `after` in the address, 50 rows each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlencode

from flask import request

from app.errors import BadParameters
from app.paging import read_cursor
from app.web.console.page_numbers import PER_PAGE

T = TypeVar("T")


@dataclass(frozen=True)
class CursorWindow:
    """Which rows of a list a page shows."""

    after: tuple[datetime, str] | None  # of the last row of the page before

    @property
    def limit(self) -> int:
        """Rows to ask for: one more than the page shows, to see whether another follows."""
        return PER_PAGE + 1

    def page_of(self, rows: Sequence[T]) -> Sequence[T]:
        """Those to show of the rows found."""
        return rows[:PER_PAGE]

    def has_next(self, rows: Sequence[object]) -> bool:
        """True when more rows follow."""
        return len(rows) > PER_PAGE

    def address(self, **changed: str) -> str:
        """The same address with other values; an empty one is left out. A change of anything begins at the first page."""
        kept = {name: value for name, value in request.args.items() if name != "after"}
        return f"?{urlencode({name: value for name, value in {**kept, **changed}.items() if value})}"


def read_cursor_window() -> CursorWindow:
    """The window that the address asks for; what makes no sense is the first page."""
    given = request.args.get("after", "")
    try:
        return CursorWindow(read_cursor(given) if given else None)
    except BadParameters:
        return CursorWindow(None)

"""Pages of a list on a page of the console, 50 rows each: by `page` from 1, or by `after`, which goes on after the last row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlencode

from flask import request

from app.errors import BadParameters
from app.paging import read_cursor

T = TypeVar("T")

PER_PAGE = 50  # rows
LAST_PAGE = 1_000_000  # far beyond what anybody reads


@dataclass(frozen=True)
class PageWindow:
    """Which rows of a list a page shows."""

    page: int  # from 1
    per_page: int = PER_PAGE

    @property
    def limit(self) -> int:
        """Rows to ask for: one more than the page shows, to see whether another follows."""
        return self.per_page + 1

    @property
    def offset(self) -> int:
        """Rows before the page."""
        return (self.page - 1) * self.per_page

    def page_of(self, rows: Sequence[T]) -> Sequence[T]:
        """Those to show of the rows found."""
        return rows[: self.per_page]

    def has_next(self, rows: Sequence[object]) -> bool:
        """True when more rows follow."""
        return len(rows) > self.per_page

    def address(self, page: int) -> str:
        """The same address with another page of the list."""
        return (
            f"?{urlencode([*((n, v) for n, v in request.args.items(multi=True) if n != 'page'), ('page', str(page))])}"
        )


def read_window(query: Mapping[str, str], per_page: int = PER_PAGE) -> PageWindow:
    """The window that the address asks for; what makes no sense is the first page."""
    text = query.get("page", "1")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 1
    return PageWindow(min(max(number, 1), LAST_PAGE), per_page)


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

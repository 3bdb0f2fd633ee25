"""Pages of a list on a page of the console: `page` from 1, 50 rows each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode

from flask import request

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

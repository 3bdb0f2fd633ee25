"""Pages of a list: by number, `page` from 1 and `per_page`, or by a cursor, which tells where the page before ended."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from app.errors import BadParameters

_SHAPE = re.compile(r"(-?[0-9]{1,18})\.([A-Za-z0-9][A-Za-z0-9._-]{0,127})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DEFAULT_PER_PAGE, MAX_PER_PAGE = 1_000, 10_000  # rows
MAX_OFFSET = 2**62  # rows; beyond any table, within the database's integers


def cursor(at: datetime, name: str) -> str:
    """`<microseconds since 1970>.<name>` of the last row of a page."""
    return f"{(at - _EPOCH) // timedelta(microseconds=1)}.{name}"


def read_cursor(given: str) -> tuple[datetime, str]:
    """The time and the name in it. Raises BadParameters."""
    shape = _SHAPE.fullmatch(given) if given.isascii() else None
    if shape:
        try:
            return _EPOCH + timedelta(microseconds=int(shape[1])), shape[2]
        except OverflowError:
            pass
    raise BadParameters("after is not from the Link of a list")


def read_paging(query: Mapping[str, str]) -> tuple[int | None, int | None]:
    """(page, per_page), or (None, None) when neither is given. A number out of range becomes the default.

    Raises BadParameters when a value is not a whole number.
    """
    page, per_page = _number(query, "page"), _number(query, "per_page")
    if page is None and per_page is None:
        return None, None
    if per_page is None or not 1 <= per_page <= MAX_PER_PAGE:
        per_page = DEFAULT_PER_PAGE
    return max(page or 1, 1), per_page


def offset_of(page: int, per_page: int) -> int:
    """Rows before a page, as many as the database can count at most."""
    return min((page - 1) * per_page, MAX_OFFSET)


def _number(query: Mapping[str, str], name: str) -> int | None:
    value = query.get(name, "").strip()
    if not value:
        return None
    digits = value.removeprefix("-")
    if not digits.isascii() or not digits.isdigit():
        raise BadParameters(f"{name} is not a whole number")
    return int(value[:20])  # what is longer is out of range all the same

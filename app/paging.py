"""Pages of a list by number: `page` from 1 and `per_page`, as every list of the API takes them."""

from collections.abc import Mapping

from app.errors import BadParameters

DEFAULT_PER_PAGE, MAX_PER_PAGE = 1_000, 10_000  # rows
MAX_OFFSET = 2**62  # rows; beyond any table, within the database's integers


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

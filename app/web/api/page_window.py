"""Pages of a list: `page` from 1 and `per_page`, and the link to the next one."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from flask import Response, request

from app.paging import DEFAULT_PER_PAGE, offset_of, read_paging


def window(query: Mapping[str, str]) -> tuple[int, int]:
    """(limit, offset) of the page asked for; the limit is one row more than the page, to see whether a next one exists."""
    page, per_page = read_paging(query)
    per_page = per_page or DEFAULT_PER_PAGE
    return per_page + 1, offset_of(page or 1, per_page)


def link_next(response: Response, rows: list[Any], query: Mapping[str, str]) -> Response:
    """Add `Link: <…>; rel="next"` when there are more rows than the page holds."""
    limit, offset = window(query)
    if len(rows) == limit:
        following = {**query, "page": offset // (limit - 1) + 2, "per_page": limit - 1}
        response.headers["Link"] = f'<{_own_path()}?{urlencode(following)}>; rel="next"'
    return response


def link_after(response: Response, last: str, query: Mapping[str, str]) -> Response:
    """Add the same for a list that goes on after the last row of this page, whatever has come before it meanwhile."""
    following = {**query, "after": last}
    response.headers["Link"] = f'<{_own_path()}?{urlencode(following)}>; rel="next"'
    return response


def _own_path() -> str:
    """As clients reach it, with the prefix that a proxy puts before."""
    return quote(request.script_root + request.path)

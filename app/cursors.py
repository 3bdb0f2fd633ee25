"""Where a page of a list ended, as a text that the client gives back for the next one."""

import re
from datetime import UTC, datetime, timedelta

from app.errors import BadParameters

_SHAPE = re.compile(r"(-?[0-9]{1,18})\.([A-Za-z0-9][A-Za-z0-9._-]{0,127})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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

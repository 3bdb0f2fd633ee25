"""Cursors of lists: what was given out is read again, anything else is refused."""

from datetime import UTC, datetime, timedelta

import pytest

from app.errors import BadParameters
from app.paging import cursor, read_cursor

NOON = datetime(2018, 9, 13, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("at", [NOON, NOON + timedelta(microseconds=1), datetime(1, 1, 1, tzinfo=UTC)])
@pytest.mark.parametrize("name", ["0" * 24, "2544355787-1536831773-logs-00003", "a._-"])
def test_a_cursor_is_read_to_the_microsecond(at, name):
    assert read_cursor(cursor(at, name)) == (at, name)


@pytest.mark.parametrize(
    "given",
    ["", "1", "1.", ".a", "x.a", "1.-a", "1.a b", "9" * 18 + ".a", "9" * 19 + ".a", "1.a\n", "١.a", "1.a\0", "--1.a"],
)
def test_anything_else_is_refused(given):
    with pytest.raises(BadParameters, match="after"):
        read_cursor(given)

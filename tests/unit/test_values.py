"""Reading loosely typed values: the value or None, and never an exception."""

from datetime import UTC, datetime

import pytest

from app.crashes.log import Frame
from app.parsers import values

NASTY = [
    None,
    True,
    0,
    -1,
    2**70,
    1.5,
    float("inf"),
    float("nan"),
    "",
    "\0",
    "\ud800",
    "9" * 5_000,
    [],
    {},
    [[]],
    {"a": 1},
    b"x",
]


@pytest.mark.parametrize(
    "read",
    [values.text, values.integer, values.address, values.mapping, values.items, values.boolean, values.basename,
     values.utc_time, values.unix_time, values.plain_json],
)  # fmt: skip
@pytest.mark.parametrize("value", NASTY, ids=lambda value: repr(value)[:20])
def test_no_value_raises(read, value):
    read(value)


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (values.text, "plain", "plain"),
        (values.text, 7, "7"),
        (values.text, "a\0b\ud800c", "a\ufffdb\ufffdc"),
        (values.text, "x" * 70_000, "x" * 65_535 + "…"),
        (values.text, "", None),
        (values.text, True, None),
        (values.text, ["a"], None),
        (values.integer, 5, 5),
        (values.integer, "-5", -5),
        (values.integer, 5.0, 5),
        (values.integer, 2**63 - 1, 2**63 - 1),
        (values.integer, 2**63, None),
        (values.integer, -(2**63) - 1, None),
        (values.integer, "9999999999999999999", None),
        (values.integer, 5.5, None),
        (values.integer, False, None),
        (values.integer, "٣", None),
        (values.address, "0x1aB", 0x1AB),
        (values.address, "17", 17),
        (values.address, 2**64 - 1, 2**64 - 1),
        (values.address, 2**64, None),
        (values.address, -1, None),
        (values.address, "1ab", None),
        (values.address, "0xffffffffffffffffff", None),
        (values.address, "٣", None),
        (values.mapping, {"a": 1}, {"a": 1}),
        (values.mapping, [1], {}),
        (values.items, [1], [1]),
        (values.items, {"a": 1}, []),
        (values.boolean, True, True),
        (values.boolean, 1, None),
        (values.basename, "/usr/lib/libc.so", "libc.so"),
        (values.basename, "C:\\app\\x.dll", "x.dll"),
        (values.basename, "/folder/", "folder"),
        (values.basename, "///", None),
        (values.utc_time, "2018-09-13T08:02:53Z", datetime(2018, 9, 13, 8, 2, 53, tzinfo=UTC)),
        (values.utc_time, "2018-09-13 10:02:53.1234567 +0200", datetime(2018, 9, 13, 8, 2, 53, 123456, tzinfo=UTC)),
        (values.utc_time, "2018-02-30T00:00:00Z", None),
        (values.utc_time, "0001-01-01T00:00:00+14:00", None),
        (values.utc_time, 1536831773, None),
        (values.unix_time, 1536831773, datetime(2018, 9, 13, 9, 42, 53, tzinfo=UTC)),
        (values.unix_time, 1e300, None),
        (values.unix_time, 2**70, None),
        (values.unix_time, float("nan"), None),
        (values.plain_json, {"a\0": ["\ud800", 1, None]}, {"a\ufffd": ["\ufffd", 1, None]}),
        (values.plain_json, {1, 2}, None),
    ],
)
def test_a_value_is_read_or_is_none(read, value, expected):
    assert read(value) == expected


def test_milliseconds_are_read_as_such():
    assert values.unix_time(1536831773500, 1_000) == datetime(2018, 9, 13, 9, 42, 53, 500_000, tzinfo=UTC)


def test_deep_json_ends_in_an_ellipsis():
    assert values.plain_json([[[[1]]]], depth=2) == [["…"]]


def test_of_a_deep_stack_its_two_ends_are_kept():
    stack = [Frame(line=number) for number in range(1, 200_001)]

    kept = values.bounded(stack)

    assert [frame.line for frame in kept] == [*range(1, 501), *range(199_501, 200_001)]
    assert values.bounded(stack[:1_000]) == tuple(stack[:1_000])

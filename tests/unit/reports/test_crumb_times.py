"""How long before the crash something happened."""

from datetime import UTC, datetime, timedelta

import pytest

from app.reports.detail_words import before_crash

NOON = datetime(2018, 9, 13, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "0.0 s"), (-0.01, "0.0 s"), (-12.44, "-12.4 s"), (0.25, "+0.2 s"), (-59.96, "-1 min 0 s"), (-185, "-3 min 5 s"),
     (-7_800, "-2 h 10 min"), (-350_000, "-4 d 1 h")],
)  # fmt: skip
def test_the_length_is_told_in_the_units_that_fit(seconds, told):
    assert before_crash(NOON + timedelta(seconds=seconds), NOON) == told


def test_without_both_times_nothing_is_told():
    assert (before_crash(None, NOON), before_crash(NOON, None)) == ("", "")

"""Which occurrence of a resolved crash means that it has come back."""

from datetime import timedelta

import pytest

from app.crashes.state_terms import NEXT, Fix, has_come_back
from tests.factories import NOON

LATER = NOON + timedelta(hours=1)
EARLIER = NOON - timedelta(hours=1)


@pytest.mark.parametrize(
    ("fix", "version", "comes_back"),
    [
        ("2.4", "2.4", True), ("2.4", "2.4.0", True), ("2.4", "2.4.1", True), ("2.4", "2.3.9", False),
        ("2.4", "2.4-beta", False), ("2.4", None, False), ("2.4", "known-name", False), ("2.4", "new-name", True),
        ("fix-of-may", "fix-of-may", True), ("fix-of-may", "known-name", False), ("fix-of-may", "2.9", True),
        (NEXT, "2.3", False), (NEXT, "2.2", False), (NEXT, "2.3.1", True), (NEXT, None, False),
        (NEXT, "known-name", False), (NEXT, "new-name", True),
    ],
)  # fmt: skip
def test_a_version_that_is_not_older_than_the_fix_brings_a_crash_back(fix, version, comes_back):
    known = ["2.3", "2.1", "known-name"]

    assert has_come_back(Fix(fix, known, NOON), version, EARLIER) is comes_back


def test_resolved_now_only_what_happens_afterwards_brings_it_back():
    fix = Fix(None, (), NOON)

    assert has_come_back(fix, "1.0", LATER)
    assert has_come_back(fix, None, LATER)
    assert not has_come_back(fix, "9.9", EARLIER)

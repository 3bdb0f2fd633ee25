"""Versions as apps really have them: which is newer, and which do not sort."""

from itertools import combinations
from random import Random

import pytest

from app.crashes.version_order import compare, newest_first

FROM_OLD_TO_NEW = [
    ["1.2.9", "1.2.10", "1.3", "2.0.0-alpha", "2.0.0-alpha.2", "2.0.0-beta", "2.0.0-beta.2", "2.0.0-beta.11",
     "2.0.0-rc.1", "2.0.0", "2.0.1-SNAPSHOT", "2.0.1", "10.0"],
    ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
     "1.0.0"],  # Semantic Versioning, section 11
    ["1.0.dev1", "1.0a1", "1.0b2", "1.0rc1", "1.0", "1.0.post1", "1.1"],
    ["4213", "4214", "10000", "20241103"],
    ["2024.9.30", "2024.11.3", "2024.11.3.1", "2025.1"],
    ["2024-09-30", "2024-11-03", "2025-01-01"],
    ["1", "v2", "V2.1", "v3", "3.0.1"],
    ["com.example.shop@1.2.3+45", "com.example.shop@1.2.3+46", "com.example.shop@1.2.4+1"],
    ["1.2.3 (9)", "1.2.3 (10)", "1.2.4 (1)"],
    ["1.4", "1.4-14-gabc1234", "1.4-15-g0123abc-dirty", "1.5"],
    ["1.2.2", "1.2.3-hotfix", "1.2.3-hotfix2", "1.2.4"],
    ["1.2.3-debug", "1.2.3"],
    ["0", "0.0.1", "0.1"],
]  # fmt: skip


@pytest.mark.parametrize("versions", FROM_OLD_TO_NEW, ids=lambda versions: versions[0])
def test_versions_sort_from_old_to_new(versions):
    for old, new in combinations(versions, 2):
        assert (old, new, compare(old, new)) == (old, new, -1)
        assert (new, old, compare(new, old)) == (new, old, 1)

    shuffled = versions[:]
    Random(7).shuffle(shuffled)
    assert newest_first(shuffled) == versions[::-1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1.2", "1.2.0"), ("v3", "3"), ("com.example@1.2.3", "1.2.3"), ("1.2.3+45", "1.2.3"), ("1.2.3+a1b2", "1.2.3+c3"),
        ("1.2.3 (45)", "1.2.3+45"), ("1.0-rc1", "1.0-RC.1"), ("1.0rc1", "1.0-rc.1"), ("1.0-final", "1.0"),
        ("2024-11-03", "2024.11.3"),
        (" 1.2 ", "1.2"), ("nightly", "nightly"), ("1.2.3b", "1.2.3b"), ("01.02", "1.2"),
    ],
)  # fmt: skip
def test_neither_of_these_is_newer(one, other):
    assert compare(one, other) == compare(other, one) == 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a1b2c3d4", "e5f6a7b8"), ("nightly", "1.2"), ("7e8f90a", "1.2"), ("1.2.3b", "1.2.3"), ("unknown", "4213"),
        ("4213", "1.2"), ("", "1.2"), ("١.٢", "1.2"), ("1..2", "1.2"), ("1.2." + "9" * 400, "1.2"), ("1.2 beta", "1.2"),
        ("Release 4", "Release 5"), ("1.2-", "1.2"),
    ],
)  # fmt: skip
def test_these_do_not_sort(one, other):
    assert compare(one, other) is compare(other, one) is None


def test_what_does_not_sort_stands_behind_in_its_order():
    assert newest_first(["zeta", "1.2", "alpha", "1.10"]) == ["1.10", "1.2", "zeta", "alpha"]


def test_a_list_of_versions_and_builds_has_no_older_one_before_a_newer_one():
    mixed = [version for versions in FROM_OLD_TO_NEW for version in versions] + ["1.2.3+46", "1.2.3", "nightly"]

    for seed in range(20):
        listed = newest_first(Random(seed).sample(mixed, len(mixed)))
        assert [pair for pair in combinations(listed, 2) if compare(*pair) == -1] == []

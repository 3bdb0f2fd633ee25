"""Figures of releases on both databases, whose statements differ in numbers and in distinct values."""

from tests.functional.test_releases import DAY, ask, released  # noqa: F401


def test_releases_are_counted_alike_on_both_databases(client, services, released):  # noqa: F811
    found = ask(client, released, f"releases?{DAY}", services)
    staging = ask(client, released, f"releases?{DAY}&environment=staging", services)
    both = ask(client, released, f"release?{DAY}&version=1.10.0&compare=1.9.0", services)

    names = ("version", "occurrences", "users", "new_crashes", "sessions", "crash_free_users", "occurrences_per_day")
    assert [tuple(one[name] for name in names) for one in found["releases"]] == [
        ("3.0.0", 0, 0, 0, 10, None, [0, 0, 0]),
        ("2.0.0-beta", 1, 0, 0, 0, None, [0, 0, 1]),
        ("1.10.0", 3, 2, 1, 5, 0.75, [0, 1, 2]),
        ("1.9.0", 1, 1, 1, 5, None, [1, 0, 0]),
    ]
    assert [(one["version"], one["occurrences"], one["users"]) for one in staging["releases"]] == [("1.10.0", 1, 1)]
    assert [len(one["top"]) for one in both["releases"]] == [2, 1]

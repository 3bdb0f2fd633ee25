"""Occurrences counted inside the database (both databases)."""

import json
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from app.catalog import CrashQuery, crash_page
from app.db.models.crash import Crash, Wanted, crashes_of
from app.db.models.occurrence import Occurrence
from app.jobs.service import ask
from tests.factories import NOON, add_newer, make_crash, make_member, run_enqueued
from tests.job_types import row

NOBODY = (None,) * 5


def tell(services, crash: Crash, facts: list[tuple[str | None, ...]]) -> None:
    """Let the occurrences of a crash, newest first, have these facts: version, system, its version, device, user."""
    names = ("app_version", "os_name", "os_version", "device_model", "user_id")
    with services.db.write() as session:
        rows = session.scalars(
            select(Occurrence).where(Occurrence.crash_id == crash.id).order_by(Occurrence.occurred_at.desc())
        )
        for occurrence, values in zip(rows.all(), facts, strict=True):
            for name, value in zip(names, values, strict=True):
                setattr(occurrence, name, value)


def figures(services, member, job_type: str, identifier: str, **query: str) -> dict[str, Any]:
    """What the job says when it is done."""
    job = ask(services, member.user_id, job_type, identifier, query)
    run_enqueued(services)
    done = row(services, job)
    assert done.error_message is None
    told: dict[str, Any] = json.loads(done.result_text or "")
    return told


def test_a_crash_is_told_by_day_user_version_system_and_device(services, member):
    crash = make_crash(services, member.app, occurrences=6, every=timedelta(hours=12))
    tell(services, crash, [
        ("1.2", "iOS", "11.4.1", "iPhone9,4", "ada"),
        ("1.2", "iOS", "11.4.1", "iPhone9,4", "ada"),
        ("1.2", "iOS", "12.0", "iPhone9,4", "bob"),
        ("1.3", "iOS", "12.0", None, None),
        ("1.3", None, "12.0", "unknown", "cleo"),
        NOBODY,
    ])  # fmt: skip

    told = figures(services, member, "crash_statistics", crash.identifier, since_date="2018-09-10")

    assert told == {
        "first_day": "2018-09-10",
        "last_day": "2018-09-13",
        "occurrences": 6,
        "users": 3,
        "occurrences_without_user": 2,
        "occurrences_per_day": [0, 2, 2, 2],
        "app_versions": {
            "top": [{"app_version": "1.2", "occurrences": 3}, {"app_version": "1.3", "occurrences": 2}],
            "other": 0,
            "unknown": 1,
        },
        "os_versions": {
            "top": [
                {"os_name": "iOS", "os_version": "11.4.1", "occurrences": 2},
                {"os_name": "iOS", "os_version": "12.0", "occurrences": 2},
                {"os_name": None, "os_version": "12.0", "occurrences": 1},
            ],
            "other": 0,
            "unknown": 1,
        },
        "device_models": {
            "top": [{"device_model": "iPhone9,4", "occurrences": 3}, {"device_model": "unknown", "occurrences": 1}],
            "other": 0,
            "unknown": 2,
        },
        "environments": {"top": [], "other": 0, "unknown": 6},
    }


@pytest.mark.parametrize("seed", range(3))
def test_all_figures_are_those_of_a_count_one_by_one(services, member, seed):
    random = Random(seed)
    crash = make_crash(services, member.app, occurrences=120, every=timedelta(hours=7))
    facts = [
        tuple(random.choice([None, *(f"{name}{n}" for n in range(30))]) for name in ("v", "os", "o", "d", "u"))
        for _ in range(120)
    ]
    tell(services, crash, facts)
    kept = [at for at in range(120) if (NOON - timedelta(hours=7) * at).date() >= (NOON - timedelta(days=20)).date()]

    told = figures(
        services, member, "crash_statistics", crash.identifier, since_date=str((NOON - timedelta(days=20)).date())
    )

    assert told["occurrences"] == sum(told["occurrences_per_day"]) == len(kept)
    assert told["users"] == len({facts[at][4] for at in kept} - {None})
    for name, places in (("app_versions", [0]), ("os_versions", [1, 2]), ("device_models", [3])):
        values = [tuple(facts[at][place] for place in places) for at in kept]
        unknown = values.count((None,) * len(places))
        counts = {value: values.count(value) for value in values if any(value)}
        most = sorted(counts.values(), reverse=True)[:20]
        shown = [tuple(one[key] for key in one if key != "occurrences") for one in told[name]["top"]]
        assert [one["occurrences"] for one in told[name]["top"]] == most
        assert [counts[value] for value in shown] == most
        assert (told[name]["unknown"], told[name]["other"]) == (unknown, len(kept) - unknown - sum(most))


def test_crashes_of_a_page_are_told_over_the_same_days(services, member):
    early = make_crash(services, member.app, occurrences=3, newest=NOON - timedelta(days=2))
    late = make_crash(services, member.app, occurrences=8, every=timedelta(minutes=1))
    tell(services, late, [(f"1.{number}", None, None, None, f"user{number % 3}") for number in range(7)] + [NOBODY])
    stranger = make_member(services, "mallory@example.com")
    hidden = make_crash(services, stranger.app)
    named = ",".join([late.identifier, early.identifier, hidden.identifier, "0" * 24, late.identifier])

    told = figures(services, member, "app_statistics", member.app.identifier, crashes=named)

    assert (told["first_day"], told["last_day"]) == ("2018-08-15", "2018-09-13")
    by_crash = {one["crash_identifier"]: one for one in told["crashes"]}
    assert list(by_crash) == sorted([early.identifier, late.identifier])
    assert by_crash[early.identifier]["occurrences_per_day"] == [0] * 25 + [1, 1, 1, 0, 0]
    assert by_crash[early.identifier]["app_versions"] == {"top": [], "other": 0, "unknown": 3}
    assert by_crash[early.identifier]["users"] == 0
    many = by_crash[late.identifier]
    assert many["occurrences_per_day"] == [0] * 29 + [8]
    assert (many["users"], many["occurrences_without_user"], many["occurrences"]) == (3, 1, 8)
    assert [one["app_version"] for one in many["app_versions"]["top"]] == ["1.0", "1.1", "1.2", "1.3", "1.4"]
    assert (many["app_versions"]["other"], many["app_versions"]["unknown"]) == (2, 1)


def test_crashes_that_are_all_unknown_are_no_crashes(services, member):
    told = figures(services, member, "app_statistics", member.app.identifier, crashes="0" * 24)

    assert told["crashes"] == []


def test_a_crash_seen_by_a_clock_that_runs_ahead_is_told_up_to_now(services, member):
    crash = make_crash(
        services, member.app, occurrences=2, newest=NOON + timedelta(days=4_000), every=timedelta(days=4_001)
    )

    told = figures(services, member, "crash_statistics", crash.identifier)

    assert (told["last_day"], told["occurrences"]) == ("2018-09-13", 1)


def test_figures_are_counted_anew_once_the_crash_has_changed(services, member, clock):
    crash = make_crash(services, member.app)
    before = figures(services, member, "crash_statistics", crash.identifier)
    clock.advance(seconds=60)
    same = ask(services, member.user_id, "crash_statistics", crash.identifier, {})
    add_newer(services, crash)

    after = figures(services, member, "crash_statistics", crash.identifier)

    assert not same.is_live
    assert (before["occurrences"], after["occurrences"]) == (3, 4)


def test_a_search_knows_capitals_and_takes_signs_as_they_are(services, member):
    titles = ["NullPointer in Notes.open", "100% full_disk", "Größe ÜBER alles", "100 fully disk"]
    made = [make_crash(services, member.app, newest=NOON - timedelta(hours=number)) for number in range(4)]
    with services.db.write() as session:
        for number, title in enumerate(titles):
            session.get_one(Crash, made[number].id).title = title

    def found(search: str) -> list[str]:
        with services.db.read() as session:
            page = crash_page(session, member.app.id, CrashQuery.read({"search": search}), 11, 0, member.user_id)
        return sorted(one.title for one in page.shown)

    assert found("nullpointer") == found("NOTES.OPEN null") == ["NullPointer in Notes.open"]
    assert found("100%") == found("L_D") == ["100% full_disk"]
    assert found("über") == found("GRÖßE") == ["Größe ÜBER alles"]
    assert found("100 full") == ["100 fully disk", "100% full_disk"]
    assert found("") == found("  ") == sorted(titles)
    assert found("nothing of it") == []


def test_a_list_is_read_from_low_to_high_as_well(services, member):
    made = [make_crash(services, member.app, newest=NOON - timedelta(days=7 * number)).id for number in range(4)]

    with services.db.read() as session:
        rows = crashes_of(session, member.app.id, Wanted(), sort="last_seen", limit=3, offset=1, is_ascending=True)

    assert [crash.id for crash in rows] == made[2::-1]

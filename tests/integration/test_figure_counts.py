"""Statistics from figures are those of counting occurrences, and read none of these (both databases)."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from sqlalchemy import select

from app.background.figures import renew_figures
from app.db.models.crash import Crash
from app.db.models.occurrence import Occurrence
from app.db.queries import figure_counts, row_counts
from app.db.queries.counted_span import Span
from app.db.queries.statistics import find_span
from app.iso_time import LAST_INSTANT
from app.services import Services
from tests.factories import NOON, add_newer, make_crash, run_enqueued
from tests.integration.test_poll_cost import statements
from tests.integration.test_statistics import figures, tell

MIDNIGHT = NOON.replace(hour=0)
VALUES = (None, None, "", "=", "a", "B", "é", "1.10", "1.9", "iPhone9,4")


def complete(services: Services) -> None:
    """Count the figures, as workers do in the background."""
    renew_figures(services)
    run_enqueued(services)


def some_crash(services, member, random: Random, number: int) -> Crash:
    """A crash whose occurrences have random facts on ten days."""
    newest = NOON - timedelta(minutes=number)
    crash = make_crash(services, member.app, occurrences=60, newest=newest, every=timedelta(hours=4))
    tell(services, crash, [tuple(random.choice(VALUES) for _ in range(5)) for _ in range(60)])
    return crash


@pytest.mark.parametrize(
    ("since", "until"),
    [
        (MIDNIGHT - timedelta(days=9), MIDNIGHT + timedelta(days=1)),
        (MIDNIGHT - timedelta(days=4), MIDNIGHT - timedelta(days=2)),
        (MIDNIGHT + timedelta(days=1), MIDNIGHT + timedelta(days=2)),
        (MIDNIGHT - timedelta(days=1), LAST_INSTANT),
    ],
)
def test_figures_answer_as_occurrences_do(services, member, since, until):
    crashes = [some_crash(services, member, Random(number), number) for number in range(3)]
    complete(services)
    days = [since.date() + timedelta(days=at) for at in range(min((until - since).days, 3))]

    with services.db.snapshot() as session:
        span = find_span(session, [crash.id for crash in crashes], since, until)
        assert span.kept == {crash.id for crash in crashes}
        for most in (1, 3, 20):
            assert figure_counts.count_versions(session, span, most) == row_counts.count_versions(session, span, most)
        assert figure_counts.count_users(session, span) == row_counts.count_users(session, span)
        short = span._replace(until=since + timedelta(days=len(days)))
        assert figure_counts.count_days(session, short, days) == row_counts.count_days(session, short, days)
        for crash in crashes:
            one = span._replace(crash_ids=[crash.id])
            for fact in ("app_version", "os", "device_model"):
                for most in (1, 3, 20):
                    assert figure_counts.count_fact(session, one, fact, most) == row_counts.count_fact(
                        session, one, fact, most
                    )


@pytest.mark.parametrize("shift", [timedelta(hours=1), timedelta(microseconds=1)])
def test_part_of_a_day_is_counted_from_occurrences(services, member, shift):
    crash = make_crash(services, member.app)
    complete(services)

    with services.db.snapshot() as session:
        assert not find_span(session, [crash.id], MIDNIGHT + shift, MIDNIGHT + timedelta(days=1)).kept
        assert not find_span(session, [crash.id], MIDNIGHT, MIDNIGHT + timedelta(days=1) - shift).kept


def test_crashes_with_and_without_complete_figures_are_told_side_by_side(services, member):
    kept, other = some_crash(services, member, Random(1), 1), some_crash(services, member, Random(2), 2)
    named = ",".join([kept.identifier, other.identifier])
    before = figures(services, member, "app_statistics", member.app.identifier, crashes=named, since_date="2018-09-05")
    complete(services)
    with services.db.write() as session:
        session.get_one(Crash, other.id).revision += 1

    told = figures(services, member, "app_statistics", member.app.identifier, crashes=named, since_date="2018-09-05")

    with services.db.snapshot() as session:
        assert find_span(session, [kept.id, other.id], MIDNIGHT, MIDNIGHT).kept == {kept.id}
    assert told == before


def test_statistics_from_figures_read_no_occurrence(services, member):
    crash = some_crash(services, member, Random(1), 1)
    complete(services)

    with statements(services) as sent:
        figures(services, member, "crash_statistics", crash.identifier)
        figures(services, member, "app_statistics", member.app.identifier, crashes=crash.identifier)

    assert sum("FROM crash_figures" in statement for statement in sent) == 9
    claims = [statement for statement in sent if statement.startswith("WITH RECURSIVE")]  # which can make short lists
    assert not [statement for statement in sent if "FROM occurrences" in statement and statement not in claims]


def test_what_the_release_before_has_added_is_told_at_once(services, member):
    crash = make_crash(services, member.app, occurrences=2)
    complete(services)
    add_newer(services, crash)

    assert figures(services, member, "crash_statistics", crash.identifier)["occurrences"] == 3


def test_occurrences_at_the_ends_of_time_are_in_their_figures(services, member):
    first = make_crash(services, member.app, occurrences=1, newest=datetime(1, 1, 1, tzinfo=UTC))
    last = make_crash(services, member.app, occurrences=1, newest=LAST_INSTANT)
    complete(services)

    with services.db.snapshot() as session:
        for crash, since, until in (
            (first, datetime(1, 1, 1, tzinfo=UTC), datetime(1, 1, 2, tzinfo=UTC)),
            (last, LAST_INSTANT.replace(hour=0, minute=0, second=0, microsecond=0), LAST_INSTANT),
        ):
            span = Span([crash.id], since, until, frozenset([crash.id]))
            assert figure_counts.count_days(session, span, [since.date()]) == {crash.id: [1]}
        assert len(session.scalars(select(Occurrence)).all()) == 2

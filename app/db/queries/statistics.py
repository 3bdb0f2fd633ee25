"""Statistics of crashes: from the figures that are kept of them, else by counting their occurrences."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.db.engine import Database
from app.db.models.crash import Crash
from app.db.queries import figure_counts, row_counts
from app.db.queries.counted_span import CrashCounts, FactFilter, NamedCrash, Span, Users
from app.db.queries.figure_counts import has_users_by
from app.db.queries.finding import MOST_READ, too_many_to_read

WORK_MEMORY = "32MB"
"""What PostgreSQL may take for a table of users or values, each of its processes; more goes to its disk."""


@contextmanager
def open_statistics(db: Database) -> Iterator[Session]:
    """A snapshot whose statements may use WORK_MEMORY, so that PostgreSQL counts in memory."""
    with db.snapshot() as session:
        if db.is_postgresql:  # by default it sorts all occurrences on its disk instead
            session.execute(text(f"SET LOCAL work_mem = '{WORK_MEMORY}'"))
        yield session


def named_crashes(session: Session, app_id: int, identifiers: Sequence[str]) -> list[NamedCrash]:
    """Those of an app's crashes that are named, by identifier; others are left out."""
    columns = [getattr(Crash, name) for name in NamedCrash._fields]
    wanted = select(*columns).where(Crash.app_id == app_id, Crash.identifier.in_(identifiers))
    return [NamedCrash(*row) for row in session.execute(wanted.order_by(Crash.identifier))]


def find_span(
    session: Session, crash_ids: Sequence[int], since: datetime, until: datetime, facts: tuple[FactFilter, ...] = ()
) -> Span:
    """These crashes from `since` to `until`, and which of them have complete figures of that time.

    Figures tell the days by one fact only, and the users by a version only. So with facts occurrences are counted one by
    one, where the time has MOST_READ at most. What is counted of a span has to be counted in the same snapshot. Raises
    BadParameters for several facts and a time that has more.
    """
    span = Span(crash_ids, since, until, facts=facts)
    if facts and crash_ids:
        has_more = row_counts.is_more_than(session, span, MOST_READ)
        if has_more and len(facts) > 1:
            raise too_many_to_read()
        if not has_more:
            return span
    if not span.is_of_whole_days:
        return span
    complete = select(Crash.id).where(Crash.id.in_(crash_ids), Crash.figures_revision == Crash.revision)
    return span._replace(kept=frozenset(session.scalars(complete)))


def count_days(session: Session, span: Span, days: Sequence[date]) -> dict[int, list[int]]:
    """By crash the occurrences of each of these UTC days, those of the span, in their order."""
    kept, other = span.by_source()
    found = figure_counts.count_days(session, kept, days) if kept.crash_ids else {}
    return found | (row_counts.count_days(session, other, days) if other.crash_ids else {})


def has_users(span: Span) -> bool:
    """Whether the users of its crashes can be told, and the versions."""
    return not span.kept or has_users_by(span.facts)


def count_users(session: Session, span: Span) -> dict[int, Users]:
    """The users of each crash that has any; see `has_users`."""
    kept, other = span.by_source()
    found = figure_counts.count_users(session, kept) if kept.crash_ids else {}
    return found | (row_counts.count_users(session, other) if other.crash_ids else {})


def count_fact(session: Session, span: Span, fact: str, most: int) -> list[CrashCounts]:
    """The `most` most frequent values of a fact of one crash, and before them how many occurrences tell none."""
    count = figure_counts.count_fact if span.kept else row_counts.count_fact
    return count(session, span, fact, most)


def count_environments(session: Session, span: Span) -> list[CrashCounts]:
    """Every environment of one crash, the most frequent first."""
    count = figure_counts.count_environments if span.kept else row_counts.count_environments
    return count(session, span)


def count_versions(session: Session, span: Span, most: int) -> dict[int, list[CrashCounts]]:
    """By crash the `most` most frequent app versions, and before them how many occurrences tell none."""
    kept, other = span.by_source()
    found = figure_counts.count_versions(session, kept, most) if kept.crash_ids else {}
    return found | (row_counts.count_versions(session, other, most) if other.crash_ids else {})

"""What happened in apps today, for the list of a user's apps: from figures kept while digesting, bounded."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import NamedTuple

from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import Session

from app.db.models.app import App
from app.db.models.crash import Crash
from app.db.models.crash_figure import VERSION, CrashFigure

MOST_CRASHES = 5_000  # of all these apps that are looked at


class AppToday(NamedTuple):
    """Crashes of one app on a UTC day, and its latest one of all days."""

    new_crashes: int
    occurrences: int
    last_seen: datetime | None
    is_at_least: bool  # there are more crashes than are looked at, or figures that are counted anew


def apps_today(session: Session, app_ids: Sequence[int], today: date) -> dict[int, AppToday]:
    """Row id of an app -> its figures."""
    midnight = datetime.combine(today, time(), UTC)
    recent = (
        select(Crash.id, Crash.app_id, Crash.first_seen, (Crash.figures_revision != Crash.revision).label("is_behind"))
        .where(Crash.app_id.in_(app_ids), Crash.last_seen >= midnight, Crash.occurrences_count > 0)
        .limit(MOST_CRASHES)
        .subquery()
    )
    of_today = (
        select(CrashFigure.crash_id, func.sum(CrashFigure.occurrences).label("occurrences"))
        .where(CrashFigure.crash_id.in_(select(recent.c.id)), CrashFigure.fact == VERSION, CrashFigure.day == today)
        .group_by(CrashFigure.crash_id)
        .subquery()
    )
    counted = session.execute(
        select(
            recent.c.app_id,
            func.count(),
            func.sum(case((recent.c.first_seen >= midnight, 1), else_=0)),
            func.coalesce(func.sum(of_today.c.occurrences), 0),
            func.sum(case((recent.c.is_behind, 1), else_=0)),
        )
        .join_from(recent, of_today, and_(of_today.c.crash_id == recent.c.id), isouter=True)
        .group_by(recent.c.app_id)
    ).all()
    is_cut = sum(row[1] for row in counted) >= MOST_CRASHES
    by_app = {row[0]: row for row in counted}
    newest = select(Crash.last_seen).where(Crash.app_id == App.id).order_by(Crash.last_seen.desc()).limit(1)
    found = session.execute(select(App.id, newest.correlate(App).scalar_subquery()).where(App.id.in_(app_ids)))
    return {
        app_id: AppToday(int(row[2]), int(row[3]), last_seen, is_cut or row[4] > 0)
        if (row := by_app.get(app_id))
        else AppToday(0, 0, last_seen, is_cut)
        for app_id, last_seen in found
    }

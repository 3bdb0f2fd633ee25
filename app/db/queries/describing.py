"""Lets occurrences tell anew what their logs say of version, system, device, user, environment, kind and tags."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.db.base import rows_changed
from app.db.models.crash import Crash, keep_step
from app.db.models.occurrence import Occurrence
from app.db.queries.figures import add_figures, figures_of, take_figures


def undescribed(session: Session, told: Mapping[int, Mapping[str, Any]]) -> set[int]:
    """Those of the occurrences, by row id, whose rows say something else."""
    names = next(iter(told.values()), {})
    columns = [getattr(Occurrence, name) for name in names]
    found = session.execute(select(Occurrence.id, Occurrence.described, *columns).where(Occurrence.id.in_(told)))
    return {row_id for row_id, is_told, *said in found if not is_told or said != [told[row_id][name] for name in names]}


def describe(session: Session, told: Mapping[int, Mapping[str, Any]]) -> int:
    """Store what held logs say of their occurrences, and keep the figures of their crashes; returns how many changed."""
    changed = undescribed(session, told)
    if not changed:
        return 0
    these = Occurrence.id.in_(changed)
    crash_ids = select(Occurrence.crash_id).where(these)
    crashes = select(Crash).where(Crash.id.in_(crash_ids)).order_by(Crash.identifier).with_for_update()
    held = list(session.scalars(crashes))
    take_figures(session, figures_of(session, these))
    for row_id in sorted(changed):
        this = update(Occurrence).where(Occurrence.id == row_id)
        rows_changed(session, this.values(**told[row_id], described=True))
    add_figures(session, figures_of(session, these))
    for crash in held:
        keep_step(crash)
    session.flush()
    return len(changed)

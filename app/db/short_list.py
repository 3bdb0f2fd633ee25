"""The whole list of a crash that has few occurrences, as one statement."""

from types import ModuleType
from typing import Any, NamedTuple

from sqlalchemy import bindparam, func, literal_column, select, true
from sqlalchemy.dialects import postgresql

from app.db import Database
from app.db.crash import Crash
from app.db.occurrence import FIRST_ROWS, Occurrence, chosen, json_text
from app.db.prepared import Prepared


class ShortList(NamedTuple):
    """A crash's occurrences, newest first, and the revision that they show."""

    revision: int
    text: str  # JSON objects `{"id":…,"date":…,"log_id":…}` with commas between, no brackets
    rows: int


def short_list(db: Database, crash_id: int) -> ShortList | None:
    """All occurrences of a crash; None when there are more than FIRST_ROWS."""
    with db.quick() as lane:
        row = lane.first(_LIST, crash=crash_id)
    return None if row is None else ShortList(row[0], row[1] or "", row[2])


def _list(dialect: ModuleType) -> Any:
    newest_first = chosen(bindparam("crash"), None, None).order_by(Occurrence.occurred_at.desc(), Occurrence.id.desc())
    row = json_text(is_postgresql=dialect is postgresql).label("row")
    rows = newest_first.with_only_columns(row).limit(FIRST_ROWS).subquery()
    together = (func.string_agg if dialect is postgresql else func.group_concat)(rows.c.row, literal_column("','"))
    one = select(together.label("text"), func.count().label("rows")).select_from(rows)
    whole = one.subquery()
    few = select(Crash.revision, whole.c.text, whole.c.rows).join(whole, true())
    return few.where(Crash.id == bindparam("crash"), Crash.occurrences_count <= FIRST_ROWS)


_LIST = Prepared(_list)

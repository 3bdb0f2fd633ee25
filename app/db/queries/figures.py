"""Keeps the figures of crashes: takes off what leaves a crash, adds what comes to it, and counts a crash anew.

Whoever adds or takes off has locked the crashes first, so that no two wait for each other here.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    ColumnElement,
    Date,
    Select,
    String,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.selectable import TableValuedAlias

from app.db.base import rows_changed
from app.db.hot import as_rows
from app.db.models.crash import Crash
from app.db.models.crash_figure import (
    BY_VERSION,
    COLUMNS,
    FACTS,
    KNOWN,
    SILENT,
    TAG,
    CrashFigure,
    addition,
    dialect_of,
    removal_of_spent,
    subtraction,
)
from app.db.models.occurrence import Occurrence

Rows = Sequence[Mapping[str, Any]]
"""Occurrences by the columns of `crash_figures`."""

AT_ONCE = 1_000  # rows of figures that a recount writes in one transaction


class Missing(NamedTuple):
    """A crash, and how many changes of its occurrences its figures lack."""

    crash_id: int
    changes: int


def figures_of(session: Session, *conditions: ColumnElement[bool]) -> Rows:
    """What the occurrences that meet these conditions add to the figures of their crashes."""
    counted = union_all(*(counted_rows(session, fact, conditions) for fact in (*FACTS, TAG)))
    return [dict(zip(COLUMNS, row, strict=True)) for row in session.execute(counted)]


def add_figures(session: Session, rows: Rows) -> None:
    """Add these occurrences to the figures of their crashes."""
    if rows:
        dialect = dialect_of(session.get_bind().dialect.name)
        session.connection().execute(addition(dialect), {"rows": as_rows(rows)})


def take_figures(session: Session, rows: Rows) -> None:
    """Take these occurrences off the figures of their crashes, as far as they are there."""
    if rows:
        dialect, given = dialect_of(session.get_bind().dialect.name), {"rows": as_rows(rows)}
        session.connection().execute(subtraction(dialect), given)
        session.connection().execute(removal_of_spent(dialect), given)


def next_missing(session: Session, app_id: int, after: int) -> Missing | None:
    """The app's next crash behind that row id whose figures are not complete."""
    behind = Crash.revision - Crash.figures_revision
    found = select(Crash.id, behind).where(Crash.app_id == app_id, Crash.id > after, *_IS_MISSING)
    row = session.execute(found.order_by(Crash.id).limit(1)).first()
    return Missing(*row) if row else None


def has_missing(session: Session, conditions: Sequence[ColumnElement[bool]]) -> bool:
    """True when a crash that meets these conditions has figures that are not complete."""
    return session.scalar(select(Crash.id).where(*conditions, *_IS_MISSING).limit(1)) is not None


def missing_of(session: Session, app_id: int) -> int:
    """How many crashes of an app have figures that are not complete."""
    return session.scalar(select(func.count()).select_from(Crash).where(Crash.app_id == app_id, *_IS_MISSING)) or 0


def apps_with_missing(session: Session, limit: int) -> list[int]:
    """Row ids of apps that have a crash whose figures are not complete."""
    return list(
        session.scalars(select(Crash.app_id).where(*_IS_MISSING).distinct().order_by(Crash.app_id).limit(limit))
    )


def differences(session: Session, crash_id: int) -> Iterator[Rows]:
    """What is to be added to the figures of a crash to make them right, some rows at a time; from one snapshot."""
    for fact in (*FACTS, TAG):
        counted = counted_rows(session, fact, [Occurrence.crash_id == crash_id]).subquery()
        kept = (CrashFigure.crash_id == crash_id, CrashFigure.fact == fact)
        day: ColumnElement[str] = cast(CrashFigure.day, String)
        figure = (CrashFigure.crash_id, CrashFigure.fact, day.label("day"), CrashFigure.value, CrashFigure.detail)
        both = union_all(select(counted), select(*figure, -CrashFigure.occurrences).where(*kept)).subquery()
        keys, missing = list(both.c)[:-1], func.sum(list(both.c)[-1])
        found = select(*keys, cast(missing, BigInteger)).group_by(*keys).having(missing != 0).order_by(*keys)
        for page in session.execute(found, execution_options={"yield_per": AT_ONCE}).partitions():
            yield [dict(zip(COLUMNS, row, strict=True)) for row in page]


def correct_figures(session: Session, missing: Missing, rows: Rows) -> bool:
    """Add differences to the figures of a crash; False, and nothing is added, when they have come to lack more changes."""
    if _lock(session, missing) is None:
        return False
    add_figures(session, rows)
    less = [row for row in rows if row["occurrences"] < 0]
    if less:
        dialect = dialect_of(session.get_bind().dialect.name)
        session.connection().execute(removal_of_spent(dialect), {"rows": as_rows(less)})
    return True


def declare_complete(session: Session, missing: Missing) -> bool:
    """Have the figures of a crash answer from now on; False when they have come to lack more changes."""
    crash = _lock(session, missing)
    if crash is None:
        return False
    crash.figures_revision = crash.revision
    session.flush()
    return True


def distrust_figures(session: Session, app_id: int) -> int:
    """Let no figures of an app answer until they are counted anew; returns of how many crashes."""
    return rows_changed(session, update(Crash).where(Crash.app_id == app_id).values(figures_revision=-1))


def _lock(session: Session, missing: Missing) -> Crash | None:
    crash = session.get(Crash, missing.crash_id, with_for_update=True, populate_existing=True)
    return crash if crash and crash.revision - crash.figures_revision == missing.changes else None


def counted_rows(session: Session, fact: str, conditions: Sequence[ColumnElement[bool]]) -> Select[Any]:
    """What occurrences add to the figures by one fact, with the columns of COLUMNS in their order."""
    tag = tags_of(session) if fact == TAG else None
    columns = [_text_or_empty(column) for column in (FACTS[fact] if tag is None else (tag.c.key, tag.c.value))]
    day: ColumnElement[str]
    if session.get_bind().dialect.name == "postgresql":
        day = cast(cast(Occurrence.occurred_at, Date), String)  # the session's zone is UTC
    else:
        day = func.substr(cast(Occurrence.occurred_at, String), 1, 10)
    value, detail = columns if len(columns) == 2 else (columns[0], literal("", String))
    keys = (Occurrence.crash_id, day.label("day"), value.label("told"))
    statement = select(
        keys[0], literal(fact, String).label("fact"), keys[1], keys[2], detail.label("told_detail"), func.count()
    )
    statement = statement.where(*conditions)
    if tag is not None:
        statement = statement.select_from(Occurrence).join(tag, true())
    elif fact in SILENT:
        telling = FACTS[fact][:1] if fact in BY_VERSION else FACTS[fact]
        statement = statement.where(or_(*(column.is_not(None) for column in telling)))
    return statement.group_by(keys[0], "day", "told", "told_detail")


def tags_of(session: Session) -> TableValuedAlias:
    """The tags of an occurrence, a row each."""
    if session.get_bind().dialect.name == "postgresql":
        return func.json_each_text(cast(Occurrence.tags, JSON)).table_valued("key", "value")
    return func.json_each(Occurrence.tags).table_valued("key", "value")


def _text_or_empty(column: ColumnElement[Any] | InstrumentedAttribute[Any]) -> ColumnElement[str]:
    if isinstance(column.type, Boolean):
        return case((column.is_(None), ""), (column, KNOWN + "true"), else_=KNOWN + "false")
    return case((column.is_(None), ""), else_=literal(KNOWN, String) + column)


_IS_MISSING = (Crash.figures_revision != Crash.revision,)

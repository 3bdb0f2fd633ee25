"""Figures of crashes: occurrences counted per crash and UTC day by each of their facts, kept with every change.

The counts of a crash are complete while `crashes.figures_revision` equals its `revision`: whatever changes the occurrences
raises `revision`, and who keeps the counts raises both. A release without this table raises only `revision`.
"""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date
from types import ModuleType
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Delete,
    ForeignKey,
    Index,
    String,
    Update,
    case,
    delete,
    func,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from app.db.base import Base
from app.db.hot import insert_into, rows_of
from app.db.models.occurrence import MAX_FACT, Occurrence
from app.db.work import BigId

VERSION, USER, ENVIRONMENT, TAG = "app_version", "user", "environment", "tag"
FACTS: dict[str, tuple[InstrumentedAttribute[Any], ...]] = {
    VERSION: (Occurrence.app_version,),
    "os": (Occurrence.os_name, Occurrence.os_version),
    "device_model": (Occurrence.device_model,),
    USER: (Occurrence.user_id, Occurrence.app_version),
    ENVIRONMENT: (Occurrence.environment, Occurrence.app_version),
    "kind": (Occurrence.kind, Occurrence.handled),
}
"""What occurrences are counted by, and the one or two columns that it is made of. TAG is one more: its name, and its value."""

SILENT = frozenset({USER, ENVIRONMENT, "kind", TAG})
"""Facts by which an occurrence is not counted that tells nothing of them. By VERSION each is counted once."""

BY_VERSION = frozenset({USER, ENVIRONMENT})
"""Facts whose second column is the version that told the first: one user on one day has few, so this adds next to no row."""

KNOWN = "="
"""Stands before a value; a value that is not known is an empty text, for no column of a key may be NULL."""


class CrashFigure(Base):
    """How many occurrences of a crash on one UTC day have one value of a fact."""

    __tablename__ = "crash_figures"
    crash_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("crashes.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    fact: Mapped[str] = mapped_column(String(16), primary_key=True)  # one of FACTS, or TAG
    day: Mapped[date] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(String(MAX_FACT + 1), primary_key=True)  # KNOWN and the first column, or empty
    detail: Mapped[str] = mapped_column(String(MAX_FACT + 1), primary_key=True)  # the same of the second column
    occurrences: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (
        Index("ix_crash_figures_value", "crash_id", "fact", "value", "detail", "day"),  # finds crashes by a fact
        {"sqlite_with_rowid": False},
    )


_KEY = (CrashFigure.crash_id, CrashFigure.fact, CrashFigure.day, CrashFigure.value, CrashFigure.detail)
COLUMNS = (*(column.key for column in _KEY), "occurrences")


def addition(dialect: ModuleType) -> Any:
    """Add the occurrences of the parameter `rows` to the counts; rows are locked in the order of their keys."""
    given = _given(dialect)
    keys = [given.c[name] for name in COLUMNS[:-1]]
    insert = insert_into(dialect, CrashFigure).from_select(
        COLUMNS, select(*keys, given.c.occurrences).where(true()).order_by(*keys)
    )
    more = {"occurrences": CrashFigure.occurrences + insert.excluded.occurrences}
    return insert.on_conflict_do_update(index_elements=_KEY, set_=more)


def subtraction(dialect: ModuleType) -> Update:
    """Take the occurrences of the parameter `rows` from the counts that are there."""
    given = _given(dialect)
    these = update(CrashFigure).where(*(column == given.c[column.key] for column in _KEY))
    return these.values(occurrences=CrashFigure.occurrences - given.c.occurrences)


def removal_of_spent(dialect: ModuleType) -> Delete:
    """Delete those of the parameter `rows` that count nothing any more: a value may name a user."""
    given = _given(dialect)
    named = select(*(given.c[name] for name in COLUMNS[:-1]))
    return delete(CrashFigure).where(tuple_(*_KEY).in_(named), CrashFigure.occurrences <= 0)


def known(value: ColumnElement[str] | InstrumentedAttribute[str]) -> ColumnElement[str | None]:
    """The value that a column says, NULL when it is not known."""
    return case((value == "", None), else_=func.substr(value, 1 + len(KNOWN)))


def rows_added(added: Iterable[Any]) -> list[dict[str, Any]]:
    """What these occurrences, which have the names of its columns, add to the figures: the parameter `rows` of `addition`."""
    keys: Counter[tuple[object, ...]] = Counter()
    for one in added:
        day = one.occurred_at.astimezone(UTC).date().isoformat()
        version = _text_or_empty(one.app_version)
        keys[one.crash_id, VERSION, day, version, ""] += 1
        keys[one.crash_id, "os", day, _text_or_empty(one.os_name), _text_or_empty(one.os_version)] += 1
        keys[one.crash_id, "device_model", day, _text_or_empty(one.device_model), ""] += 1
        if one.user_id is not None:
            keys[one.crash_id, USER, day, _text_or_empty(one.user_id), version] += 1
        if one.environment is not None:
            keys[one.crash_id, ENVIRONMENT, day, _text_or_empty(one.environment), version] += 1
        if one.kind is not None or one.handled is not None:
            keys[one.crash_id, "kind", day, _text_or_empty(one.kind), _text_of_flag(one.handled)] += 1
        if one.tags is not None:
            for name, value in json.loads(one.tags).items():
                keys[one.crash_id, TAG, day, _text_or_empty(name), _text_or_empty(value)] += 1
    return [dict(zip(COLUMNS, (*key, number), strict=True)) for key, number in keys.items()]


def _text_or_empty(value: str | None) -> str:
    return "" if value is None else KNOWN + value


def _text_of_flag(value: bool | None) -> str:
    return _text_or_empty(None if value is None else "true" if value else "false")


def dialect_of(name: str) -> ModuleType:
    """The dialect of `postgresql` or `sqlite`."""
    return postgresql if name == "postgresql" else sqlite


def _given(dialect: ModuleType) -> Any:
    return rows_of(dialect, *(CrashFigure.__table__.c[name] for name in COLUMNS))

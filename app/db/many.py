"""Many rows as one parameter: JSON that the database reads as a table, so one prepared statement takes any number."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

from sqlalchemy import JSON, ColumnElement, FromClause, Text, bindparam, cast, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.sql import column

_PARAMETER = "rows"


def rows_of(dialect: ModuleType, *columns: ColumnElement[Any]) -> FromClause:
    """The parameter `rows` as a table with columns named and typed like these."""
    names = [(str(given.key), given.type) for given in columns]
    text = bindparam(_PARAMETER, type_=Text)
    if dialect is postgresql:
        typed = (column(name, kind) for name, kind in names)
        return func.json_to_recordset(cast(text, JSON)).table_valued(*typed).render_derived("given", with_types=True)
    each = func.json_each(text).table_valued("value", name="each")
    read = (func.json_extract(each.c.value, f"$.{name}", type_=kind).label(name) for name, kind in names)
    return select(*read).subquery("given")


def insert_into(dialect: ModuleType, table: type[DeclarativeBase]) -> postgresql.Insert | sqlite.Insert:
    """An INSERT of the dialect, for its ON CONFLICT."""
    made: postgresql.Insert | sqlite.Insert = dialect.insert(table)
    return made


def as_rows(rows: Iterable[Mapping[str, Any]]) -> str:
    """What to give as `rows`: objects of numbers, texts and aware times."""
    return json.dumps(list(rows), default=_written, separators=(",", ":"))


def _written(value: object) -> str:
    """A time in UTC as PostgreSQL reads it, and as SQLite compares it letter by letter with those that it has."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    raise TypeError(f"{type(value).__name__} in rows")

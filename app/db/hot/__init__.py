"""The few statements that run for every poll, claim, finish and digest on PostgreSQL: one .sql file each.

And `rows_of`, many rows as one parameter: JSON that the database reads as a table, so one prepared statement takes any number.

    _CLAIM = SqlText("claim_job", ClaimedJob)  # app/db/hot/claim_job.sql
    with db.driver_write(together=False) as driver:
        job = driver.first(_CLAIM, now=now, queue=queue)  # a ClaimedJob, or None

A file holds one statement. `:name` is a parameter, `-- text` a comment, which is not sent. A line `\\ir other.sql` stands
for the text of that file, as in psql. SQLite has no round trips to save: its statements are SQLAlchemy Core.
"""

import enum
import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType, ModuleType, UnionType
from typing import Any, Generic, TypeVar, get_args, get_type_hints

from sqlalchemy import JSON, ColumnElement, Dialect, FromClause, Text, bindparam, cast, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.sql import column

Row = TypeVar("Row")

FOLDER = Path(__file__).parent
_INCLUDE = re.compile(r"^[ \t]*\\ir (\w+)\.sql[ \t]*$", re.MULTILINE)
_TOKENS = re.compile(r"\s*--[^\n]*|('[^']*'|::)|:([a-z]\w*)")
_PARAMETER = "rows"


class SqlText(Generic[Row]):
    """A statement of this folder, for `first`, `rows` and `change` of a `DriverConnection`. PostgreSQL only.

    `row` is called with the columns of a row, in their order. If it is a NamedTuple, fields that are an enum, or an enum
    or None, are made from their text. Times come as aware datetimes in UTC and are given as aware datetimes; a wrong or
    missing parameter is a KeyError. A number that a statement compares or inserts may need a cast there (`:most::bigint`).
    `binary`: PostgreSQL sends rows in binary form, which is quicker for long byte strings and for nothing else.
    `instead`: files that stand in the place of others, by the names of these.
    """

    def __init__(
        self, name: str, row: Callable[..., Row], *, binary: bool = False, instead: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.parameters: list[str] = []  # in the order of their numbers
        self.sql = _TOKENS.sub(self._numbered, read_text(name, instead or {})).strip()
        self.query: str | bytes = self.sql.encode()
        self.options: dict[str, Any] = {"prepare": True, "binary": binary}
        self._row = row
        self._enums = _enums_of(row)

    def compiled(self, dialect: Dialect) -> "SqlText[Row]":
        """The statement itself; there is no other dialect than PostgreSQL's."""
        assert dialect.name == "postgresql", f"{self.name}.sql is for PostgreSQL"
        return self

    def written(self, values: dict[str, Any]) -> list[Any]:
        """The parameters as the driver takes them."""
        return [values[name] for name in self.parameters]

    def read(self, row: tuple[Any, ...]) -> Row:
        """What `row` makes of the columns."""
        if self._enums:
            columns = list(row)
            for place, kind in self._enums:
                if columns[place] is not None:
                    columns[place] = kind(columns[place])
            return self._row(*columns)
        return self._row(*row)

    def _numbered(self, token: re.Match[str]) -> str:
        """A token as PostgreSQL reads it: a parameter has a number, by which the driver need not look for its name."""
        kept, name = token.groups()
        if name is None:
            return kept or ""
        if name not in self.parameters:
            self.parameters.append(name)
        return f"${self.parameters.index(name) + 1}"


def read_text(name: str, instead: Mapping[str, str] = MappingProxyType({})) -> str:
    """The text of NAME.sql with the files that it includes, or those `instead` of them, and with its comments."""
    text = (FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    return _INCLUDE.sub(lambda line: read_text(instead.get(line[1], line[1]), instead), text)


def _enums_of(row: Callable[..., Any]) -> list[tuple[int, type[enum.Enum]]]:
    """Places of the fields of a NamedTuple that are enums, and which."""
    found: list[tuple[int, type[enum.Enum]]] = []
    hints = get_type_hints(row) if isinstance(row, type) else {}
    for place, name in enumerate(getattr(row, "_fields", ())):
        hint = hints[name]
        kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
        found += [(place, kind) for kind in kinds if isinstance(kind, type) and issubclass(kind, enum.Enum)]
    return found


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

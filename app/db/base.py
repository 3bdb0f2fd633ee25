"""What tables are made of: their base class, times in UTC, enums by value; and two statements on rows of theirs."""

import enum
from datetime import UTC, datetime
from types import ModuleType
from typing import Any, Final

from sqlalchemy import CursorResult, DateTime, Dialect, Enum, MetaData, TypeDecorator, Update, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Session


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC datetime; SQLite keeps it as ISO text, so that text order is time order."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Every table. Constraints have names, so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcTime()}  # noqa: RUF012  SQLAlchemy reads it from the class


def value_enum(kind: type[enum.StrEnum]) -> Enum:
    """A column type that stores an enum by its value as text, so that a new value needs no migration."""
    return Enum(
        kind, native_enum=False, create_constraint=False, length=16, values_callable=lambda e: [m.value for m in e]
    )


def rows_changed(session: Session, statement: Update) -> int:
    """Execute an UPDATE and return how many rows it changed, without touching objects in the session."""
    result = session.execute(statement, execution_options={"synchronize_session": False})
    assert isinstance(result, CursorResult)
    return int(result.rowcount)


ForUpdate = dict[str, Any]
"""How to lock a row: what SQLAlchemy takes as `with_for_update`."""
ALONE: Final[ForUpdate] = {}
"""As `with_for_update`: nobody else changes, deletes or refers to the row."""
AGAINST_CHANGES: Final[ForUpdate] = {"key_share": True}
"""As `with_for_update`: nobody else changes or deletes the row, but rows that refer to it may be added meanwhile.

Who locks a user and then an app so gets along with who has locked the app and writes who did it.
"""


def wait_for_locks(session: Session, seconds: float) -> None:
    """Let the transaction wait for each lock of others for so long only, on PostgreSQL; then it ends as an outage does."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"SET LOCAL lock_timeout = {int(seconds * 1_000)}"))


def dialect_of(session: Session) -> ModuleType:
    """SQLAlchemy's module of the session's dialect, which has its `insert`."""
    return postgresql if session.get_bind().dialect.name == "postgresql" else sqlite


def insert_or_ignore(session: Session, table: type[Base], values: dict[str, Any]) -> bool:
    """Insert one row; False when a row with the same unique key is there already."""
    statement = dialect_of(session).insert(table).values(values).on_conflict_do_nothing()
    inserted = session.execute(statement.returning(*table.__table__.primary_key))  # psycopg gives no row count here
    return inserted.first() is not None

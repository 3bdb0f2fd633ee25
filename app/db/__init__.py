"""The database. With migrations the only code that knows SQLAlchemy and the driver: the rest takes these names from here."""

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.db.base import (
    AGAINST_CHANGES,
    ALONE,
    Base,
    ForUpdate,
    UtcTime,
    insert_or_ignore,
    rows_changed,
    value_enum,
    wait_for_locks,
)
from app.db.engine import Database
from app.db.opening import open_database

__all__ = [
    "AGAINST_CHANGES",
    "ALONE",
    "Base",
    "Connection",
    "Database",
    "ForUpdate",
    "IntegrityError",
    "Session",
    "UtcTime",
    "insert_or_ignore",
    "open_database",
    "rows_changed",
    "value_enum",
    "wait_for_locks",
]

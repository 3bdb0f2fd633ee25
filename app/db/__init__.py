"""The database. With migrations the only code that knows SQLAlchemy and the driver: the rest takes these names from here."""

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.db.base import Base, UtcTime, insert_or_ignore, rows_changed, value_enum
from app.db.engine import Database
from app.db.opening import open_database

__all__ = [
    "Base",
    "Connection",
    "Database",
    "IntegrityError",
    "Session",
    "UtcTime",
    "insert_or_ignore",
    "open_database",
    "rows_changed",
    "value_enum",
]

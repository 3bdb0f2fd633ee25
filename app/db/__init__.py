"""The database. With migrations the only code that knows SQLAlchemy and the driver: the rest takes these names from here."""

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.db.base import Base, UtcTime, value_enum
from app.db.engine import Database, insert_or_ignore, open_database, rows_changed

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

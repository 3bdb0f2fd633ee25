"""Tells an outage of the database from a bug: one rule for sessions and for driver connections."""

import sqlite3

import psycopg
from psycopg.errors import (
    IdleInTransactionSessionTimeout,
    ProgramLimitExceeded,
    ReadOnlySqlTransaction,
    StatementTooComplex,
    TooManyArguments,
    TooManyColumns,
    TransactionTimeout,
)
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.errors import TransientError

DRIVER_ERRORS = (psycopg.Error, sqlite3.Error)
DATABASE_ERRORS = (*DRIVER_ERRORS, DBAPIError, DisconnectionError, PoolTimeout)
"""Everything that a statement, a connection or a pool raises."""

_OUTAGES = (
    psycopg.OperationalError,  # 92 classes: connection, lock, deadlock, resources, disk, shutdown, failover, a pooler's own
    psycopg.InterfaceError,  # the connection was closed before the statement was sent
    ReadOnlySqlTransaction,  # a standby, or a primary that has just become one
    IdleInTransactionSessionTimeout,
    TransactionTimeout,
    sqlite3.OperationalError,
    sqlite3.InterfaceError,
    DisconnectionError,
    PoolTimeout,
)
_BUGS = (ProgramLimitExceeded, StatementTooComplex, TooManyColumns, TooManyArguments)
"""SQLSTATE class 54, which psycopg counts as operational: the statement asks for too much, and does so the next time too."""
_UNKNOWN = ("08", "57P", "40003", "58", "XX")
"""SQLSTATEs of a connection or a server that ends, maybe right after a commit, and of one that is broken."""
_IN_DOUBT = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_PROTOCOL)


def is_reference_broken(error: BaseException) -> bool:
    """True when a foreign key names a row that is gone, or a row that was to go is named. Takes what `is_outage` takes."""
    if isinstance(error, DBAPIError):
        error = error.orig or error
    is_sqlite = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
    return is_sqlite or isinstance(error, psycopg.errors.ForeignKeyViolation)


def is_outage(error: BaseException) -> bool:
    """True when the same statement may succeed later: connection, lock, time-out, disk or failover.

    False for a statement that is wrong, and for what is no error of a database. Takes SQLAlchemy's errors and the drivers'.
    """
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or (error.orig is not None and is_outage(error.orig))
    if isinstance(error, sqlite3.Error):
        # SQLITE_ERROR is "no such table", "syntax error" and the like; each condition that passes has a code of its own.
        return isinstance(error, _OUTAGES) and getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_ERROR
    if type(error) is psycopg.DatabaseError:
        return error.diag.sqlstate is None  # made by libpq, not by a server: the connection broke
    return isinstance(error, _OUTAGES) and not isinstance(error, _BUGS)


def is_without_effect(error: BaseException) -> bool:
    """True when the database said that it did not do the statement, or was never asked; False when nobody knows.

    Takes what `is_outage` takes, and the TransientError that it was turned into.
    """
    cause = error.__cause__ if isinstance(error, TransientError) else error
    if isinstance(cause, DBAPIError):
        cause = cause.orig
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", None) is None or cause.sqlite_errorcode & 0xFF not in _IN_DOUBT
    if not isinstance(cause, psycopg.Error):
        return False
    if cause.pgconn is not None:  # it was raised by an attempt to connect
        return True
    return cause.sqlstate is not None and not cause.sqlstate.startswith(_UNKNOWN)

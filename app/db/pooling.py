"""Tells a pooler that pools by transaction or statement: statements are prepared, so crashq needs one that pools by session."""

from functools import partial

import psycopg
from sqlalchemy import make_url

from app.errors import ConfigError

CONNECT_WAIT = 3  # seconds
LOOKS = 3

NEEDS_SESSIONS = (
    "DATABASE_URL leads to a pooler that pools by transaction or statement; crashq prepares statements on its"
    " connections, so it needs pool_mode = session there, or PostgreSQL itself"
)


def require_pooling_by_session(url: str) -> None:
    """Raise ConfigError where a pooler hands one server connection to several clients, one after another.

    Nothing is said of SQLite, or of a database that does not answer: the service starts and waits for that one.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return
    address = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
    connect = partial(psycopg.connect, address, autocommit=True, connect_timeout=CONNECT_WAIT, prepare_threshold=None)
    try:
        with connect() as first, connect() as second:
            is_shared = any(_share_a_server(first, second) for _ in range(LOOKS))
    except psycopg.Error:
        return
    if is_shared:
        raise ConfigError(NEEDS_SESSIONS)


def _share_a_server(first: psycopg.Connection, second: psycopg.Connection) -> bool:
    """True when one server serves both, or the server changes. The order finds servers behind a round-robin balancer, too."""
    of_first, of_second = {_server(first)}, {_server(second)}
    of_second.add(_server(second))
    of_first.add(_server(first))
    return len(of_first | of_second) != 2 or bool(of_first & of_second)


def _server(connection: psycopg.Connection) -> int:
    found = connection.execute("SELECT pg_backend_pid()").fetchone()
    assert found is not None
    return int(found[0])

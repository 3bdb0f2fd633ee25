"""The work of every peer's job: the occurrences of a crash as a list of dicts, all at once."""

import os
import threading
from typing import Any

import psycopg
from psycopg.rows import dict_row

STATEMENT = """
SELECT log_id || '-crash-' || number AS id, to_char(occurred_at, 'YYYY-MM-DD') AS date, log_id
FROM occurrences WHERE crash_id = (SELECT id FROM crashes WHERE identifier = %s)
ORDER BY occurred_at DESC, id DESC
"""

_of_thread = threading.local()


def occurrences(crash: str) -> list[dict[str, Any]]:
    """Every occurrence of a crash, newest first, over a connection that the thread keeps."""
    if getattr(_of_thread, "connection", None) is None:
        _of_thread.connection = psycopg.connect(os.environ["BENCH_DATABASE"], autocommit=True, row_factory=dict_row)
    rows: list[dict[str, Any]] = _of_thread.connection.execute(STATEMENT, [crash]).fetchall()
    return rows

"""The usual export of a crash's occurrences: a server-side cursor, and Python's writers for each row."""

import csv
import json
import os
import tempfile
from pathlib import Path

import psycopg
from psycopg.rows import dict_row, tuple_row

COLUMNS = """
SELECT log_id || '-crash-' || number AS id, to_char(occurred_at, 'YYYY-MM-DD') AS date, log_id,
       to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS occurred_at, crashes.identifier,
       app_version, app_build, os_name, os_version, device_model, user_id
FROM occurrences JOIN crashes ON crashes.id = occurrences.crash_id
WHERE crashes.identifier = %s
ORDER BY occurrences.occurred_at, occurrences.id
"""
FETCHED = 10_000  # rows at a time


def export(crash: str, format_name: str) -> dict[str, int]:
    """Write a file of all rows, `csv` or `ndjson`; returns its rows and bytes."""
    with (
        tempfile.NamedTemporaryFile("w", newline="", dir=os.environ.get("BENCH_FOLDER")) as file,
        psycopg.connect(os.environ["BENCH_DATABASE"]) as connection,
    ):
        rows = 0
        if format_name == "csv":
            with connection.cursor("export", row_factory=tuple_row) as cursor:
                cursor.itersize = FETCHED
                writer = csv.writer(file)
                for cells in cursor.execute(COLUMNS, [crash]):
                    writer.writerow(cells)
                    rows += 1
        else:
            with connection.cursor("export", row_factory=dict_row) as named:
                named.itersize = FETCHED
                for row in named.execute(COLUMNS, [crash]):
                    file.write(json.dumps(row) + "\n")
                    rows += 1
        file.flush()
        return {"rows": rows, "size": Path(file.name).stat().st_size}

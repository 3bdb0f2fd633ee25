"""Parquet the short way: Arrow batches over ADBC, written by pyarrow. No job, no manifest, no other process."""

import time
from pathlib import Path

import adbc_driver_postgresql.dbapi as adbc
from pyarrow import parquet

STATEMENT = """
SELECT log_id || '-crash-' || number AS id, occurred_at::date AS date, log_id, occurred_at, crashes.identifier,
       app_version, app_build, os_name, os_version, device_model, user_id
FROM occurrences JOIN crashes ON crashes.id = occurrences.crash_id
WHERE crashes.identifier = '{}'
ORDER BY occurrences.occurred_at, occurrences.id
"""


def parquet_seconds(database: str, crash: str, target: Path) -> float:
    """Seconds until the rows of a crash are in a file with zstd, as crashq's are."""
    started = time.perf_counter()
    with adbc.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute(STATEMENT.format(crash))  # an identifier of the seed's
        batches = cursor.fetch_record_batch()
        with parquet.ParquetWriter(target, batches.schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch)
    return time.perf_counter() - started

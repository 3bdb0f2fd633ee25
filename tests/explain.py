"""The plan of every hot statement (app/db/hot) on a seeded database: `make explain`, or `python -m tests.explain`."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import sql

from app.db import Database, open_database
from app.db.driver_pool import DriverConnection
from app.db.hot import FOLDER, SqlText, as_rows, read_text
from app.operations.schema import upgrade
from tests.servers import new_database, postgres_server

NOW = datetime(2018, 9, 13, 12, 0, tzinfo=UTC)
APPS, CRASHES, OCCURRENCES, JOBS = 8, 4_000, 20_000, 6_000

SEED = """
INSERT INTO users (email, password_hash, created_at)
SELECT n || '@example.com', '', :now FROM generate_series(1, :apps) n;

INSERT INTO apps (identifier, name, ingest_key_hash, created_at)
SELECT lpad(to_hex(n), 24, '0'), 'app', to_hex(n), :now FROM generate_series(1, :apps) n;

INSERT INTO memberships (user_id, app_id) SELECT users.id, apps.id FROM users JOIN apps ON apps.id = users.id;

INSERT INTO tokens (hash, user_id, created_at, expires_at)
SELECT lpad(to_hex(id), 64, '0'), id, :now, :now + interval '1 day' FROM users;

INSERT INTO crashes (app_id, identifier, fingerprint, fingerprint_version, title, first_seen, last_seen,
                     occurrences_count, revision)
SELECT 1 + n % :apps, lpad(to_hex(n), 24, '0'), lpad(to_hex(n), 32, '0'), 1, 'SIGSEGV', :now, :now,
       :occurrences / :crashes, 1
FROM generate_series(1, :crashes) n;

INSERT INTO logs (app_id, log_id, sha256, size, storage_key, received_at, status, attempt, strikes, ring_after, rings)
SELECT 1 + n % :crashes % :apps, 'log-' || n, lpad(to_hex(n), 64, '0'), 5000, 'logs/' || n, :now - n * interval '1 minute',
       CASE WHEN n % 100 = 0 THEN 'received' ELSE 'digested' END, 1, 0, :now, 0
FROM generate_series(1, :occurrences) n;

INSERT INTO occurrences (crash_id, log_row, log_id, number, occurred_at)
SELECT crashes.id, logs.id, logs.log_id, 1, logs.received_at
FROM logs JOIN crashes ON crashes.id = 1 + (logs.id - 1) % :crashes;

INSERT INTO grouping_decisions (identifier, app_id, into_identifier, fingerprint, fingerprint_version, title, decided_at)
SELECT identifier, app_id, lpad(to_hex(id - 1), 24, '0'), fingerprint, fingerprint_version, title, :now
FROM crashes WHERE id % 2 = 0;

INSERT INTO jobs (id, kind, key, params, app_id, crash_id, state, created_at, finished_at, expires_at, queue, attempt,
                  strikes, ring_after, rings, progress_done, progress_total, data_revision, result_text, result_key)
SELECT lpad(to_hex(n), 24, '0'), 'occurrences', lpad(to_hex(n % 3000), 64, '0'),
       '{"crash_identifier":"' || crashes.identifier || '"}', crashes.app_id, crashes.id,
       CASE WHEN n > :jobs - 200 THEN 'queued' WHEN n > :jobs - 220 THEN 'running' ELSE 'finished' END,
       :now - (:jobs - n) * interval '1 minute',
       CASE WHEN n <= :jobs - 220 THEN :now - (:jobs - n) * interval '1 minute' END,
       CASE WHEN n <= :jobs - 220 THEN :now + interval '1 day' END,
       CASE WHEN n % 10 = 0 THEN 'long' ELSE 'short' END, 0, 0, :now, 0, 0, 20, 1,
       CASE WHEN n <= :jobs - 220 AND n % 2 = 0 THEN '[]' END, CASE WHEN n <= :jobs - 220 AND n % 2 = 1 THEN 'jobs/' || n END
FROM generate_series(1, :jobs) n JOIN crashes ON crashes.id = 1 + n % :crashes;

INSERT INTO job_askers (job_id, user_id, asked_at, seen_at) SELECT id, app_id, created_at, created_at FROM jobs;

INSERT INTO turns (app_id, served_at) SELECT id, :now - id * interval '1 second' FROM apps WHERE id > 1;

INSERT INTO webhooks (identifier, app_id, url, secret, on_job_finished, on_job_failed, on_crash_new, active, created_at)
SELECT lpad(to_hex(n), 24, '0'), 1 + n % :apps, 'https://example.com', '', n % 2 = 0, true, true, true, :now
FROM generate_series(1, :apps * 4) n;

INSERT INTO webhook_deliveries (webhook_id, event, subject, created_at, state, attempts, next_at)
SELECT 1 + n % (:apps * 4), 'job.finished', lpad(to_hex(n), 24, '0'), :now, 'delivered', 1, :now
FROM generate_series(1, :jobs) n;
"""
"""Eight apps with a user each. Of the jobs, the last 200 are queued, the 20 before them running, all others finished."""


def _id(number: int, digits: int = 24) -> str:
    return f"{number:0{digits}x}"


_ASKED = {"token": _id(2, 64), "now": NOW, "crash": _id(1), "key": _id(1, 64), "job": _id(1)}
_NEW = {
    "id": "f" * 24,
    "kind": "occurrences",
    "params": "{}",
    "request_id": "r",
    "enqueue_after": NOW,
    "user": 2,
    "app_id": 2,
    "crash_id": 1,
    "queue": "short",
    "progress_total": 20,
    "most": 10,
    "failed_after": NOW,
    "fresh_after": NOW,
    "expires_after": NOW,
    "revision": 1,
}
_RESULT = {
    "finished_at": NOW,
    "expires_at": NOW,
    "progress_done": 20,
    "progress_total": 20,
    "data_revision": 1,
    "result_text": "[]",
    "result_key": None,
    "result_size": 2,
    "result_sha256": "0" * 64,
    "result_filename": "list.json",
    "result_media_type": "application/json",
}
_LIST = {
    "kind": "occurrences",
    "params": '{"crash_identifier":"@"}',
    "filename": "@.json",
    "expires_at": NOW,
    "media_type": "application/json",
    "most_rows": 1000,
    "most_bytes": 65536,
}
_FOUND = {
    "app_id": 2,
    "identifier": _id(1),
    "fingerprint": _id(1, 32),
    "fingerprint_version": 1,
    "title": "SIGSEGV",
    "first_seen": NOW,
    "last_seen": NOW,
    "occurrences_count": 1,
}
_TYPES = {int: 20, datetime: 1184}  # bigint and timestamptz; of anything else the server infers the type
_CLAIM = {
    "queue": "short",
    "job_of_message": "",
    "now": NOW,
    "latest": NOW + timedelta(hours=1),
    "worker": "w",
    "lease_expires_at": NOW,
    "bounded": "long",
    "at_once": 1,
}
_PAGE = {
    "app": 2,
    "crash": None,
    "since": None,
    "until": None,
    "last_row": OCCURRENCES,
    "after_row": 0,
    "after_crash": 0,
    "after_at": NOW - timedelta(days=30),
    "after_id": 0,
    "upto_crash": CRASHES // 2,
    "upto_at": NOW,
    "upto_id": OCCURRENCES,
}
_CELLS = {
    **_PAGE,
    **dict.fromkeys(("app_version", "os_name", "os_version", "device_model", "user_id")),
    **dict.fromkeys(("told", "shown_devices", "shown_users")),
}
VALUES: dict[str, dict[str, Any]] = {
    "add_occurrences": {
        "rows": as_rows([{"crash_id": 1, "log_row": 1, "log_id": "log-1", "number": 2, "occurred_at": NOW}]),
    },
    "await_symbols": {"rows": as_rows([{"app_id": 2, "awaited": _id(1, 32), "log_row": 1}])},
    "batch_bound": {**_PAGE, "size": 1_000},
    "batch_csv": _CELLS,
    "batch_devices_and_users": _PAGE,
    "batch_ndjson": _CELLS,
    "batch_page_of_crash": _PAGE,
    "batch_undescribed": _PAGE,
    "claim_job": _CLAIM,
    "claim_logs": {
        "now": NOW,
        "latest": NOW + timedelta(hours=1),
        "lease_expires_at": NOW,
        "holder": "w",
        "most": 25,
        "bytes": 1_048_576,
        "most_processes": 1,
        "most_slow": 1,
    },
    "claim_or_finish": {**_CLAIM, **_LIST},
    "count_occurrences": {"now": NOW, "rows": as_rows([_FOUND, {**_FOUND, "identifier": "f" * 24}])},
    "end_digests": {"now": NOW, "rows": as_rows([{"id": 100, "attempt": 1, "holder": "w", "status": "digested"}])},
    "find_or_start": {**_ASKED, **_NEW, "key": "0" * 64, "long_from": 20_000},
    "finish_job": {"job": _id(JOBS - 210), "attempt": 0, "holder": None, **_RESULT},
    "job_state": {"job": _id(1)},
    "merged_groups": {"rows": as_rows([{"identifier": _id(2)}])},
    "poll_by_id": _ASKED,
    "poll_by_key": _ASKED,
    "start_job": {**_NEW, "now": NOW, "key": "0" * 64},
    "stored_list": {"key": _id(1, 64), "crash": 2},
}
"""What each statement is explained with. A file that only others include has no entry."""


def statements() -> list[str]:
    """Names of the files that are a statement of their own."""
    names = sorted(path.stem for path in FOLDER.glob("*.sql"))
    included = {
        name for name in names for other in names if f"\\ir {name}.sql" in (FOLDER / f"{other}.sql").read_text()
    }
    return [name for name in names if name not in included or name in VALUES]


@contextmanager
def seeded(url: str) -> Iterator[Database]:
    """The database at the URL, which is empty, with every migration and some thousand jobs of several apps."""
    database = open_database(url)
    try:
        upgrade(database)
        sizes = {"apps": APPS, "crashes": CRASHES, "occurrences": OCCURRENCES, "jobs": JOBS}
        seed = SEED.replace(":now", f"timestamptz '{NOW.isoformat()}'")
        for name, number in sizes.items():
            seed = seed.replace(f":{name}", str(number))
        with database.driver() as driver:
            for statement in (*seed.split(";\n\n"), "VACUUM (ANALYZE)"):
                driver.connection.execute(statement)
        yield database
    finally:
        database.close()


def plan_of(driver: DriverConnection, statement: Any, values: dict[str, Any], options: str) -> Any:
    """What EXPLAIN tells of a statement as the service runs it: prepared, and planned for any values. Changes nothing."""
    written, connection = statement.written(values), driver.connection
    types = [_TYPES.get(type(value), 0) for value in written]
    connection.pgconn.prepare(b"explained", statement.query, types)
    execute = sql.SQL("EXECUTE explained({})" if written else "EXECUTE explained").format(sql.SQL(", ").join(written))
    connection.execute("BEGIN")
    lines = connection.execute(sql.SQL("EXPLAIN ({}) {}").format(sql.SQL(options), execute)).fetchall()
    connection.execute("ROLLBACK")
    connection.execute("DEALLOCATE explained")
    return lines


def main() -> None:
    """Print the statements' plans, with what was read of each table and index."""
    with postgres_server() as server, new_database(server) as url, seeded(url) as database:
        for name in statements():
            with database.driver() as driver:
                rows = plan_of(
                    driver, SqlText(name, tuple), VALUES[name], "ANALYZE, COSTS OFF, TIMING OFF, BUFFERS OFF"
                )
            print(f"\n{read_text(name).partition(chr(10))[0]}\n{name}.sql")
            print("\n".join(f"    {line}" for [line] in rows))


if __name__ == "__main__":
    main()

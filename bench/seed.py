"""Crashes with many occurrences, made inside the database; crashq and the peers read the same tables."""

from dataclasses import dataclass, field

import psycopg

SMALL_ROWS = 10  # occurrences of a small crash
BIG_FIRST, SMALL_FIRST = 1, 1_000_000  # numbers of the crashes, from which their identifiers are made

LOG = """
INSERT INTO logs (app_id, log_id, sha256, size, storage_key, received_at, status, attempt, strikes, ring_after, rings)
SELECT id, %s, repeat('0', 64), 1, 'logs/none', now(), 'digested', 1, 0, now(), 0 FROM apps WHERE identifier = %s
RETURNING id, app_id
"""
CRASHES = """
INSERT INTO crashes (app_id, identifier, fingerprint, fingerprint_version, title, first_seen, last_seen,
                     occurrences_count, revision)
SELECT %(app)s, lpad(to_hex(n), 24, '0'), lpad(to_hex(n), 32, '0'), 1, 'bench', now(), now(), %(rows)s, 1
FROM generate_series(%(first)s::bigint, %(last)s::bigint) n
"""
OCCURRENCES = """
INSERT INTO occurrences (crash_id, log_row, log_id, number, occurred_at, described, app_version, app_build, os_name,
                         os_version, device_model, user_id)
SELECT crashes.id, %(log)s, lpad(n::text, 10, '0') || '-1536831773-logs-' || lpad((n %% 100000)::text, 5, '0'),
       (row_number() OVER ())::int + %(number)s, timestamptz '2018-09-13 12:00Z' + n * interval '1 second',
       true, '1.' || n %% 10, (n %% 50)::text, 'iOS', '11.' || n %% 5, 'iPhone9,' || n %% 4, 'user-' || n %% 10000
FROM crashes, generate_series(1, %(rows)s) n
WHERE crashes.identifier BETWEEN lpad(to_hex(%(first)s::bigint), 24, '0') AND lpad(to_hex(%(last)s::bigint), 24, '0')
"""
FIGURES = """
INSERT INTO crash_figures (crash_id, fact, day, value, detail, occurrences)
SELECT counted.crash_id, told.fact, counted.day, told.value, '', sum(counted.n)
FROM (
    SELECT crash_id, (occurred_at AT TIME ZONE 'UTC')::date AS day, app_version, os_name, count(*) AS n
    FROM occurrences GROUP BY 1, 2, 3, 4
) AS counted,
LATERAL (
    VALUES ('app_version', '=' || counted.app_version), ('os', '=' || counted.os_name), ('device_model', '')
) AS told (fact, value)
GROUP BY 1, 2, 3, 4
"""


@dataclass
class Seed:
    """What the database holds."""

    big: dict[int, str] = field(default_factory=dict)  # rows -> crash identifier
    small: list[str] = field(default_factory=list)  # identifiers of crashes of SMALL_ROWS rows each


def sow(database: str, app: str, big: list[int], small: int) -> Seed:
    """Fill an empty database: one crash of each of the sizes in `big`, and `small` crashes of SMALL_ROWS rows."""
    seed, number = Seed(), 0
    with psycopg.connect(database, autocommit=True) as connection:
        log, app_id = connection.execute(LOG, ["bench", app]).fetchone() or (0, 0)
        sizes = [(BIG_FIRST + index, BIG_FIRST + index, rows) for index, rows in enumerate(big)]
        if small:
            sizes.append((SMALL_FIRST, SMALL_FIRST + small - 1, SMALL_ROWS))
        for first, last, rows in sizes:
            values = {"app": app_id, "log": log, "first": first, "last": last, "rows": rows, "number": number}
            connection.execute(CRASHES, values)
            connection.execute(OCCURRENCES, values)
            number += rows * (last - first + 1)
        connection.execute(
            FIGURES
        )  # as digests would have kept them: else workers count them while others are measured
        connection.execute("UPDATE crashes SET figures_revision = revision")
        connection.execute("VACUUM (ANALYZE) crashes, occurrences, crash_figures")
        connection.execute("CHECKPOINT")
    seed.big = {rows: _identifier(first) for first, _, rows in sizes if first < SMALL_FIRST}
    seed.small = [_identifier(SMALL_FIRST + index) for index in range(small)]
    return seed


def _identifier(number: int) -> str:
    return f"{number:024x}"

"""What holds at a hundred million rows, counted on few: pages that a statement reads, and updates that spare the indexes."""

import secrets
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from psycopg import RawCursor
from sqlalchemy import insert, select, text

from app.db.driver_pool import DriverConnection
from app.db.models.crash import Crash, Wanted, crashes_of
from app.db.models.job import Job, JobState, move
from app.db.models.log import Log, stored_log_ids
from app.db.models.occurrence import Occurrence, find_occurrence
from app.db.queries.long_list import long_list
from app.db.queries.waiting import backlog, oldest_waiting
from app.services import Services
from tests.factories import NOON, make_crash, make_member
from tests.statements import statements

MANY = 20_000  # rows, of which a statement that is well indexed reads next to none
FEW_PAGES = 60

postgresql_only = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def pages_read(services: Services, do: Callable[[Any], object]) -> int:
    """How many pages of tables and indexes PostgreSQL reads for what `do` sends."""
    with statements(services) as sent, services.db.read() as session:
        do(session)
    assert sent
    read = 0
    with services.db.engine.connect() as connection:
        for statement, values in sent:
            explained = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", values)
            plan = explained.scalar_one()[0]["Plan"]
            read += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return read


@pytest.fixture
def many(services, member) -> Crash:
    """One crash with MANY occurrences, each in a log of its own, and as many crashes and ended jobs beside it."""
    crash = make_crash(services, member.app, occurrences=1)
    values = {"app": member.app.id, "crash": crash.id, "many": MANY, "key": member.app.identifier}
    with services.db.write() as session:
        # Vacuum takes no page for visible to all while its rows' commit, or one near it, is not on the disk yet.
        session.execute(text("SET LOCAL synchronous_commit = on"))
        for statement in (
            """INSERT INTO logs (app_id, log_id, sha256, size, storage_key, received_at, status, attempt, strikes, ring_after,
                                 rings)
               SELECT :app, 'log-' || n, repeat('0', 64), 1, 'logs/' || :key || '/2018/09/13/log-' || n, now(), 'digested', 1, 0,
                      now(), 0 FROM generate_series(1, :many) n""",
            """INSERT INTO occurrences (crash_id, log_row, log_id, number, occurred_at)
               SELECT :crash, id, log_id, 1, timestamptz '2018-09-13' + id * interval '1 second' FROM logs
               WHERE log_id LIKE 'log-%'""",
            """INSERT INTO crashes (app_id, identifier, fingerprint, fingerprint_version, title, first_seen, last_seen,
                                    occurrences_count, revision)
               SELECT :app, lpad(n::text, 24, '0'), lpad(n::text, 32, '0'), 1, 'x', timestamptz '2018-01-01',
                      timestamptz '2018-01-02', 2, 1 FROM generate_series(1, :many) n""",
            """INSERT INTO jobs (id, kind, key, params, app_id, crash_id, state, created_at, queue, attempt, strikes, ring_after,
                                 rings, progress_done, progress_total)
               SELECT lpad(n::text, 24, '0'), 'occurrences', n::text, '{}', :app, :crash,
                      CASE n % 50 WHEN 0 THEN 'failed' ELSE 'expired' END,
                      now(), 'short', 1, 0, now(), 0, 1, 1 FROM generate_series(1, :many) n""",
        ):
            session.execute(text(statement), {name: value for name, value in values.items() if f":{name}" in statement})
    with services.db.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql("SET synchronous_commit = on")  # its own commits are such neighbours
        connection.exec_driver_sql("VACUUM (ANALYZE) logs, occurrences, crashes, jobs")
    return crash


@postgresql_only
def test_what_is_asked_often_reads_few_pages_however_many_rows_there_are(services, member, many):
    app, tomorrow = member.app, NOON + timedelta(days=400)
    key = f"logs/{app.identifier}/2018/09/13/log-777"  # as an earlier release wrote it
    with services.db.read() as session:
        assert stored_log_ids(session, [key, f"{key}-not"]) == {key}
        assert find_occurrence(session, many.id, "log-777", 1)
        assert backlog(session, NOON).jobs == {("occurrences", "failed"): MANY // 50}

    read = {
        "log of an object": pages_read(services, lambda session: stored_log_ids(session, [key, f"{key}-not"])),
        "occurrence": pages_read(services, lambda session: find_occurrence(session, many.id, "log-777", 1)),
        "backlog": pages_read(services, lambda session: backlog(session, NOON)),
        "oldest waiting": pages_read(services, lambda session: oldest_waiting(session, NOON)),
        **{
            f"crashes since tomorrow by {sort}": pages_read(
                services,
                lambda session, sort=sort: crashes_of(
                    session, app.id, Wanted(since=tomorrow), sort=sort, limit=101, offset=0
                ),
            )
            for sort in ("last_seen", "first_seen")
        },
    }

    assert all(pages < FEW_PAGES for pages in read.values()), read


@postgresql_only
def test_a_list_is_read_from_its_index_alone(services, many, monkeypatch):
    plans = []
    run = DriverConnection._run

    def run_explained(driver: DriverConnection, compiled, values):
        if "occurrences" in compiled.sql and "crashes" not in compiled.sql:
            explained = RawCursor(driver.connection).execute(
                f"EXPLAIN (ANALYZE) {compiled.sql}", compiled.written(dict(values))
            )
            plans.append([line for (line,) in explained.fetchall()])
        return run(driver, compiled, values)

    monkeypatch.setattr(DriverConnection, "_run", run_explained)
    with long_list(services.db, many.id) as found:
        rows = sum(batch.rows for batch in found.batches)

    assert rows == MANY + 1
    assert len(plans) >= 2 * 3
    for plan in ("\n".join(lines) for lines in plans):
        assert "Index Only Scan Backward using ix_occurrences_list" in plan, plan
        assert "Heap Fetches: 0" in plan, plan


@pytest.mark.parametrize(("since", "until"), [(NOON, None), (None, NOON)])
def test_a_window_open_at_one_end_is_told_by_the_crashes_alone(services, member, since, until):
    with statements(services) as sent, services.db.read() as session:
        crashes_of(session, member.app.id, Wanted(since, until), sort="last_seen", limit=101, offset=0)

    assert not any("FROM occurrences" in statement for statement, _ in sent)


def test_every_window_finds_the_crashes_with_an_occurrence_in_it(services, member):
    random = Random(5)
    crashes = []
    for number in range(12):
        newest = NOON + timedelta(days=random.randint(0, 9), seconds=number)  # no two logs of one name
        every = timedelta(days=random.randint(1, 4))
        crashes.append(make_crash(services, member.app, random.randint(1, 4), newest, every))
    with services.db.read() as session:
        times = {
            crash.id: session.scalars(select(Occurrence.occurred_at).where(Occurrence.crash_id == crash.id)).all()
            for crash in crashes
        }
    bounds = [None, *(NOON + timedelta(days=day) for day in range(-14, 12))]
    for since in bounds:
        for until in bounds:
            wanted = {
                crash
                for crash, occurred in times.items()
                if any((not since or at >= since) and (not until or at < until) for at in occurred)
            }
            with services.db.read() as session:
                found = crashes_of(session, member.app.id, Wanted(since, until), sort="last_seen", limit=101, offset=0)
            assert {crash.id for crash in found} == wanted


def test_an_occurrence_is_found_in_the_log_of_its_own_app_and_of_its_own_crash_only(services, member):
    crash, other = (
        make_crash(services, member.app, 1),
        make_crash(services, make_member(services, "b@example.com").app, 1),
    )
    sister = make_crash(services, member.app, 1, NOON + timedelta(days=1))
    with services.db.read() as session:
        of_crash = session.scalars(select(Occurrence).where(Occurrence.crash_id == crash.id)).one()
        of_other = session.scalars(select(Occurrence).where(Occurrence.crash_id == other.id)).one()
        assert of_crash.log_id == of_other.log_id  # logs of two apps may share a name

        assert find_occurrence(session, crash.id, of_crash.log_id, 1) is of_crash
        assert find_occurrence(session, other.id, of_other.log_id, 1) is of_other
        assert find_occurrence(session, sister.id, of_crash.log_id, 1) is None
        assert find_occurrence(session, crash.id, of_crash.log_id, 2) is None


@postgresql_only
def test_a_heartbeat_spares_the_indexes(services, member):
    crash = make_crash(services, member.app)
    job_id = secrets.token_hex(12)
    with services.db.write() as session:
        values = {"kind": "occurrences", "key": job_id, "params": "{}", "app_id": member.app.id, "crash_id": crash.id}
        progress = {"attempt": 1, "failures": 0, "enqueued": 0, "progress_done": 0, "progress_total": 10}
        times = {"created_at": NOON, "enqueue_after": NOON}
        row = {"id": job_id, "state": JobState.RUNNING, "queue": "short", **values, **progress, **times}
        session.execute(insert(Job).values(row))

    for beat in range(6):
        with services.db.write() as session:
            renewed = {"lease_expires_at": NOON + timedelta(seconds=beat), "progress_done": beat}
            assert move(session, job_id, (JobState.RUNNING,), **renewed)
            session.execute(text("SELECT pg_stat_force_next_flush()"))

    with services.db.read() as session:
        assert session.get_one(Job, job_id).progress_done == 5
        counts = session.execute(
            text("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'jobs'")
        )
        assert tuple(counts.one()) == (6, 6)


@postgresql_only
def test_large_tables_are_vacuumed_by_rows_not_by_a_fifth_of_the_table(services):
    with services.db.read() as session:
        rows = session.execute(
            text("SELECT relname, reloptions FROM pg_class WHERE relkind = 'r' AND reloptions IS NOT NULL")
        )
        settings = {name: set(options) for name, options in rows}

    assert "autovacuum_vacuum_insert_scale_factor=0.005" in settings[Occurrence.__tablename__]
    assert "autovacuum_vacuum_scale_factor=0.05" in settings[Log.__tablename__]
    assert "autovacuum_vacuum_scale_factor=0.02" in settings[Crash.__tablename__]
    assert "autovacuum_vacuum_scale_factor=0.02" in settings[Job.__tablename__]

"""Transactions that behave the same on SQLite and PostgreSQL, and what an outage of the database looks like."""

import shutil
import sqlite3
import time
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace

import psycopg
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.db import Database, engine, insert_or_ignore, open_database, opening
from app.db.errors import is_outage
from app.db.models.app import App
from app.db.models.crash import Crash
from app.db.models.heartbeat import Heartbeat, last_seen, record
from app.db.models.membership import Membership
from app.db.models.occurrence import Occurrence, chosen
from app.db.models.user import User, add_user
from app.errors import RemovedMeanwhile, TransientError
from tests.factories import NOON, add_newer, make_crash
from tests.servers import execute, free_port


@pytest.fixture
def database(services) -> Database:
    return services.db


def cut_connections(server_url: str, database: str) -> None:
    execute(server_url, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")  # noqa: S608


def parts(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(Heartbeat.part).order_by(Heartbeat.part)))


def test_what_was_written_can_be_read(database):
    with database.write() as session:
        record(session, "worker", NOON)

    assert parts(database) == ["worker"]


def test_a_block_that_raises_leaves_no_trace(database):
    with pytest.raises(ZeroDivisionError), database.write() as session:  # noqa: PT012  the transaction is what fails
        record(session, "worker", NOON)
        session.flush()
        1 // 0  # noqa: B018

    assert parts(database) == []


def test_reading_never_writes(database):
    with pytest.raises(RuntimeError, match="only reads"), database.read() as session:
        record(session, "worker", NOON)
    with pytest.raises(RuntimeError, match="only reads"), database.read() as session:  # noqa: PT012
        session.add(Heartbeat(part="web", seen_at=NOON))
        session.flush()

    assert parts(database) == []


def test_rows_stay_readable_after_their_transaction(database):
    with database.write() as session:
        session.add(Heartbeat(part="worker", seen_at=NOON))
    with database.read() as session:
        heartbeat = session.get_one(Heartbeat, "worker")

    assert heartbeat.seen_at == NOON


def test_the_second_row_of_the_same_key_is_ignored(database):
    with database.write() as session:
        first = insert_or_ignore(session, Heartbeat, {"part": "worker", "seen_at": NOON})
        second = insert_or_ignore(session, Heartbeat, {"part": "worker", "seen_at": NOON + timedelta(days=1)})
        seen = last_seen(session, "worker")

    assert (first, second, seen) == (True, False, NOON)


def test_a_later_heartbeat_replaces_the_one_before(database):
    with database.write() as session:
        record(session, "worker", NOON)
        record(session, "worker", NOON + timedelta(seconds=10))

    with database.read() as session:
        assert last_seen(session, "worker") == NOON + timedelta(seconds=10)


def test_the_same_e_mail_in_another_case_is_the_same_user(database):
    with database.write() as session:
        assert add_user(session, "Ada@Example.com", "hash", NOON)
        assert not add_user(session, "ada@example.COM", "hash", NOON)
        assert session.scalar(select(func.count()).select_from(User)) == 1


@pytest.mark.parametrize(
    "instant",
    [
        NOON,
        datetime(2, 1, 1, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2018, 9, 13, 8, 2, 53, 123_456, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    ],
    ids=str,
)
def test_times_come_back_as_the_same_instant_in_utc(database, instant):
    with database.write() as session:
        record(session, "worker", instant)

    with database.read() as session:
        seen = last_seen(session, "worker")
    assert seen == instant
    assert seen.tzinfo is UTC


def test_a_time_without_a_zone_is_refused(database):
    with pytest.raises(Exception, match="time without a zone"), database.write() as session:
        record(session, "worker", NOON.replace(tzinfo=None))


def test_occurrences_are_chosen_from_since_to_before_until(services, member):
    crash = make_crash(services, member.app, occurrences=5)

    with services.db.read() as session:
        statement = chosen(crash.id, NOON - timedelta(days=3), NOON - timedelta(days=1))
        times = list(
            session.scalars(statement.with_only_columns(Occurrence.occurred_at).order_by(Occurrence.occurred_at))
        )

    assert times == [NOON - timedelta(days=3), NOON - timedelta(days=2)]


def test_a_snapshot_does_not_see_what_comes_after_its_first_look(services, member):
    crash = make_crash(services, member.app, occurrences=2)
    everything = select(func.count()).select_from(chosen(crash.id, None, None).subquery())

    with services.db.snapshot() as session:
        before = session.scalar(everything)
        add_newer(services, crash)
        after = session.scalar(everything)

    assert (before, after) == (2, 2)


def test_what_names_a_row_that_is_gone_may_be_tried_again(database):
    with pytest.raises(RemovedMeanwhile), database.write() as session:
        session.add(Membership(user_id=1, app_id=1))
    with pytest.raises(RemovedMeanwhile), database.driver_write() as driver:
        driver.connection.execute("INSERT INTO memberships (user_id, app_id, role) VALUES (1, 1, 'owner')")


def test_a_row_that_contradicts_another_is_no_transient_error(database):
    with pytest.raises(IntegrityError), database.write() as session:
        session.add_all([User(email="ada@example.com", password_hash="", created_at=NOON) for _ in range(2)])


def test_a_wrong_statement_is_no_transient_error_where_the_database_tells(postgres_database):
    database = open_database(postgres_database)

    with pytest.raises(DBAPIError), database.write() as session:
        session.execute(text("SELECT nonsense FROM nowhere"))
    database.close()


def test_a_sqlstate_that_the_driver_does_not_know_is_a_bug_and_libpqs_own_words_are_an_outage(postgres_database):
    database = open_database(postgres_database)
    unheard_of = "DO $$ BEGIN RAISE EXCEPTION 'new' USING ERRCODE = 'ZZ123'; END $$"

    with pytest.raises(psycopg.DatabaseError) as raised, database.driver() as connection:
        connection.connection.execute(unheard_of)

    assert type(raised.value) is psycopg.DatabaseError
    assert is_outage(psycopg.DatabaseError("server closed the connection unexpectedly"))
    database.close()


def test_a_new_sqlite_file_that_another_process_writes_first_is_waited_for(tmp_path, monkeypatch):
    holder = sqlite3.connect(tmp_path / "new.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")  # as one that switches the file to WAL: SQLite does not wait for this
    monkeypatch.setattr(opening, "time", SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: holder.rollback()))

    open_database(f"sqlite:///{tmp_path / 'new.db'}").check()

    assert holder.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_sqlite_that_another_holds_locked_is_a_transient_error(empty_database, tmp_path, monkeypatch):
    path = shutil.copy(empty_database, tmp_path / "locked.db")
    monkeypatch.setattr(opening, "LOCK_WAIT", 0.05)
    database = open_database(f"sqlite:///{path}")
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE").close()

    with pytest.raises(TransientError), database.write() as session:
        record(session, "worker", NOON)

    assert parts(database) == []  # readers go on
    holder.execute("ROLLBACK").close()
    holder.close()
    with database.write() as session:
        record(session, "worker", NOON)
    database.close()


def test_a_postgresql_row_that_another_holds_locked_is_a_transient_error(postgres_database, monkeypatch):
    monkeypatch.setattr(engine, "LOCK_WAIT", 1)
    database = open_database(postgres_database)
    with database.write() as session:
        record(session, "worker", NOON)

    with database.write() as holder:
        record(holder, "worker", NOON)
        with pytest.raises(TransientError), database.write() as session:  # noqa: PT012
            session.execute(text("SET LOCAL lock_timeout = '20ms'"))
            record(session, "worker", NOON)
    database.close()


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost"])
def test_a_postgresql_that_is_away_is_a_transient_error(address):
    database = open_database(f"postgresql+psycopg://crashq@{address}:{free_port()}/crashq")

    with pytest.raises(TransientError) as raised:
        database.check()

    assert address not in raised.value.message
    database.close()


def test_connections_that_the_server_has_cut_are_replaced_after_a_rest(postgres_url, postgres_database, monkeypatch):
    monkeypatch.setattr(engine, "TRUSTED_FOR", 0.0)
    database = open_database(postgres_database)
    database.check()
    name = postgres_database.rpartition("/")[2]

    cut_connections(postgres_url, name)

    database.check()
    database.close()


def test_connections_cut_while_in_use_fail_once_and_are_replaced(postgres_url, postgres_database):
    database = open_database(postgres_database)
    database.check()

    cut_connections(postgres_url, postgres_database.rpartition("/")[2])

    with pytest.raises(TransientError):
        database.check()
    database.check()
    database.close()


def test_a_connection_cut_in_a_transaction_is_a_transient_error(postgres_url, postgres_database):
    database = open_database(postgres_database)
    name = postgres_database.rpartition("/")[2]

    with pytest.raises(TransientError), database.write() as session:  # noqa: PT012
        record(session, "worker", NOON)
        cut_connections(postgres_url, name)
        record(session, "web", NOON)

    assert parts(database) == []
    database.close()


def test_deleting_a_user_deletes_what_hangs_on_it_and_keeps_the_app(services, member):
    with services.db.write() as session:
        session.delete(session.get_one(User, member.user_id))

    with services.db.read() as session:
        left = [session.scalar(select(func.count()).select_from(table)) for table in (Membership, App, Crash)]
    assert left == [0, 1, 0]


def test_each_statement_sees_what_is_committed_whatever_the_servers_default_is(bare_postgres_database):
    name = bare_postgres_database.rpartition("/")[2]
    execute(bare_postgres_database, f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
    database = open_database(bare_postgres_database)

    with database.write() as session:
        in_sessions = session.scalar(text("SHOW transaction_isolation"))
    with database.driver_write() as connection:
        past_sessions = connection.connection.execute("SHOW transaction_isolation").fetchone()[0]

    database.close()
    assert (in_sessions, past_sessions) == ("read committed", "read committed")

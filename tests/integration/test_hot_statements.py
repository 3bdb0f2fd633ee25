"""Statements as .sql text: what their files may hold, and how values go in and come back (PostgreSQL)."""

import enum
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

import psycopg
import pytest
from sqlalchemy import select

from app.db import hot
from app.db.hot import SqlText
from app.db.hot.digest_steps import SeenCrash, count_in, count_within
from app.db.models.crash import Crash
from tests.factories import NOON


class Colour(enum.StrEnum):
    RED = "red"


class Car(NamedTuple):
    colour: Colour
    other: Colour | None
    built_at: datetime


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(hot, "FOLDER", tmp_path)
    return tmp_path


@pytest.fixture
def database_url(postgres_database) -> str:
    return postgres_database


def test_parameters_get_numbers_and_comments_are_not_sent(folder):
    (folder / "some.sql").write_text(
        "-- finds :things\nSELECT :a, ':b'  -- :c\n  FROM t WHERE x = :a::text AND y = :d\n"
    )

    statement = SqlText("some", tuple)

    assert statement.sql == "SELECT $1, ':b'\n  FROM t WHERE x = $1::text AND y = $2"
    assert statement.written({"d": 4, "a": 1}) == [1, 4]


def test_a_missing_parameter_is_an_error_by_its_name(folder):
    (folder / "some.sql").write_text("SELECT :a")

    with pytest.raises(KeyError, match="a"):
        SqlText("some", tuple).written({"b": 1})


def test_a_file_stands_in_another(folder):
    (folder / "inner.sql").write_text("-- all\nSELECT :x AS x\n")
    (folder / "outer.sql").write_text("WITH found AS (\n\\ir inner.sql\n)\nSELECT x FROM found WHERE x > :y\n")

    assert SqlText("outer", tuple).parameters == ["x", "y"]


def test_times_come_back_in_utc_and_enums_as_enums(services, folder):
    (folder / "car.sql").write_text("SELECT :colour::text, NULL::text, :built_at::timestamptz")
    built_at = datetime(2018, 9, 13, 14, 0, 0, 123, tzinfo=timezone(timedelta(hours=2)))

    with services.db.driver() as driver:
        [car] = driver.rows(SqlText("car", Car), colour=Colour.RED, built_at=built_at)

    assert car == Car(Colour.RED, None, built_at)
    assert type(car.colour) is Colour
    assert car.built_at.tzinfo is UTC


def test_digests_and_moves_add_to_crashes_by_the_same_rule(services, member):
    """A move runs in a session, so its statement is SQLAlchemy Core."""
    later, seen = timedelta(days=1), SeenCrash(member.app.id, "", "f" * 32, 1, "", NOON, NOON, 0)
    steps = [
        seen._replace(title="first", last_seen=NOON + later, occurrences_count=2),
        seen._replace(
            title="wider", first_seen=NOON - later, last_seen=NOON + 2 * later, occurrences_count=1, why="{}"
        ),
        seen._replace(title="gone", occurrences_count=-3),
        seen._replace(title="anew", first_seen=NOON + later, last_seen=NOON + later, occurrences_count=1, why="[]"),
    ]

    for step in steps:
        with services.db.driver_write() as driver:
            count_in(driver, [step._replace(identifier="a" * 24)], NOON)
        with services.db.write() as session:
            count_within(session, [step._replace(identifier="b" * 24)])

        with services.db.read() as session:
            found = select(
                Crash.title, Crash.first_seen, Crash.last_seen, Crash.occurrences_count, Crash.revision, Crash.why
            )
            by_digest, by_move = session.execute(found.order_by(Crash.identifier))
        assert by_digest == by_move


def test_the_driver_reads_no_such_text_for_its_parameters(services, folder, monkeypatch):
    """It would do so at each use of a long one."""
    (folder / "one.sql").write_text("SELECT :n::int")

    def refuse(*_: object) -> None:
        raise AssertionError("the text of a statement was read")

    with services.db.driver() as driver:
        for reader in ("_query2pg", "_query2pg_nocache"):
            monkeypatch.setattr(psycopg._queries, reader, refuse)
        assert driver.first(SqlText("one", lambda number: number), n=7) == 7

"""Batches as text that the database makes: the same bytes as the Python writers make, whatever the rows hold."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import event, update

from app.db.driver_pool import DriverConnection
from app.db.models.app_settings import AppSettings
from app.db.models.crash import Crash
from app.db.models.occurrence import Occurrence
from app.ingest.receive import receive
from app.iso_time import FIRST_INSTANT, LAST_INSTANT
from app.jobs import batch_params
from app.jobs.service import ask
from app.services import Services
from app.speed import Speed
from tests.batches import describe, parts_now, undescribe
from tests.factories import NOON, Member, kscrash, make_crash, make_member, run_enqueued
from tests.job_types import row
from tests.uploads import LOG_ID

pytestmark = pytest.mark.about_speed("batch-text")

FACTS = ("app_version", "app_build", "os_name", "os_version", "device_model", "user_id")
HOSTILE = (
    None, "", "1.2", "a,b", "iPhone9,4", '"a,b"', '"a', 'a"', "=a,b", ",a", "a,", ',"', '",', "a,=b", "a,\nb",
    'say "a"', '"', '""', ",", " ", "'", "'=1", "=1+1", "+1", "-1", "@a", "\t=1", "\r", "\n", "\r\n",
    "=cmd|'/C calc'!A0", '=HYPERLINK("http://example.com","a,b")', "a=1", "a-b", "a\tb", "a\rb", "a\nb", "a\\b", "\\", "\\.",
    "\\n", "\\u2028", "/", "\x01\x02\x08\x0b\x0c\x1b\x1f", "\x7f\x80\x85\x9f", "a\x7f=b", "\x7f", ",=1",
    "\u2028\u2029", "\ufeff", "\ufffd", "\uffff",
    "ä漢字", "😀🏳️‍🌈", "\U0010ffff", "null", "NULL", "true", "{}", "[1]", "%s", "$1", ":user", "x" * 128, '"' * 128, "😀" * 128,
    "=" * 128, "\n" * 128,
)  # fmt: skip
FORMATS = ("csv", "ndjson", "parquet")


@pytest.fixture(autouse=True)
def on_postgresql(services: Services) -> None:
    if not services.db.is_postgresql:
        pytest.skip("the Python writers write batches on SQLite")


@pytest.fixture
def hostile(services: Services, member: Member) -> Crash:
    """A crash whose occurrences have every hostile value in every column, beside harmless and hostile ones, at all times."""
    crash = make_crash(services, member.app, occurrences=len(HOSTILE) * 2, every=timedelta(microseconds=333_333))
    with services.db.write() as session:
        found = session.query(Occurrence).where(Occurrence.crash_id == crash.id).order_by(Occurrence.id).all()
        for number, occurrence in enumerate(found):
            occurrence.described = True
            for place, name in enumerate(FACTS):
                is_single = number >= len(HOSTILE)
                value = HOSTILE[(number * (1 if is_single else place + 1) + place) % len(HOSTILE)]
                setattr(occurrence, name, "iOS" if is_single and number % 6 != place else value)
        for occurrence, time in zip(found, (FIRST_INSTANT, LAST_INSTANT, NOON.replace(microsecond=1)), strict=False):
            occurrence.occurred_at = time
    return crash


def written(services: Services, member: Member, kind: str, about: str, speed: Speed, **query: str) -> list[object]:
    """Files and counts of the parts of a new batch."""
    own = replace(services, config=replace(services.config, speed=speed))
    job = ask(own, member.user_id, kind, about, query)
    run_enqueued(own)
    assert row(own, job).state == "finished"
    made = [(services.storage.get(part.key), part.done, part.rows, part.unreadable, part.filename)
            for part in parts_now(services, job)]  # fmt: skip
    with services.db.write() as session:  # so that the next one begins anew
        session.delete(row(own, job))
    return made


def both(services: Services, member: Member, kind: str, about: str, **query: str) -> list[object]:
    """What the database makes, held against what Python writes."""
    by_database = written(services, member, kind, about, Speed(), **query)
    by_python = written(services, member, kind, about, replace(Speed(), batch_text=False), **query)
    assert by_database == by_python
    return by_database


@contextmanager
def rows_fetched() -> Iterator[list[int]]:
    """How many rows each statement gives to Python meanwhile."""
    counted: list[int] = []
    first, rows = DriverConnection.first, DriverConnection.rows

    def first_counted(driver, statement, **values):
        counted.append(1)
        return first(driver, statement, **values)

    def rows_counted(driver, statement, **values):
        found = rows(driver, statement, **values)
        counted.append(len(found))
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DriverConnection, "first", first_counted)
        patch.setattr(DriverConnection, "rows", rows_counted)
        yield counted


@pytest.mark.parametrize("format_name", FORMATS)
def test_hostile_values_give_the_same_bytes(services, member, hostile, format_name):
    [(content, *_)] = both(services, member, "crash_batch", hostile.identifier, format=format_name)

    assert len(content) > 1_000


def test_a_byte_order_mark_begins_each_file_that_asks_for_it(services, member, hostile):
    [(content, *_)] = both(services, member, "crash_batch", hostile.identifier, format="csv", encoding="utf-8-sig")

    assert content.startswith(b"\xef\xbb\xbfid,date,")


@pytest.mark.parametrize(
    "query",
    [
        {"app_version": "=1+1"},
        {"user_id": "\n".join(value for value in HOSTILE if value and "\n" not in value)},
        {"os_name": "iOS", "device_model": "iOS\n,"},
        {"since_date": "2018-09-13T11:59:50Z", "os_name": "iOS"},
        {"since_date": "2018-09-13T11:59:50.000001Z", "until_date": "2018-09-13T11:59:58Z"},
        {"until_date": "0001-01-01"},
        {"os_version": "none"},
    ],
    ids=repr,
)
def test_filters_choose_the_same_rows(services, member, hostile, query):
    for format_name in FORMATS:
        both(services, member, "crash_batch", hostile.identifier, format=format_name, **query)


@pytest.mark.parametrize("format_name", FORMATS)
def test_the_crashes_of_an_app_stand_in_the_same_order_in_parts_and_pages_of_any_size(
    services, member, format_name, monkeypatch
):
    monkeypatch.setattr(batch_params, "ROWS_PER_PART", 5)
    monkeypatch.setattr("app.db.queries.batch_text.ROWS_PER_TEXT", 2)
    other = make_member(services, "grace@example.com", "Maps")
    for number in range(7):
        for app in (member.app, other.app):
            newest = NOON + timedelta(minutes=number)
            crash = make_crash(services, app, occurrences=number, newest=newest, every=timedelta(seconds=1))
            describe(services, crash, app_version=str(number))
    with services.db.write() as session:  # many at one time
        session.execute(update(Occurrence).where(Occurrence.id % 3 > 0).values(occurred_at=NOON))

    parts = both(services, member, "app_batch", member.app.identifier, format=format_name)

    assert [rows for _, _, rows, *_ in parts] == [5, 5, 5, 5, 1]


def test_what_the_rules_of_the_app_hide_is_hidden(services, member, hostile):
    settings = '{"redaction": {"patterns": ["email"], "fields": ["device.model"]}}'
    with services.db.write() as session:
        session.merge(AppSettings(app_id=member.app.id, settings=settings, updated_at=NOON))
        session.execute(
            update(Occurrence).where(Occurrence.user_id == "iOS").values(user_id="a@example.com, =b@example.com")
        )

    for format_name in FORMATS:
        [(content, *_)] = both(services, member, "crash_batch", hostile.identifier, format=format_name)
        assert b"example.com," not in content


def test_facts_that_no_digest_stored_are_filled_in_from_the_logs(services, member):
    for number in range(3):
        receive(services, member.app, LOG_ID[:-5] + f"{number:05d}", kscrash())
    run_enqueued(services)
    undescribe(services)
    services.storage.delete(next(iter(services.storage.list("logs"))).key)
    [crash] = _crashes(services)

    for query in ({}, {"app_version": "1.2"}, {"app_version": "1.3"}):
        for format_name in FORMATS:
            [(_, read, rows, unreadable, _)] = both(
                services, member, "crash_batch", crash.identifier, format=format_name, **query
            )
            assert (read, unreadable) == (3, 1)
            assert rows == {"": 3, "1.2": 2, "1.3": 0}[query.get("app_version", "")]


def _crashes(services: Services) -> list[Crash]:
    with services.db.read() as session:
        return session.query(Crash).all()


def test_python_gets_one_row_for_a_part_of_thousands(services, member):
    crash = make_crash(services, member.app, occurrences=1_000, every=timedelta(seconds=1))
    describe(services, crash, app_version="1.2")

    with rows_fetched() as fetched:
        made = written(services, member, "crash_batch", crash.identifier, Speed(), format="parquet")

    assert made[0][2] == 1_000
    assert sum(fetched) < 30


def test_a_part_takes_few_statements_beside_those_of_its_texts(services, member, monkeypatch):
    monkeypatch.setattr(batch_params, "ROWS_PER_PART", 5)
    monkeypatch.setattr("app.db.queries.batch_text.ROWS_PER_TEXT", 2)
    counted = []
    for parts in (2, 6):
        newest = NOON + timedelta(hours=parts)
        crash = make_crash(services, member.app, occurrences=5 * parts, newest=newest, every=timedelta(seconds=1))
        describe(services, crash, app_version="1.2")
        with statements_run(services, monkeypatch) as names:
            written(services, member, "crash_batch", crash.identifier, Speed(), format="ndjson")
        counted.append(Counter(names))

    more = counted[1] - counted[0]

    assert (more.pop("batch_bound"), more.pop("batch_ndjson")) == (2 * 4, 3 * 4)
    assert more.total() <= 16 * 4


@contextmanager
def statements_run(services: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Names of the .sql files, and the texts of other statements, that are run meanwhile."""
    names: list[str] = []
    first = DriverConnection.first

    def first_named(driver, statement, **values):
        names.append(getattr(statement, "name", "other"))
        return first(driver, statement, **values)

    def note(connection, cursor, statement, *_) -> None:
        names.append(statement)

    with monkeypatch.context() as patch:
        patch.setattr(DriverConnection, "first", first_named)
        event.listen(services.db.engine, "before_cursor_execute", note)
        yield names
        event.remove(services.db.engine, "before_cursor_execute", note)


@pytest.mark.parametrize(("kind", "is_sorted"), [("crash_batch", False), ("app_batch", True)])
def test_only_pages_of_several_crashes_are_sorted(services, member, monkeypatch, kind, is_sorted):
    crash = make_crash(services, member.app, occurrences=3)
    monkeypatch.setattr(DriverConnection, "first", planned(DriverConnection.first, plans := []))

    written(services, member, kind, (crash if kind == "crash_batch" else member.app).identifier, Speed(), format="csv")

    assert {"Sort Key" in plan for plan in plans} == {is_sorted}


def planned(first, plans: list[str]):
    """`first`, which adds the plan of each text of a batch that is run."""

    def explained(driver, statement, **values):
        if getattr(statement, "name", "") == "batch_csv":
            with psycopg.RawCursor(driver.connection) as cursor:
                cursor.execute("SET enable_seqscan = off")
                cursor.execute("SET enable_bitmapscan = off")
                lines = cursor.execute(f"EXPLAIN {statement.sql}", statement.written(values)).fetchall()
                cursor.execute("RESET ALL")
            plans.append(" ".join(line for (line,) in lines))
        return first(driver, statement, **values)

    return explained

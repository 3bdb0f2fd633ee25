"""A user is erased: from every row, every object and every key of Redis (both databases, every kind of store)."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.db import open_database
from app.db.models.crash import Crash
from app.db.models.data_exporter import RunState
from app.db.models.grouping_decision import GroupingDecision
from app.db.models.job import Job, JobState
from app.db.models.log import Log
from app.db.models.webhook import keep_body
from app.ingest.grouping import regroup_logs
from app.ingest.receive import receive
from app.ingest.status import log_state
from app.jobs.service import ask
from app.privacy.erasing import begin_erasure
from app.queueing.broker import MemoryBroker
from app.queueing.debounced_broker import DebouncedBroker
from app.services import Services
from app.webhooks import settings as webhooks
from tests.batches import undescribe
from tests.erasing import ADA, BOB, add, count, erased, export, made, row
from tests.exporting import all_runs, work
from tests.exporting import make as make_exporter
from tests.factories import CONFIG, kscrash, make_member
from tests.sentry_events import sentry_event
from tests.stored_bytes import where_it_lies
from tests.stores import ready_store
from tests.webhook_rows import rows


@pytest.fixture(params=["sqlite, memory", "sqlite, folder, redis", "postgresql, s3, redis"])
def everything(request, tmp_path, empty_database, clock, monkeypatch) -> Iterator[tuple[Services, str | None]]:
    """Services of each shape, and the URL of their Redis."""
    if request.param.startswith("postgresql"):
        database_url, s3 = request.getfixturevalue("postgres_database"), request.getfixturevalue("s3")
        for name, value in s3.environ.items():
            monkeypatch.setenv(name, value)
        storage_url = f"{s3.url}/{tmp_path.name}"
    else:
        database_url = f"sqlite:///{shutil.copy(empty_database, tmp_path / 'crashq.db')}"
        storage_url = "memory://" if request.param.endswith("memory") else (tmp_path / "objects").as_uri()
    redis_url = request.getfixturevalue("redis_url") if request.param.endswith("redis") else None
    config = replace(CONFIG, database_url=database_url)
    db = open_database(database_url, pool_size=24)
    yield Services(config, db, ready_store(storage_url), MemoryBroker(), clock), redis_url
    db.close()


def in_files(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and ADA.encode() in path.read_bytes()]


def test_afterwards_no_stored_byte_tells_of_the_user(everything, clock, stored_results, tmp_path):
    services, redis_url = everything
    member = make_member(services)
    crash = add(services, member, "a-1", sentry_event(ADA, f"no page for {ADA}"))
    for number in range(2, 5):
        add(services, member, f"a-{number}", sentry_event(ADA, name=f"{number}"))
    add(services, member, "b-1", sentry_event(BOB, "index 5"))
    add(services, member, "b-2", sentry_event(BOB, f"shared with {ADA}"))
    own = add(services, member, f"named-{ADA}", kscrash(frame="-[Other tapped:]"))
    add(services, member, "rejected", f"nothing that can be read, by {ADA}".encode())
    add(services, member, "wide", f"minidump of {ADA}".encode("utf-16-le"))
    other = add(services, member, "b-3", kscrash(frame="-[Third tapped:]"))
    for format_ in ("ndjson", "csv", "parquet", "zip"):
        make_exporter(services, member, format=format_, bucket_name=f"as-{format_}")
    clock.advance(days=1)
    work(services, clock)
    made(services, member, "occurrences", crash)
    untouched = made(services, member, "occurrences", other)
    for format_ in ("json", "zip"):
        export(services, member, "a-1", crash, format=format_)
    export(services, member, f"named-{ADA}", own)
    for format_ in ("ndjson", "zip"):
        made(services, member, "app_batch", member.app.identifier, format=format_)
    made(services, member, "crash_batch", crash, format="csv", user_id=ADA)
    ask(services, member.user_id, "crash_batch", other, {"format": "csv", "user_id": ADA})  # waits
    services.broker.messages.clear()
    receive(services, member.app, "in-flight", sentry_event(ADA, name="late"))
    services.broker.messages.clear()
    before = where_it_lies(services, ADA)
    assert services.db.is_postgresql or in_files(tmp_path)
    if redis_url:
        begun = replace(services, broker=DebouncedBroker(redis_url, "erasure-test:"))
        begin_erasure(begun, member.app, ADA, asked_by=member.user_id)

    one = erased(services, clock, member)

    assert {place.partition("/")[0].partition(".")[0] for place in before} >= {
        "logs", "crashes", "occurrences", "jobs", "name of logs", "exports"
    }  # fmt: skip
    assert where_it_lies(services, ADA, redis_url) == []
    assert in_files(tmp_path) == []  # SQLite's own too: nothing stands where something was deleted
    assert (one.logs, one.occurrences, one.done) == (9, 6, 11)
    assert one.subject is None
    with services.db.read() as session:
        left = {found.log_id for found in session.query(Log)}
        stored = session.query(Crash).filter_by(identifier=crash).one()
        assert session.query(Crash).filter_by(identifier=own).one().occurrences_count == 0
    assert left == {"b-1", "b-3"}
    assert (stored.occurrences_count, stored.title) == (1, "IllegalStateException: index 5 in PageView.onClick")
    assert row(services, untouched.id).state == JobState.FINISHED
    assert made(services, member, "occurrences", crash).result_size == len(
        '[{"id":"b-1-crash-1","date":"2018-09-13","log_id":"b-1"}]'
    )
    assert [(run.state, run.rows) for run in all_runs(services)] == [(RunState.WAITING, None)] * 4

    work(services, clock)

    assert [(run.state, run.rows) for run in all_runs(services)] == [(RunState.DONE, 2)] * 4
    assert where_it_lies(services, ADA, redis_url) == []


def test_counts_and_times_of_a_crash_are_those_of_what_is_left(services, clock, member):
    crash = add(services, member, "1-1536800000-logs-00001", sentry_event(ADA, name="1"))
    add(services, member, "1-1536700000-logs-00002", sentry_event(BOB, name="2"))
    add(services, member, "1-1536600000-logs-00003", sentry_event(ADA, name="3"))
    add(services, member, "1-1536500000-logs-00004", sentry_event(BOB, name="4"))
    before = made(services, member, "occurrences", crash)

    erased(services, clock, member)

    with services.db.read() as session:
        stored = session.query(Crash).one()
    assert stored.occurrences_count == 2
    assert [int(time.timestamp()) for time in (stored.first_seen, stored.last_seen)] == [1536500000, 1536700000]
    assert row(services, before.id).state == JobState.EXPIRED
    again = made(services, member, "occurrences", crash)
    assert again.result_text.count('"id"') == 2


def test_a_crash_that_comes_again_after_it_was_emptied_begins_anew_under_its_identifier(services, clock, member):
    hook = webhooks.NewWebhook(url="https://1.1.1.1/", events=["crash.new"])
    webhooks.create(services, member.app, hook)
    crash = add(services, member, "1-1536600000-logs-00001", sentry_event(ADA, f"for {ADA}"))
    with services.db.write() as session:
        keep_body(session, rows(services)[0].id, f"for {ADA}")
    erased(services, clock, member)
    assert [delivery.body for delivery in rows(services)] == [None]

    again = add(services, member, "1-1536800000-logs-00002", sentry_event(BOB, "for another"))

    with services.db.read() as session:
        stored = session.query(Crash).one()
    assert again == crash
    assert (stored.occurrences_count, stored.title) == (1, "IllegalStateException: for another in PageView.onClick")
    assert stored.first_seen == stored.last_seen


def test_nothing_about_a_group_that_people_have_moved_tells_of_the_user(services, clock, member):
    crash = add(services, member, "a-1", kscrash(f"no page for {ADA}", user={"user": {"id": ADA}}))
    home = add(services, member, "b-1", kscrash(frame="-[Other tapped:]"))
    report = export(services, member, "a-1", crash)
    list_of_home = made(services, member, "occurrences", home)
    with services.db.write() as session:
        first = session.query(Crash).filter_by(identifier=crash).one()
        first.why = f'{{"parts": ["{ADA}"]}}'
        session.add(
            GroupingDecision(
                identifier=crash, app_id=member.app.id, into_identifier=home, fingerprint=first.fingerprint,
                fingerprint_version=1, title=first.title, why=first.why, decided_at=clock(),
            )
        )  # fmt: skip
    with services.db.read() as session:
        rows = [log.id for log in session.query(Log)]
    assert regroup_logs(services, rows).moved == 1

    erased(services, clock, member)

    assert where_it_lies(services, ADA) == []
    with services.db.read() as session:
        assert session.get(Job, report.id) is None
        assert session.get_one(GroupingDecision, crash).title == f"Crash {crash}"
        assert session.query(Crash).filter_by(identifier=home).one().occurrences_count == 1
    assert row(services, list_of_home.id).state == JobState.EXPIRED


def test_without_a_scan_only_logs_that_name_the_user_go(services, clock, member):
    add(services, member, "a-1", sentry_event("4711", name="1"))
    add(services, member, "b-1", sentry_event(BOB, "error 4711", name="2"))
    undescribe(services)
    add(services, member, "a-2", sentry_event("4711", name="3"))
    receive(services, member.app, "a-3", sentry_event("4711", name="4"))
    services.broker.messages.clear()

    one = erased(services, clock, member, "4711")

    assert (one.scan, one.logs) == (False, 3)
    with services.db.read() as session:
        assert [log.log_id for log in session.query(Log)] == ["b-1"]


def test_an_id_within_a_longer_word_is_another_ones(services, clock, member):
    add(services, member, "c-1", sentry_event(ADA + "1", name="1"))

    one = erased(services, clock, member)

    assert (one.logs, count(services, Log)) == (0, 1)


def test_an_id_is_found_however_it_is_escaped(services, clock, member):
    user_id = "zoë/müller"
    bodies = [
        b'{"u": "zo\\u00eb\\/m\\u00fcller"}', '{"u": "zoë/müller"}'.encode(), b"GET /zo%C3%AB%2Fm%C3%BCller HTTP",
        b'{"u": "zo\\u00eb/m\\u00fcller"}',
    ]  # fmt: skip
    for number, body in enumerate(bodies):
        add(services, member, f"r-{number}", body)

    assert erased(services, clock, member, user_id).logs == 4


def test_another_app_keeps_its_user_of_the_same_name(services, clock, member):
    other = make_member(services, "bob@example.com", "Other")
    add(services, other, "o-1", sentry_event(ADA))
    add(services, member, "a-1", sentry_event(ADA))

    erased(services, clock, member)

    assert log_state(services, other.app, "o-1").occurrences

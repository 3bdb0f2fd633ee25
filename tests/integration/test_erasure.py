"""A user is erased: from every row, every object and every key of Redis (both databases, every kind of store)."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from app.broker import MemoryBroker, RedisBroker
from app.db import open_database
from app.db.crash import Crash
from app.db.erasure import Erasure, ErasureState
from app.db.job import Job, JobState
from app.db.log import Log
from app.db.occurrence import Occurrence
from app.errors import TransientError
from app.ingest.digest import digest
from app.ingest.receive import receive
from app.ingest.status import log_state
from app.jobs import running
from app.jobs.service import ask
from app.jobs.sweep import sweep
from app.privacy import erasing
from app.privacy.erasing import begin_erasure, run_erasure, show_erasure
from app.services import Services
from app.storage import Storage, open_storage
from tests.batches import undescribe
from tests.factories import CONFIG, Clock, Member, kscrash, make_member, run_rings
from tests.sentry_events import sentry_event
from tests.stored_bytes import where_it_lies

ADA, BOB = "user-ada-4711", "user-bob-0815"


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
    yield Services(config, db, open_storage(storage_url), MemoryBroker(), clock), redis_url
    db.close()


def add(services: Services, member: Member, log_id: str, content: bytes) -> str:
    """A digested log; returns the identifier of its crash, "" when it has none."""
    receive(services, member.app, log_id, content)
    run_rings(services)
    found = log_state(services, member.app, log_id).occurrences
    return found[0][1] if found else ""


def made(services: Services, member: Member, kind: str, identifier: str, **query: str) -> Job:
    job = ask(services, member.user_id, kind, identifier, query)
    run_rings(services)
    return row(services, job.id)


def row(services: Services, job_id: str) -> Job:
    with services.db.read() as session:
        return session.get_one(Job, job_id)


def erased(services: Services, clock: Clock, member: Member, user_id: str = ADA, **options) -> Erasure:
    """Begin an erasure and let workers and sweeps come until it is done."""
    one = begin_erasure(services, member.app, user_id, **options)
    for _ in range(20):
        run_rings(services)
        one = show_erasure(services, member.app, one.id)
        if one.state == ErasureState.FINISHED:
            return one
        clock.advance(seconds=61)
        sweep(services)
    raise AssertionError(f"not finished: {one.step} {one.error_code}")


def count(services: Services, table: type) -> int:
    with services.db.read() as session:
        return session.query(table).count()


def export(services: Services, member: Member, log_id: str, crash: str, **query: str) -> Job:
    found = log_state(services, member.app, log_id)
    return made(services, member, "export_occurrence", crash, id=found.occurrences[0][0], log_id=log_id,
                date=found.date, **query)  # fmt: skip


def test_afterwards_no_stored_byte_tells_of_the_user(everything, clock, stored_results):
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
    made(services, member, "occurrences", crash)
    untouched = made(services, member, "occurrences", other)
    for format_ in ("json", "zip"):
        export(services, member, "a-1", crash, format=format_)
    export(services, member, f"named-{ADA}", own)
    for format_ in ("ndjson", "zip"):
        made(services, member, "app_batch", member.app.identifier, format=format_)
    made(services, member, "crash_batch", crash, format="csv", user_id=ADA)
    ask(services, member.user_id, "crash_batch", other, {"format": "csv", "user_id": ADA})  # waits
    services.broker.rings.clear()
    receive(services, member.app, "in-flight", sentry_event(ADA, name="late"))
    services.broker.rings.clear()
    before = where_it_lies(services, ADA)
    if redis_url:
        begun = replace(services, broker=RedisBroker(redis_url, "erasure-test:"))
        begin_erasure(begun, member.app, ADA, asked_by=member.user_id)

    one = erased(services, clock, member)

    assert {place.partition("/")[0].partition(".")[0] for place in before} >= {
        "logs", "crashes", "occurrences", "jobs", "name of logs"
    }  # fmt: skip
    assert where_it_lies(services, ADA, redis_url) == []
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
    crash = add(services, member, "1-1536600000-logs-00001", sentry_event(ADA, f"for {ADA}"))
    erased(services, clock, member)

    again = add(services, member, "1-1536800000-logs-00002", sentry_event(BOB, "for another"))

    with services.db.read() as session:
        stored = session.query(Crash).one()
    assert again == crash
    assert (stored.occurrences_count, stored.title) == (1, "IllegalStateException: for another in PageView.onClick")
    assert stored.first_seen == stored.last_seen


def test_a_log_that_is_being_digested_leaves_no_trace(services, clock, member, monkeypatch):
    receive(services, member.app, "a-1", sentry_event(ADA))
    [(_, row_id)] = services.broker.rings
    services.broker.rings.clear()
    real = Storage.get

    def get(storage, key):
        raw = real(storage, key)
        monkeypatch.setattr(Storage, "get", real)
        erased(services, clock, member)
        return raw

    monkeypatch.setattr(Storage, "get", get)

    digest(services, int(row_id))

    assert (count(services, Log), count(services, Occurrence)) == (0, 0)
    assert where_it_lies(services, ADA) == []


def test_a_job_that_has_read_the_data_already_does_not_publish_it(services, clock, member, monkeypatch):
    crash = add(services, member, "a-1", sentry_event(ADA))
    found = log_state(services, member.app, "a-1")
    job = ask(services, member.user_id, "export_occurrence", crash,
              {"id": found.occurrences[0][0], "log_id": "a-1", "date": found.date})  # fmt: skip
    services.broker.rings.clear()
    real = Storage.put

    def put(storage, key, chunks):
        monkeypatch.setattr(Storage, "put", real)
        one = begin_erasure(services, member.app, ADA)
        run_rings(services)
        assert show_erasure(services, member.app, one.id).step == "files"  # waits for this attempt's lease
        real(storage, key, chunks)

    monkeypatch.setattr(Storage, "put", put)

    running.run(services, job.id)
    erased(services, clock, member)

    assert where_it_lies(services, ADA) == []
    assert count(services, Job) == 0


def test_without_a_scan_only_logs_that_name_the_user_go(services, clock, member):
    add(services, member, "a-1", sentry_event("4711", name="1"))
    add(services, member, "b-1", sentry_event(BOB, "error 4711", name="2"))
    undescribe(services)
    add(services, member, "a-2", sentry_event("4711", name="3"))
    receive(services, member.app, "a-3", sentry_event("4711", name="4"))
    services.broker.rings.clear()

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


def test_what_arrives_later_is_new_data(services, clock, member):
    one = begin_erasure(services, member.app, ADA)
    receive(services, member.app, "a-1", sentry_event(ADA))

    assert erased(services, clock, member).id == one.id
    run_rings(services)
    assert count(services, Occurrence) == 1


def test_the_same_log_sent_again_meanwhile_keeps_its_bytes(services, clock, member):
    content = sentry_event(ADA)
    add(services, member, "a-1", content)
    begun = begin_erasure(services, member.app, ADA)
    real = erasing.STEPS["files"]

    def send_again(turn, place):
        receive(services, member.app, "a-1", content)
        return real(turn, place)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(erasing.STEPS, "files", send_again)
        run_rings(services)

    assert show_erasure(services, member.app, begun.id).state == ErasureState.FINISHED
    assert log_state(services, member.app, "a-1").occurrences
    with services.db.read() as session:
        assert services.storage.get(session.query(Log).one().storage_key) == content


class Killed(BaseException):
    """Nothing of ours catches it."""


def run_until_killed(services: Services, erasure_id: str, clock: Clock) -> None:
    for _ in range(5):
        run_erasure(services, erasure_id)
        clock.advance(seconds=31)


@pytest.mark.parametrize("step", [name for name in erasing.STEPS if name != "uploads"])
def test_a_worker_that_dies_in_any_step_is_followed_by_another(services, clock, member, step):
    crash = add(services, member, "a-1", sentry_event(ADA, f"for {ADA}"))
    add(services, member, "b-1", sentry_event(BOB))
    made(services, member, "occurrences", crash)
    export(services, member, "a-1", crash)
    begun = begin_erasure(services, member.app, ADA)
    services.broker.rings.clear()
    real = erasing.STEPS[step]

    def work_and_die(turn, place):
        real(turn, place)
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(erasing.STEPS, step, work_and_die)
        with pytest.raises(Killed):
            run_until_killed(services, begun.id, clock)
    run_erasure(services, begun.id)
    assert show_erasure(services, member.app, begun.id).state == ErasureState.LIVE  # the dead one's lease holds

    one = erased(services, clock, member)

    assert (one.id, one.logs, one.occurrences) == (begun.id, 1, 1)
    assert where_it_lies(services, ADA) == []


def test_trouble_is_waited_out_and_told(services, clock, member, monkeypatch):
    add(services, member, "a-1", sentry_event(ADA))
    begun = begin_erasure(services, member.app, ADA)

    def away(*_):
        raise TransientError

    with monkeypatch.context() as patch:
        patch.setattr(Storage, "delete", away)
        run_rings(services)
    told = show_erasure(services, member.app, begun.id)
    assert (told.state, told.step, told.error_code) == (ErasureState.LIVE, "objects", "unavailable")

    erased(services, clock, member)

    assert where_it_lies(services, ADA) == []


def test_a_second_request_joins_the_erasure_under_way_and_a_later_one_begins_another(services, clock, member):
    first = begin_erasure(services, member.app, ADA)
    second = begin_erasure(services, member.app, ADA)
    finished = erased(services, clock, member)
    third = begin_erasure(services, member.app, ADA)

    assert first.id == second.id == finished.id != third.id
    assert len({one.user_hash for one in (first, third)}) == 1
    assert third.created_at - first.created_at >= timedelta(0)

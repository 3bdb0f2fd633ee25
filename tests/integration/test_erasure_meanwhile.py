"""What happens beside an erasure: digests, jobs and readers under way, and logs that arrive (both databases)."""

import pytest
from sqlalchemy import select

from app.db.models.erasure import ErasureState
from app.db.models.job import Job
from app.db.models.log import Log
from app.db.models.occurrence import Occurrence
from app.ingest.digest import digest
from app.ingest.receive import receive
from app.ingest.status import log_state
from app.jobs import running
from app.jobs.service import ask
from app.privacy import erasing
from app.privacy.erasing import begin_erasure, show_erasure
from app.storage import Storage
from tests.erasing import ADA, add, count, erased
from tests.factories import run_enqueued
from tests.sentry_events import sentry_event
from tests.stored_bytes import where_it_lies


def test_a_log_that_is_being_digested_leaves_no_trace(services, clock, member, monkeypatch):
    receive(services, member.app, "a-1", sentry_event(ADA))
    [(_, row_id)] = services.broker.messages
    services.broker.messages.clear()
    real = Storage.get

    def get(storage, key, size=None):
        raw = real(storage, key, size)
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
    services.broker.messages.clear()
    real = Storage.put

    def put(storage, key, chunks):
        monkeypatch.setattr(Storage, "put", real)
        one = begin_erasure(services, member.app, ADA)
        run_enqueued(services)
        assert show_erasure(services, member.app, one.id).step == "files"  # waits for this attempt's lease
        real(storage, key, chunks)

    monkeypatch.setattr(Storage, "put", put)

    running.run(services, job.id)
    erased(services, clock, member)

    assert where_it_lies(services, ADA) == []
    assert count(services, Job) == 0


def test_a_reader_of_a_small_database_does_not_keep_an_erasure_from_its_end(services, clock, member):
    add(services, member, "a-1", sentry_event(ADA))
    begun = begin_erasure(services, member.app, ADA)

    with services.db.snapshot() as session:
        session.execute(select(Log)).all()
        run_enqueued(services)
        held = show_erasure(services, member.app, begun.id)
    one = held if services.db.is_postgresql else erased(services, clock, member)

    assert (one.id, one.state) == (begun.id, ErasureState.FINISHED)
    assert (held.step, held.subject) == ("" if services.db.is_postgresql else "pages", None)


def test_what_arrives_later_is_new_data(services, clock, member):
    one = begin_erasure(services, member.app, ADA)
    receive(services, member.app, "a-1", sentry_event(ADA))

    assert erased(services, clock, member).id == one.id
    run_enqueued(services)
    assert count(services, Occurrence) == 1


def test_the_same_log_sent_again_meanwhile_keeps_its_bytes(services, clock, member):
    content = sentry_event(ADA)
    add(services, member, "a-1", content)
    begun = begin_erasure(services, member.app, ADA)
    real = erasing.STEPS["files"]

    def send_again(slice_, place):
        receive(services, member.app, "a-1", content)
        return real(slice_, place)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(erasing.STEPS, "files", send_again)
        run_enqueued(services)

    assert show_erasure(services, member.app, begun.id).state == ErasureState.FINISHED
    assert log_state(services, member.app, "a-1").occurrences
    with services.db.read() as session:
        assert services.storage.get(session.query(Log).one().storage_key) == content

"""What data exporters have delivered is taken back when a user is erased, and made again (both databases)."""

from dataclasses import replace

import pytest
from sqlalchemy import select, update

from app.db.models.data_exporter import DataExporterRun, RunState
from app.errors import TransientError
from app.jobs.exporter_runs import run_exports
from app.jobs.exporter_settings import ExporterChange, change, remove
from app.privacy.erasing import begin_erasure, run_erasure
from app.privacy.retention import remove_what_is_old
from app.storage import Storage, open_storage
from tests.erasing import ADA, BOB, add, erased
from tests.exporting import all_runs, delivered, make, work
from tests.factories import kscrash, make_member, run_enqueued
from tests.sentry_events import sentry_event
from tests.stored_bytes import where_it_lies


@pytest.fixture
def member(services):
    return make_member(services)


def test_only_runs_that_may_tell_of_the_user_are_made_again(services, clock, member):
    make(services, member)
    add(services, member, "b-1", kscrash())
    clock.advance(days=1)
    work(services, clock)
    add(services, member, "a-1", sentry_event(ADA, f"for {ADA}"))
    add(services, member, "b-2", sentry_event(BOB, "for another"))
    clock.advance(days=1)
    work(services, clock)
    add(services, member, "b-3", kscrash())
    clock.advance(days=1)
    work(services, clock)
    before = [run.attempt for run in all_runs(services)]

    erased(services, clock, member)
    queued = [run.state for run in all_runs(services)]
    held = delivered(services.storage)
    work(services, clock)

    assert queued == [RunState.DONE, RunState.WAITING, RunState.DONE]
    assert len(held) == 2
    assert list(delivered(services.storage).values()) == [["b-1-crash-1"], ["b-2-crash-1"], ["b-3-crash-1"]]
    after = [run.attempt for run in all_runs(services)]
    assert [now > then for now, then in zip(after, before, strict=True)] == [False, True, False]


def test_a_run_whose_rows_have_all_aged_is_not_left_to_tell_of_the_user(services, clock, member):
    make(services, member)
    add(services, member, "a-1", sentry_event(ADA, "for Ada"))
    clock.advance(days=1)
    work(services, clock)
    services = replace(services, config=replace(services.config, keep_occurrences_days=7))
    clock.advance(days=30)
    before = delivered(services.storage)
    remove_what_is_old(services)

    erased(services, clock, member)

    assert list(before.values()) == [["a-1-crash-1"]]
    assert where_it_lies(services, ADA) == []


def test_files_are_found_where_they_were_delivered_although_the_exporter_delivers_elsewhere_now(
    services, clock, member, tmp_path
):
    url, other = (tmp_path / "bucket").as_uri(), (tmp_path / "other").as_uri()
    buckets = (("archive", url), ("other", other))
    services = replace(services, config=replace(services.config, export_buckets=buckets))
    exporter = make(services, member, subfolder="first")
    add(services, member, "a-1", sentry_event(ADA))
    add(services, member, "b-1", sentry_event(BOB))
    clock.advance(days=1)
    work(services, clock)
    moved = ExporterChange(bucket_name="other", subfolder="second")
    change(services, member.user_id, exporter.identifier, moved)
    was_there = delivered(open_storage(url, is_marked=False), "")

    erased(services, clock, member)
    work(services, clock)

    assert len(was_there) == 1
    assert list(open_storage(url, is_marked=False).list("")) == []
    assert list(delivered(open_storage(other, is_marked=False), "second").values()) == [["b-1-crash-1"]]


def test_what_an_exporter_that_is_gone_has_left_in_the_own_store_goes(services, clock, member):
    exporter = make(services, member)
    other = make_member(services, "bob@example.com", "Other")
    gone = make(services, other)
    for one, log_id in ((member, "a-1"), (other, "o-1")):
        add(services, one, log_id, sentry_event(ADA))
    clock.advance(days=1)
    work(services, clock)
    for one, made in ((member, exporter), (other, gone)):
        remove(services, one.user_id, made.identifier)

    erased(services, clock, member)

    keys = [stat.key for stat in services.storage.list("exports")]
    assert [key for key in keys if f"/{member.app.identifier}/" in key] == []
    assert [key for key in keys if f"/{other.app.identifier}/" in key]


def test_a_worker_that_is_delivering_loses_its_run_and_its_files_go_once_its_lease_is_over(
    services, clock, member, monkeypatch
):
    make(services, member)
    add(services, member, "a-1", sentry_event(ADA))
    add(services, member, "b-1", sentry_event(BOB))
    clock.advance(days=1)
    run_exports(services)
    run_enqueued(services)
    clock.advance(seconds=6)
    put = Storage.put
    seen = []

    def slow(storage, key, chunks):
        put(storage, key, chunks)
        if key.startswith("exports/") and not seen:
            one = begin_erasure(services, member.app, ADA)
            clock.advance(seconds=1)
            for _ in range(2):
                run_enqueued(services)
                run_erasure(services, one.id)
                clock.advance(seconds=10)
            seen.append([stat.key for stat in storage.list("exports")])

    monkeypatch.setattr(Storage, "put", slow)
    run_exports(services)
    left = [(run.state, run.finished_at) for run in all_runs(services)]

    erased(services, clock, member)
    clock.advance(seconds=121)
    work(services, clock)

    assert len(seen[0]) == 1
    assert left[0][0] != RunState.DONE
    assert list(delivered(services.storage).values()) == [["b-1-crash-1"]]
    assert where_it_lies(services, ADA) == []


def test_an_outage_of_the_store_is_waited_out_and_the_files_go(services, clock, member, monkeypatch):
    make(services, member)
    add(services, member, "a-1", sentry_event(ADA))
    clock.advance(days=1)
    work(services, clock)
    folder = Storage.delete_folder
    failed = []

    def away(storage, prefix):
        if prefix.startswith("exports/") and len(failed) < 2:
            failed.append(prefix)
            raise TransientError
        return folder(storage, prefix)

    monkeypatch.setattr(Storage, "delete_folder", away)

    erased(services, clock, member)

    assert len(failed) == 2
    assert where_it_lies(services, ADA) == []
    assert list(delivered(services.storage).values()) == []


def test_a_run_of_before_places_were_recorded_is_sought_where_its_exporter_delivers(services, clock, member):
    make(services, member)
    add(services, member, "a-1", sentry_event(ADA))
    clock.advance(days=1)
    work(services, clock)
    with services.db.write() as session:
        session.execute(update(DataExporterRun).values(bucket=None, folder=None))

    erased(services, clock, member)

    assert where_it_lies(services, ADA) == []
    with services.db.read() as session:
        assert session.scalars(select(DataExporterRun.state)).all() == [RunState.WAITING]

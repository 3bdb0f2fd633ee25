"""Data exporters: each occurrence in exactly one run, whatever is late, dead or done twice (both databases)."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import delete, func, select

from app.db.models.data_exporter import DataExporter, RunState, newest_row_before
from app.db.models.job import Job, JobState
from app.db.models.membership import Membership
from app.db.models.occurrence import Occurrence
from app.errors import TransientError
from app.ingest.receive import receive
from app.jobs import exporter_runs, exporter_settings
from app.jobs.exporter_runs import run_exports, schedule
from app.storage import Storage, open_storage
from app.sweep import sweep
from tests.exporting import all_runs, delivered, make, work
from tests.factories import NOON, join, kscrash, run_enqueued


def arrive(services, member, *names: str, age: timedelta = timedelta()) -> None:
    """Logs that arrive now and are digested; `age` is how long ago the crash was."""
    for name in names:
        log_id = f"1-{int((services.now() - age).timestamp())}-logs-{int(name):05d}"
        receive(services, member.app, log_id, kscrash())
    run_enqueued(services)


def occurrences(services) -> int:
    with services.db.read() as session:
        return session.scalar(select(func.count()).select_from(Occurrence))


def test_every_occurrence_is_in_exactly_one_run_although_it_arrives_late_with_an_old_date(services, member, clock):
    make(services, member)
    arrive(services, member, "1", "2")
    clock.advance(days=1)
    work(services, clock)
    arrive(services, member, "3", age=timedelta(days=30))
    arrive(services, member, "4")
    clock.advance(days=1)
    work(services, clock)

    found = delivered(services.storage)

    assert [len(ids) for ids in found.values()] == [2, 2]
    ids = Counter(one for ids in found.values() for one in ids)
    assert set(ids.values()) == {1}
    assert len(ids) == occurrences(services) == 4
    assert [(run.state, run.rows) for run in all_runs(services)] == [(RunState.DONE, 2), (RunState.DONE, 2)]


def test_nothing_is_scheduled_before_its_time_and_nothing_twice(services, member, clock):
    make(services, member)
    clock.advance(hours=23)
    schedule(services)
    assert all_runs(services) == []

    clock.advance(hours=1)
    schedule(services)
    schedule(services)  # another beat

    assert [run.scheduled_for for run in all_runs(services)] == [NOON + timedelta(days=1)]


def test_times_missed_while_all_was_down_are_made_up_in_order_each_with_what_arrived_in_its_time(
    services, member, clock
):
    make(services, member)
    for day in range(3):
        arrive(services, member, *(str(day * 10 + number) for number in range(day + 1)))
        clock.advance(days=1)
    clock.advance(hours=5)

    work(services, clock)

    assert [len(ids) for ids in delivered(services.storage).values()] == [1, 2, 3]
    windows = [(run.since, run.after_row, run.upto_row) for run in all_runs(services)]
    assert windows[0][:2] == (None, 0)
    for before, following in pairwise(windows):
        assert following[1] == before[2]
    with services.db.read() as session:
        assert session.scalar(select(DataExporter.next_run_at)) == NOON + timedelta(days=4)


def test_a_weekly_exporter_runs_once_a_week_and_a_run_without_rows_has_a_manifest_too(services, member, clock):
    make(services, member, frequency="weekly")
    clock.advance(days=15)

    work(services, clock)

    assert [run.scheduled_for for run in all_runs(services)] == [NOON + timedelta(days=7), NOON + timedelta(days=14)]
    assert list(delivered(services.storage).values()) == [[], []]


def test_a_worker_that_dies_before_the_manifest_leaves_nothing_that_looks_whole_and_another_goes_on(
    services, member, clock, monkeypatch
):
    make(services, member)
    arrive(services, member, "1", "2")
    clock.advance(days=1)
    run_exports(services)
    run_enqueued(services)
    clock.advance(seconds=6)
    put_bytes = Storage.put_bytes

    class WorkerDied(BaseException):
        pass

    def die(storage: Storage, key: str, content: bytes) -> None:
        if key.startswith("exports/"):
            raise WorkerDied
        put_bytes(storage, key, content)

    with monkeypatch.context() as patch:
        patch.setattr(Storage, "put_bytes", die)
        with pytest.raises(WorkerDied):
            run_exports(services)
    assert delivered(services.storage) == {}
    assert [run.files_done for run in all_runs(services)] == [1]

    clock.advance(seconds=31)
    sweep(services)
    copied = []
    put = Storage.put
    monkeypatch.setattr(Storage, "put", lambda *args: (copied.append(args[1]), put(*args))[1])
    work(services, clock)

    assert [len(ids) for ids in delivered(services.storage).values()] == [2]
    assert copied == []  # what was delivered is not delivered again


def test_an_outage_of_the_destination_is_shown_and_the_run_is_tried_until_it_succeeds(
    services, member, clock, monkeypatch
):
    make(services, member)
    arrive(services, member, "1")
    clock.advance(days=1)
    put = Storage.put

    def away(storage: Storage, key: str, chunks) -> None:
        if key.startswith("exports/"):
            raise TransientError("The storage is unavailable, try again")
        put(storage, key, chunks)

    with monkeypatch.context() as patch:
        patch.setattr(Storage, "put", away)
        work(services, clock)
    [run] = all_runs(services)
    assert (run.state, run.error) == (RunState.FAILED, "The storage is unavailable, try again")
    assert run.outage_since is not None
    assert run.failures == 0  # it speaks against the destination, not against the run

    clock.advance(hours=1)
    work(services, clock)

    [run] = all_runs(services)
    assert (run.state, run.error, run.rows) == (RunState.DONE, None, 1)


def test_a_batch_that_was_cancelled_or_has_expired_is_made_again(services, member, clock):
    make(services, member)
    arrive(services, member, "1")
    clock.advance(days=1)
    run_exports(services)
    with services.db.write() as session:
        session.scalars(select(Job)).one().state = JobState.CANCELLED

    clock.advance(seconds=6)
    run_exports(services)
    assert [(run.state, run.error) for run in all_runs(services)] == [(RunState.FAILED, "The batch was cancelled")]
    clock.advance(minutes=5)
    work(services, clock)

    assert [run.state for run in all_runs(services)] == [RunState.DONE]


def test_an_owner_who_has_left_the_app_gets_nothing_more_of_it(services, member, clock):
    other = join(services, "bob@example.com", member.app)
    make(services, other)
    arrive(services, member, "1")
    with services.db.write() as session:
        session.execute(delete(Membership).where(Membership.user_id == other.user_id))
    clock.advance(days=1)

    work(services, clock)

    assert all_runs(services) == []
    assert delivered(services.storage) == {}


def test_a_run_of_an_app_that_its_owner_has_left_waits_without_failures_and_goes_on_when_they_return(
    services, member, clock
):
    other = join(services, "bob@example.com", member.app)
    exporter = make(services, other)
    arrive(services, member, "1")
    clock.advance(days=1)
    schedule(services)
    with services.db.write() as session:
        session.execute(delete(Membership).where(Membership.user_id == other.user_id))

    for _ in range(3):
        work(services, clock)
        clock.advance(hours=1)
    [left] = all_runs(services)
    shown = exporter_settings.find(services, other.user_id, exporter.identifier)[1]
    runs_shown = exporter_settings.run_page(services, other.user_id, exporter.identifier, 10, 0)
    with services.db.write() as session:
        session.add(Membership(user_id=other.user_id, app_id=member.app.id))
    work(services, clock)
    [returned] = all_runs(services)

    assert (left.state, left.failures, left.attempt, shown, runs_shown) == (RunState.WAITING, 0, 0, [], [])
    assert (returned.state, returned.rows) == (RunState.DONE, 1)


def test_a_bucket_that_the_operator_names_gets_the_files(services, member, clock, tmp_path):
    url = (tmp_path / "bucket").as_uri()
    services = replace(services, config=replace(services.config, export_buckets=(("archive", url),)))
    exporter = make(services, member, subfolder="crashes/notes")
    arrive(services, member, "1")
    clock.advance(days=1)

    work(services, clock)

    folder = f"crashes/notes/{exporter.identifier}/{member.app.identifier}"
    assert list(delivered(open_storage(url, is_marked=False), folder)) == ["2018-09-14T120000Z"]
    assert delivered(services.storage) == {}


def test_two_workers_do_not_take_the_same_run(services, member, clock, monkeypatch):
    make(services, member)
    clock.advance(days=1)
    schedule(services)
    taken = []

    def step(attempt):
        taken.append(attempt.row.id)
        run_exports(services)

    monkeypatch.setattr(exporter_runs, "WORK", replace(exporter_runs.WORK, step=step))

    run_exports(services)

    assert len(taken) == 1


def test_the_border_of_a_window_is_found_by_arrival(services, member, clock):
    borders = [services.now()]
    for number in range(9):
        arrive(services, member, str(number), age=timedelta(days=number * 7 % 5))
        clock.advance(minutes=1)
        borders.append(services.now())
    with services.db.read() as session:
        ids = list(session.scalars(select(Occurrence.id).order_by(Occurrence.id)))

        found = [newest_row_before(session, border) for border in borders]

    assert found == [0, *ids]

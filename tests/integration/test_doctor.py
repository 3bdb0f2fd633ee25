"""`crashq doctor` finds and mends what database and storage do not agree on (both databases)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from app.db.models.job import Job, JobState
from app.db.models.log import Log, LogStatus
from app.ingest.receive import receive
from app.ingest.status import log_state
from app.jobs.service import ask
from app.operations.doctor import LOST, examine
from app.services import Services
from app.storage_keys import index_key
from app.symbolication.stored import list_symbols
from tests.factories import kscrash, make_crash, run_enqueued
from tests.stores import ready_store
from tests.symbols import mapping, sym, upload


@pytest.fixture(autouse=True)
def tomorrow(clock) -> None:
    """Every object in the store is older than anything in flight."""
    clock.now = datetime.now(UTC) + timedelta(hours=2)


@pytest.fixture
def healthy(services, member, run_workers, stored_results) -> tuple[Job, Log]:
    receive(services, member.app, "log-1", kscrash())
    run_workers()
    crash = log_state(services, member.app, "log-1").occurrences[0][1]
    job = ask(services, member.user_id, "occurrences", crash, {})
    run_workers()
    with services.db.read() as session:
        return session.get_one(Job, job.id), log_state(services, member.app, "log-1").log


def mend_all(services: Services) -> list[str]:
    told = []
    for finding in examine(services):
        finding.mend()
        told.append(finding.what)
    return told


def test_a_healthy_service_has_nothing_to_mend(services, healthy):
    assert list(examine(services)) == []


def test_a_result_that_is_gone_makes_its_job_expired_and_asking_again_works(services, member, healthy, run_workers):
    job, _ = healthy
    services.storage.delete(job.result_key)

    told = mend_all(services)

    assert told == [f"job {job.id} is finished, but its result is not in the storage"]
    with services.db.read() as session:
        assert session.get_one(Job, job.id).state == JobState.EXPIRED
    assert list(examine(services)) == []


def test_a_result_that_was_cut_is_as_good_as_gone(services, healthy):
    job, _ = healthy
    services.storage.put_bytes(job.result_key, b"[")

    assert [finding.what for finding in examine(services)] == [
        f"job {job.id} is finished, but its result is not in the storage"
    ]


def test_a_digested_log_without_bytes_says_so_and_keeps_its_occurrences(services, member, healthy):
    _, log = healthy
    services.storage.delete(log.storage_key)

    told = mend_all(services)

    state = log_state(services, member.app, "log-1")
    assert told == [f"log {log.id} (digested) has no bytes in the storage"]
    assert (state.log.status, state.log.error_message) == (LogStatus.DIGESTED, LOST)
    assert len(state.occurrences) == 1
    assert list(examine(services)) == []


def test_a_waiting_log_without_bytes_is_rejected(services, member, run_workers):
    receive(services, member.app, "log-2", kscrash())
    services.storage.delete(log_state(services, member.app, "log-2").log.storage_key)

    mend_all(services)
    run_workers()

    state = log_state(services, member.app, "log-2")
    assert (state.log.status, state.log.error_message) == (LogStatus.REJECTED, LOST)


def test_objects_that_belong_to_nothing_are_deleted_and_others_stay(services, member, healthy):
    job, log = healthy
    orphans = [
        f"jobs/{job.id}/7/occurrences.json",
        f"jobs/{'0' * 24}/1/report.json",
        f"logs/{member.app.identifier}/2018/09/13/never-answered",
    ]
    for key in orphans:
        services.storage.put_bytes(key, b"x")

    told = mend_all(services)

    left = {stat.key for prefix in ("jobs", "logs") for stat in services.storage.list(prefix)}
    assert sorted(told) == sorted(
        f"{key} belongs to no {'log' if key.startswith('logs') else 'result'}" for key in orphans
    )
    assert left == {job.result_key, index_key(job.result_key), log.storage_key}


def test_an_object_that_has_a_row_once_it_was_found_stays(services, member):
    """An earlier release writes the same object when the same log is sent again."""
    receive(services, member.app, "log-1", kscrash())
    log = log_state(services, member.app, "log-1").log
    key = log.storage_key.rpartition("-")[0]
    services.storage.put_bytes(key, kscrash())
    [finding] = examine(services)
    with services.db.write() as session:
        session.execute(update(Log).values(storage_key=key))

    finding.mend()

    assert finding.what == f"{key} belongs to no log"
    assert services.storage.get(key) == kscrash()


def test_an_object_under_a_key_of_an_earlier_release_belongs_to_its_log(services, member):
    receive(services, member.app, "log.1", kscrash())
    old = f"logs/{member.app.identifier}/2018/09/13/log.1"
    log = log_state(services, member.app, "log.1").log
    services.storage.put_bytes(old, services.storage.get(log.storage_key))
    services.storage.delete(log.storage_key)
    with services.db.write() as session:
        session.execute(update(Log).values(storage_key=old))

    assert list(examine(services)) == []


def test_what_may_still_be_in_flight_is_left_alone(services, member, clock):
    services.storage.put_bytes(f"logs/{member.app.identifier}/2018/09/13/on-its-way", b"x")
    crash = make_crash(services, member.app)
    job = ask(services, member.user_id, "occurrences", crash.identifier, {})
    services.storage.put_bytes(f"jobs/{job.id}/1/preview.json", b"[]")
    clock.now = datetime.now(UTC)

    found = [finding.what for finding in examine(services) if "has no bytes" not in finding.what]

    assert found == []


def test_what_a_killed_process_left_half_written_in_a_folder_is_deleted(services, tmp_path):
    in_a_folder = replace(services, storage=ready_store((tmp_path / "store").as_uri()))
    in_a_folder.storage.put_bytes("jobs/whole", b"x")
    half = tmp_path / "store" / "jobs" / "half#1"
    half.write_bytes(b"x")

    told = [finding.what for finding in examine(in_a_folder) if "half" in finding.what]
    mend_all(in_a_folder)

    assert told == ["half#1 was never finished"]
    assert not half.exists()


def test_looking_changes_nothing(services, healthy):
    job, _ = healthy
    services.storage.delete(job.result_key)

    list(examine(services))

    with services.db.read() as session:
        assert session.get_one(Job, job.id).state == JobState.FINISHED


def test_symbols_are_found_that_lost_their_bytes_or_caches_and_objects_that_are_of_none(services, member):
    whole = upload(services, member, sym("01020304-0506-0708-090a-0b0c0d0e0f10", "total"))
    no_cache = upload(services, member, sym("11121314-1516-1718-191a-1b1c1d1e1f20", "total"))
    no_bytes = upload(services, member, mapping("a.b", "total"))
    folder = f"symbols/{member.app.identifier}"
    for stat in list(services.storage.list(folder)):
        is_upload = stat.key.endswith("/upload")
        if (no_cache in stat.key and not is_upload) or (no_bytes in stat.key and is_upload):
            services.storage.delete(stat.key)
    services.storage.put_bytes(f"{folder}/{'0' * 24}/part-0-abcd", b"orphan")
    services.broker.messages.clear()

    found = list(examine(services))
    for one in found:
        one.mend()
    run_enqueued(services)

    assert sorted(one.what for one in found) == sorted([
        f"symbols {no_cache} lack a cache in the storage", f"symbols {no_bytes} have no bytes in the storage",
        f"{folder}/{'0' * 24}/part-0-abcd belongs to no symbols",
    ])  # fmt: skip
    assert [one.file.identifier for one in list_symbols(services, member.app, 10, 0)] == [no_cache, whole]
    assert {one.file.state.value for one in list_symbols(services, member.app, 10, 0)} == {"ready"}
    assert [one.what for one in examine(services) if no_bytes not in one.what] == []

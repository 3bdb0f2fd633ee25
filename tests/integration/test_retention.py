"""What is older than its app keeps it goes, in small steps, and the rest stays right (both databases)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.db.models.crash import Crash
from app.db.models.job import Job, JobState
from app.db.models.log import Log, LogStatus
from app.db.models.occurrence import Occurrence
from app.db.models.pending_deletion import PendingDeletion
from app.errors import TransientError
from app.ingest.receive import receive
from app.ingest.status import log_state
from app.jobs.answering import JobFailed
from app.jobs.service import ask
from app.operations.doctor import examine
from app.privacy import retention
from app.privacy.retention import remove_what_is_old
from app.privacy.settings import change_settings
from app.services import Services
from app.storage import Storage
from app.sweep import sweep
from tests.factories import NOON, Member, make_crash, make_member, run_enqueued
from tests.sentry_events import sentry_event

DAY = 86_400


def add(services: Services, member: Member, happened: datetime, name: str = "1", number: int = 1) -> str:
    """A digested log that arrives now, of a crash that happened then; returns its log_id."""
    log_id = f"1-{int(happened.timestamp())}-logs-{number:05d}"
    receive(services, member.app, log_id, sentry_event(None, name=name))
    run_enqueued(services)
    return log_id


def logs(services: Services) -> list[str]:
    with services.db.read() as session:
        return [log.log_id for log in session.query(Log).order_by(Log.id)]


def crash_now(services: Services) -> Crash:
    with services.db.read() as session:
        return session.query(Crash).one()


def objects(services: Services) -> list[str]:
    return [stat.key for stat in services.storage.list("logs")]


def test_by_default_everything_is_kept_for_ever(services, member, clock):
    add(services, member, NOON)
    clock.advance(days=20_000)

    assert remove_what_is_old(services) == 0
    assert len(objects(services)) == 1


def test_a_log_that_is_old_loses_its_bytes_and_its_occurrence_stays_known(services, member, clock):
    log_id = add(services, member, NOON)
    found = log_state(services, member.app, log_id)
    [(name, crash)] = found.occurrences
    change_settings(services, member.app, {"keep_logs_days": 30})
    clock.advance(days=30)
    assert remove_what_is_old(services) == 0
    clock.advance(minutes=1)

    assert remove_what_is_old(services) == 1
    assert remove_what_is_old(services) == 0

    assert objects(services) == []
    assert log_state(services, member.app, log_id).occurrences == [(name, crash)]
    assert ask(services, member.user_id, "occurrences", crash, {})
    ask(services, member.user_id, "export_occurrence", crash, {"id": name, "log_id": log_id, "date": found.date})
    run_enqueued(services)
    with pytest.raises(JobFailed) as failed:
        ask(services, member.user_id, "export_occurrence", crash, {"id": name, "log_id": log_id, "date": found.date})
    assert (failed.value.status, failed.value.code) == (410, "log_removed")
    assert list(examine(services)) == []


def test_a_log_in_which_nothing_was_found_goes_altogether(services, member, clock):
    receive(services, member.app, "rejected", b"nothing that can be read")
    run_enqueued(services)
    change_settings(services, member.app, {"keep_logs_days": 1})
    clock.advance(days=2)

    assert remove_what_is_old(services) == 1

    assert (logs(services), objects(services)) == ([], [])


def test_a_log_that_still_waits_is_left_alone(services, member, clock):
    receive(services, member.app, "waiting", sentry_event(None))
    change_settings(services, member.app, {"keep_logs_days": 1, "keep_occurrences_days": 1})
    clock.advance(days=2)

    assert remove_what_is_old(services) == 0
    run_enqueued(services)

    assert log_state(services, member.app, "waiting").log.status == LogStatus.DIGESTED


def test_old_occurrences_go_with_their_logs_and_the_crash_tells_of_the_rest(services, member, clock):
    for number, age in enumerate((50, 40, 20, 10)):
        add(services, member, NOON - timedelta(days=age), f"{number}", number)
    before = crash_now(services)
    ask(services, member.user_id, "occurrences", before.identifier, {})
    run_enqueued(services)
    change_settings(services, member.app, {"keep_occurrences_days": 30})
    clock.advance(minutes=1)

    assert remove_what_is_old(services) == 2

    after = crash_now(services)
    assert (after.occurrences_count, after.first_seen, after.last_seen) == (
        2, NOON - timedelta(days=20), NOON - timedelta(days=10)
    )  # fmt: skip
    assert after.revision > before.revision
    assert len(logs(services)) == len(objects(services)) == 2
    again = ask(services, member.user_id, "occurrences", before.identifier, {})
    run_enqueued(services)
    with services.db.read() as session:
        assert str(session.get_one(Job, again.id).result_text).count('"id"') == 2


def test_a_crash_without_occurrences_stays_under_its_identifier_and_out_of_the_list(services, member, clock, client_of):
    log_id = add(services, member, NOON)
    [(_, crash)] = log_state(services, member.app, log_id).occurrences
    change_settings(services, member.app, {"keep_occurrences_days": 1})
    clock.advance(days=2)

    remove_what_is_old(services)

    client = client_of(services)
    assert client.get(f"/api/apps/{member.app.identifier}/crashes", headers=member.headers).json["result"] == []
    assert client.get(f"/api/crashes/{crash}/occurrences", headers=member.headers).status_code == 200
    assert crash_now(services).occurrences_count == 0


def test_what_a_device_dates_into_the_future_goes_by_the_arrival_of_its_log(services, member, clock):
    add(services, member, datetime(2099, 1, 1, tzinfo=UTC))
    change_settings(services, member.app, {"keep_occurrences_days": 30})
    clock.advance(days=31)

    assert remove_what_is_old(services) == 1

    assert (logs(services), objects(services)) == ([], [])


def test_old_results_expire_and_the_sweep_deletes_them(services, member, clock, stored_results):
    crash = make_crash(services, member.app)
    kept = replace(services, config=replace(services.config, result_lifetime=100 * DAY))
    job = ask(kept, member.user_id, "occurrences", crash.identifier, {})
    run_enqueued(kept)
    change_settings(services, member.app, {"keep_reports_days": 7})
    clock.advance(days=6)
    assert remove_what_is_old(services) == 0
    clock.advance(days=2)

    assert remove_what_is_old(services) == 1
    sweep(services)

    with services.db.read() as session:
        assert session.get_one(Job, job.id).state == JobState.EXPIRED
    assert list(services.storage.list("jobs")) == []


def test_the_services_own_ages_are_for_apps_that_have_set_none(services, member, clock):
    other = make_member(services, "bob@example.com", "Other")
    add(services, member, NOON, "1")
    add(services, other, NOON, "2")
    change_settings(services, other.app, {"keep_logs_days": None})
    short = replace(services, config=replace(services.config, keep_logs_days=1))
    clock.advance(days=2)

    assert remove_what_is_old(short) == 1

    assert [key.split("/")[1] for key in objects(services)] == [other.app.identifier]


def test_a_backlog_goes_in_small_transactions_and_no_app_waits_for_anothers(services, member, clock, monkeypatch):
    monkeypatch.setattr(retention, "ROWS_AT_ONCE", 10)
    other = make_member(services, "bob@example.com", "Other")
    make_crash(services, member.app, occurrences=95)
    make_crash(services, other.app, occurrences=5)
    for one in (member, other):
        change_settings(services, one.app, {"keep_occurrences_days": 1})
    clock.advance(days=200)
    sizes = []
    real = retention.remove_occurrences

    def remove(session, rows, now):
        sizes.append(len(rows))
        return real(session, rows, now)

    monkeypatch.setattr(retention, "remove_occurrences", remove)

    assert remove_what_is_old(services) == 100

    assert max(sizes) == 10
    assert 5 in sizes[:2]
    with services.db.read() as session:
        assert session.query(Occurrence).count() == session.query(Log).count() == 0


def test_when_the_time_is_up_the_next_time_goes_on(services, member, clock, monkeypatch):
    monkeypatch.setattr(retention, "ROWS_AT_ONCE", 10)
    make_crash(services, member.app, occurrences=25)
    change_settings(services, member.app, {"keep_occurrences_days": 1})
    clock.advance(days=200)

    assert remove_what_is_old(services, go_on_for=0) == 0
    assert remove_what_is_old(services) == 25


def test_objects_that_could_not_be_deleted_are_deleted_the_next_time(services, member, clock, monkeypatch):
    add(services, member, NOON)
    change_settings(services, member.app, {"keep_occurrences_days": 1})
    clock.advance(days=2)

    def away(*_):
        raise TransientError

    with monkeypatch.context() as patch:
        patch.setattr(Storage, "delete", away)
        with pytest.raises(TransientError):
            remove_what_is_old(services)
    assert (logs(services), len(objects(services))) == ([], 1)
    clock.now = datetime.now(UTC) + timedelta(hours=2)
    assert [finding.what.rpartition(" ")[0] for finding in examine(services)] == [
        f"{objects(services)[0]} belongs to no"
    ]

    remove_what_is_old(services)

    assert objects(services) == []
    with services.db.read() as session:
        assert session.query(PendingDeletion).count() == 0


def test_a_crash_whose_row_is_wrong_about_its_oldest_occurrence_is_put_right(services, member, clock):
    add(services, member, NOON)
    with services.db.write() as session:
        session.query(Crash).one().first_seen = NOON - timedelta(days=400)
    change_settings(services, member.app, {"keep_occurrences_days": 30})
    clock.advance(minutes=1)

    remove_what_is_old(services)

    assert crash_now(services).first_seen == NOON
    assert remove_what_is_old(services) == 0

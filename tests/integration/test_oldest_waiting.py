"""Since when due work waits, of each type: what rests, is at work or is done does not wait (both databases)."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from app.db.models.data_exporter import DataExporterRun, RunState
from app.db.models.erasure import Erasure, ErasureState
from app.db.models.job import Job, JobState
from app.db.models.job_part import JobPart, PartState
from app.db.models.log import Log, LogStatus
from app.db.models.regrouping import Regrouping, wish
from app.db.models.symbols import SymbolFile, SymbolState
from app.db.models.webhook import Delivery, DeliveryState, Webhook
from app.db.queries.waiting import TYPES, oldest_waiting
from app.ingest.receive import receive
from app.jobs.exporter_runs import run_exports
from app.jobs.service import ask
from app.privacy.erasing import begin_erasure
from app.services import Services
from app.sweep import sweep
from tests.batches import begin
from tests.exporting import make
from tests.factories import kscrash, make_crash, run_enqueued
from tests.integration.test_scale import statements
from tests.symbols import mapping, upload

SINCE = timedelta(seconds=7)  # between being asked for and the look
MINUTE = timedelta(minutes=1)


def make_job(services, member, clock):
    ask(services, member.user_id, "occurrences", make_crash(services, member.app).identifier, {})


def make_part(services, member, clock):
    begin(services, member, make_crash(services, member.app))


def make_log(services, member, clock):
    receive(services, member.app, "log-1", kscrash())


def make_regrouping(services, member, clock):
    with services.db.write() as session:
        wish(session, member.app.id, services.now())


def make_symbols(services, member, clock):
    upload(services, member, mapping("a.b", "total"))
    change(services, SymbolFile, state=SymbolState.RECEIVED, lease_expires_at=None)  # what is small is ready at once


def make_erasure(services, member, clock):
    begin_erasure(services, member.app, "ada")


def make_run(services, member, clock):
    make(services, member)
    clock.advance(seconds=86_400)
    run_exports(services)
    change(services, DataExporterRun, not_before=services.now(), lease_expires_at=None)


def make_delivery(services, member, clock):
    told = {"event": "crash.new", "state": DeliveryState.PENDING, "attempts": 0, "created_at": clock()}
    with services.db.write() as session:
        hook = Webhook(
            identifier="0" * 24, app_id=member.app.id, url="https://example.com", secret="", on_job_finished=True,
            on_job_failed=True, on_crash_new=True, active=True, created_at=clock(),
        )  # fmt: skip
        session.add(hook)
        session.flush()
        session.add(Delivery(webhook_id=hook.id, subject="1" * 24, next_at=clock(), **told))


MADE = {
    "job": (make_job, Job, "not_before", {"state": JobState.RUNNING}),
    "part": (make_part, JobPart, "not_before", {"state": PartState.DONE}),
    "log": (make_log, Log, "not_before", {"status": LogStatus.DIGESTED}),
    "regrouping": (make_regrouping, Regrouping, "lease_expires_at", {"finished_at": "now"}),
    "symbols": (make_symbols, SymbolFile, "lease_expires_at", {"state": SymbolState.READY}),
    "erasure": (make_erasure, Erasure, "not_before", {"state": ErasureState.FINISHED}),
    "export_run": (make_run, DataExporterRun, "not_before", {"state": RunState.DONE}),
    "delivery": (make_delivery, Delivery, "next_at", {"state": DeliveryState.DELIVERED}),
}
"""Type of work -> what makes a row of it, its table, the column until which it rests, and how a row is that is done."""


def change(services: Services, table: type, **values: object) -> None:
    with services.db.write() as session:
        session.execute(update(table).values(**values))


def waits(services: Services) -> dict[str, timedelta]:
    """Type of work that waits -> for how long."""
    now = services.now()
    with services.db.read() as session:
        found = oldest_waiting(session, now)
    assert tuple(found) == TYPES
    return {type_: now - since for type_, since in found.items() if since is not None}


def test_where_nothing_waits_there_is_no_time(services):
    assert waits(services) == {}


@pytest.mark.parametrize("type_", TYPES)
def test_due_work_waits_and_what_rests_or_is_done_does_not(services, member, clock, type_):
    make_it, table, rests_until, done = MADE[type_]
    make_it(services, member, clock)
    clock.now += SINCE

    due = waits(services)
    change(services, table, **{rests_until: services.now() + MINUTE})
    resting = waits(services)
    clock.now += MINUTE + SINCE
    rested = waits(services)
    change(services, table, **{name: services.now() if value == "now" else value for name, value in done.items()})
    ended = waits(services)

    assert due[type_] == SINCE
    assert type_ not in resting
    assert rested[type_] == SINCE
    assert type_ not in ended


@pytest.mark.parametrize("type_", ["log", "regrouping", "symbols", "erasure", "export_run"])
def test_work_that_a_worker_has_does_not_wait_until_the_lease_is_over(services, member, clock, type_):
    make_it, table, *_ = MADE[type_]
    make_it(services, member, clock)
    change(services, table, lease_expires_at=services.now() + MINUTE)

    held = waits(services)
    clock.now += MINUTE + SINCE

    assert type_ not in held
    assert waits(services)[type_] == SINCE


def test_of_several_the_oldest_counts_and_it_ends_when_workers_have_come(services, member, clock):
    receive(services, member.app, "log-1", kscrash())
    clock.now += MINUTE
    receive(services, member.app, "log-2", kscrash())
    clock.now += SINCE

    assert waits(services) == {"log": MINUTE + SINCE}
    sweep(services)
    run_enqueued(services)
    assert waits(services) == {}


def test_deliveries_of_a_webhook_that_is_switched_off_or_being_served_do_not_wait(services, member, clock):
    make_delivery(services, member, clock)

    change(services, Webhook, active=False)
    off = waits(services)
    change(services, Webhook, active=True, lease_expires_at=services.now() + MINUTE)

    assert (off, waits(services)) == ({}, {})


def test_it_is_one_statement(services):
    with statements(services) as sent:
        waits(services)

    assert len([statement for statement, _ in sent if statement != "BEGIN"]) == 1

"""Symbols that come after the crash: logs that wait for them are grouped anew in the background (both databases)."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app.db.models.awaited_symbols import AwaitedSymbols, trim
from app.db.models.crash import find_crash
from app.db.models.log import Log
from app.db.models.regrouping import Regrouping
from app.db.queries.removal import remove_bytes, remove_logs
from app.ingest import regrouping
from app.ingest.digest import digest
from app.ingest.receive import receive
from app.ingest.regrouping import merge, regroup_app
from app.queueing.broker import MAKE_SYMBOLS
from app.storage import Storage
from app.sweep import sweep
from app.symbolication.making import make_symbols
from app.symbolication.receive import receive_symbols
from app.symbolication.stored import delete_symbols, show_symbols
from app.symbols.contents import About
from tests.factories import kscrash, make_member, run_enqueued
from tests.regrouping import counted, crash_of, crashes
from tests.symbols import java_event, mapping, native_event, sym, upload

ONE, OTHER = "01020304-0506-0708-090a-0b0c0d0e0f10", "11121314-1516-1718-191a-1b1c1d1e1f20"


class WorkerDied(BaseException):
    """kill -9: nothing of the worker's runs any more."""


def digested(services, member, run_workers, **contents: bytes) -> None:
    for name, content in contents.items():
        receive(services, member.app, name, content)
    run_workers()


def waiting(services) -> set[str]:
    with services.db.read() as session:
        return set(session.scalars(select(AwaitedSymbols.awaited)))


def rows(services) -> list[int]:
    with services.db.read() as session:
        return list(session.scalars(select(Log.id).order_by(Log.id)))


def the_regrouping(services) -> Regrouping:
    with services.db.read() as session:
        return session.scalars(select(Regrouping)).one()


def work_until_done(services, clock) -> None:
    """Do what workers and the sweep would, though workers die."""
    for _ in range(60):
        messages, services.broker.messages = services.broker.messages, []
        for _task, row_id in messages:
            try:
                regroup_app(services, int(row_id), 0.0)
            except WorkerDied:
                continue
        if the_regrouping(services).finished_at:
            return
        clock.advance(minutes=2)
        sweep(services)
    pytest.fail("the regrouping did not end")


def test_a_crash_of_addresses_becomes_one_of_names_to_which_the_old_identifier_leads(
    services, member, run_workers, clock
):
    digested(services, member, run_workers, mine=native_event(ONE, 1, 2), other=kscrash(frame="-[A go]"))
    before = crash_of(services, "mine")
    upload(services, member, sym(ONE, "total", "pay"))
    work_until_done(services, clock)

    after = crash_of(services, "mine")
    assert json.loads(before.why)["rule"] == "in-app frames without names"
    assert json.loads(after.why)["parts"] == ["type: bad memory access", "frame: total", "frame: pay"]
    with services.db.read() as session:
        assert find_crash(session, before.identifier).identifier == after.identifier
    assert sorted(counted(services).values()) == [1, 1]
    assert ONE not in waiting(services)
    assert the_regrouping(services).symbol_logs == the_regrouping(services).moved == 1


def test_late_logs_join_the_crash_that_later_ones_with_symbols_have_made(services, member, run_workers, clock):
    digested(services, member, run_workers, early=native_event(ONE, 1))
    upload(services, member, sym(OTHER, "total"))
    digested(services, member, run_workers, late=native_event(OTHER, 1))
    assert len(counted(services)) == 2

    upload(services, member, sym(ONE, "total"))
    work_until_done(services, clock)

    assert list(counted(services).values()) == [2]


def test_a_worker_that_dies_at_any_step_costs_nothing_but_time(services, member, run_workers, clock, monkeypatch):
    for number in range(9):
        receive(services, member.app, f"log-{number}", native_event(ONE, 1 + number % 2, event_id=str(number)))
    run_workers()
    monkeypatch.setattr(regrouping, "LOGS_IN_BULK", 2)
    deaths = iter([False, True, False, True, True])
    look_at, forget = regrouping.regroup_logs, regrouping.no_longer_awaited

    def mortal(*given):
        found = look_at(*given)
        if next(deaths, False):
            raise WorkerDied
        return found

    def mortal_too(*given):
        forget(*given)
        if next(deaths, False):
            raise WorkerDied

    monkeypatch.setattr(regrouping, "regroup_logs", mortal)
    monkeypatch.setattr(regrouping, "no_longer_awaited", mortal_too)
    identifier = upload(services, member, sym(ONE, "total", "pay"))
    shown = show_symbols(services, member.app, identifier).waiting_logs
    work_until_done(services, clock)

    assert shown == 9
    assert sorted(counted(services).values()) == [4, 5]
    assert {crash.title.rpartition(" ")[2] for crash in crashes(services)} == {"total", "pay"}
    assert waiting(services) == set()
    assert show_symbols(services, member.app, identifier).waiting_logs == 0


def test_a_log_that_kills_every_worker_waits_no_longer_and_the_rest_goes_on(
    services, member, run_workers, clock, monkeypatch
):
    digested(services, member, run_workers, bad=native_event(ONE, 1), good=native_event(ONE, 1, event_id="2"))
    poison = rows(services)[0]
    look_at = regrouping.regroup_logs

    def poisoned(services, log_rows):
        if poison in log_rows:
            raise WorkerDied
        return look_at(services, log_rows)

    monkeypatch.setattr(regrouping, "regroup_logs", poisoned)
    upload(services, member, sym(ONE, "total"))
    work_until_done(services, clock)

    assert crash_of(services, "good").title.endswith("in total")
    assert "total" not in crash_of(services, "bad").title
    assert waiting(services) == set()


def test_two_apps_with_one_debug_id_do_not_touch_each_other(services, member, run_workers, clock):
    stranger = make_member(services, "mallory@example.com")
    digested(services, member, run_workers, mine=native_event(ONE, 1))
    digested(services, stranger, run_workers, theirs=native_event(ONE, 1))
    theirs = crash_of(services, "theirs")
    upload(services, member, sym(ONE, "total"))
    work_until_done(services, clock)

    assert crash_of(services, "mine").title.endswith("in total")
    assert crash_of(services, "theirs").identifier == theirs.identifier
    assert waiting(services) == {ONE}


@pytest.mark.parametrize(
    ("given", "is_named"),
    [({"version": "1.2", "build": "45"}, True), ({"version": "1.2"}, True), ({"build": "45"}, True), ({"version": "2"}, False)],
)  # fmt: skip
def test_a_late_mapping_names_the_logs_of_its_version(services, member, run_workers, clock, given, is_named):
    digested(services, member, run_workers, mine=java_event("a.b", 1), plain=java_event("com.example.Cart", 1))
    asked = len(waiting(services))
    upload(services, member, mapping("a.b", "total"), **given)
    run_workers()

    assert asked == 3  # version and build, version, build
    assert crash_of(services, "mine").title.endswith("Cart.total") is is_named
    assert (
        show_symbols(services, member.app, upload(services, member, mapping("a.b", "total"), **given)).waiting_logs == 0
    )


def test_a_digest_that_did_not_know_of_the_symbols_is_made_good_by_a_second_look(services, member, clock, monkeypatch):
    receive(services, member.app, "mine", native_event(ONE, 1))
    [row] = rows(services)
    get = Storage.get

    def meanwhile(storage: Storage, key: str, size: int | None = None) -> bytes:
        monkeypatch.setattr(Storage, "get", get)
        upload(services, member, sym(ONE, "total"))
        run_enqueued(services)
        return get(storage, key, size)

    monkeypatch.setattr(Storage, "get", meanwhile)
    digest(services, row)
    title = crash_of(services, "mine").title
    work_until_done(services, clock)

    assert "total" not in title
    assert crash_of(services, "mine").title.endswith("in total")


def test_what_people_merged_stays_merged(services, member, run_workers, clock):
    digested(services, member, run_workers, mine=native_event(ONE, 1), into=kscrash(frame="-[A go]"))
    merge(services, member.user_id, crash_of(services, "mine"), crash_of(services, "into"))
    run_workers()
    upload(services, member, sym(ONE, "total"))
    work_until_done(services, clock)
    digested(services, member, run_workers, later=native_event(ONE, 1, event_id="3"))

    assert list(counted(services).values()) == [3]


def test_to_delete_symbols_moves_nothing(services, member, run_workers, clock):
    identifier = upload(services, member, sym(ONE, "total"))
    digested(services, member, run_workers, mine=native_event(ONE, 1))
    delete_symbols(services, member.app, identifier)
    run_workers()

    assert crash_of(services, "mine").title.endswith("in total")


def test_symbols_whose_cache_is_lost_do_not_keep_the_work_going(services, member, run_workers, clock):
    digested(services, member, run_workers, mine=native_event(ONE, 1))
    upload(services, member, sym(ONE, "total"))
    services.storage.delete_folder("symbols")
    work_until_done(services, clock)

    assert "total" not in crash_of(services, "mine").title


def test_logs_without_bytes_or_rows_wait_for_nothing(services, member, run_workers, clock):
    digested(services, member, run_workers, bare=native_event(ONE, 1), gone=native_event(OTHER, 1))
    bare, gone = rows(services)
    with services.db.write() as session:
        remove_bytes(session, [bare], services.now())
        assert session.scalar(select(func.count()).select_from(AwaitedSymbols)) == 1
        remove_logs(session, [gone], services.now())

    assert waiting(services) == set()


def test_of_too_many_logs_the_newest_go_on_waiting(services, member, run_workers):
    for number in range(6):
        receive(services, member.app, f"log-{number}", native_event(ONE, 1, event_id=str(number)))
    run_workers()
    with services.db.write() as session:
        gone, again = trim(session, member.app.id, 4), trim(session, member.app.id, 4)
    with services.db.read() as session:
        kept = sorted(session.scalars(select(AwaitedSymbols.log_row)))

    assert (gone, again) == (2, 0)
    assert kept == rows(services)[2:]


def test_an_upload_that_nobody_waits_for_begins_no_work(services, member, run_workers):
    digested(services, member, run_workers, mine=native_event(ONE, 1))
    found = receive_symbols(services, member.app, About(), [sym(OTHER, "total")])
    services.broker.messages.remove((MAKE_SYMBOLS, str(found.id)))
    make_symbols(services, found.id)

    assert services.broker.messages == []


def test_a_function_that_its_log_names_waits_only_where_it_is_the_apps_own(services, member, run_workers):
    digested(services, member, run_workers, mine=kscrash(frame="-[A go]"))

    assert waiting(services) == {"0a0b0c0d-0000-4000-8000-000000000002"}  # the app's image, not CoreFoundation's


def test_the_work_is_over_soon_after_the_last_file(services, member, run_workers, clock):
    digested(services, member, run_workers, mine=native_event(ONE, 1))
    upload(services, member, sym(ONE, "total"))
    run_workers()
    assert the_regrouping(services).finished_at is None

    clock.now += timedelta(seconds=61)
    sweep(services)
    run_workers()

    assert the_regrouping(services).finished_at

"""Crashes of stripped and obfuscated apps are counted by the names that symbols give them (both databases)."""

import json

from sqlalchemy import select

from app.db.models.log import Log, LogStatus
from app.errors import TransientError
from app.ingest.digest import LOGS_IN_BULK, digest
from app.ingest.grouping import regroup_logs
from app.ingest.receive import receive
from app.storage import Storage
from app.symbolication.stored import delete_symbols
from tests.factories import make_member
from tests.integration.test_poll_cost import statements
from tests.regrouping import counted, crash_of, crashes
from tests.symbols import java_event, mapping, native_event, sym, upload

ONE, OTHER = "01020304-0506-0708-090a-0b0c0d0e0f10", "11121314-1516-1718-191a-1b1c1d1e1f20"


def logs(services) -> list[Log]:
    with services.db.read() as session:
        return list(session.scalars(select(Log).order_by(Log.id)))


def digested(services, member, run_workers, **contents: bytes) -> None:
    for name, content in contents.items():
        receive(services, member.app, name, content)
    run_workers()


def test_one_crash_in_two_stripped_builds_is_one_by_its_names(services, member, run_workers):
    upload(services, member, sym(ONE, "total", "pay", "main"))
    upload(services, member, sym(OTHER, "unused", "total", "unused2", "pay"))

    digested(services, member, run_workers, old=native_event(ONE, 1, 2), new=native_event(OTHER, 2, 4))
    digested(services, member, run_workers, near=native_event(ONE, 2, 3))

    old = crash_of(services, "old")
    assert old.identifier == crash_of(services, "new").identifier != crash_of(services, "near").identifier
    assert old.title == "SIGSEGV: Segfault in total"
    assert json.loads(old.why)["parts"] == ["type: bad memory access", "frame: total", "frame: pay"]
    assert json.loads(old.why)["symbols"] is True


def test_one_crash_in_two_obfuscated_builds_is_one_by_its_names(services, member, run_workers):
    upload(services, member, mapping("a.b", "total", "pay"), version="1.2")
    upload(services, member, mapping("x.y", "pay", "total"), version="1.3")

    digested(
        services,
        member,
        run_workers,
        old=java_event("a.b", 1, 2),
        new=java_event("x.y", 2, 1, version="1.3", build="46"),
    )

    assert list(counted(services).values()) == [2]
    assert crash_of(services, "old").title == "IllegalStateException: no items in Cart.total"


def test_without_symbols_of_its_own_an_app_groups_as_ever(services, member, run_workers):
    stranger = make_member(services, "mallory@example.com")
    upload(services, stranger, sym(ONE, "total"))

    digested(services, member, run_workers, mine=native_event(ONE, 1))

    why = json.loads(crash_of(services, "mine").why)
    assert (why["rule"], why.get("symbols")) == ("in-app frames without names", None)


def test_a_log_is_grouped_anew_with_the_symbols_that_there_are_then(services, member, run_workers):
    digested(services, member, run_workers, mine=native_event(ONE, 1))
    before = crash_of(services, "mine").identifier
    identifier = upload(services, member, sym(ONE, "total"))
    rows = [log.id for log in logs(services)]

    assert regroup_logs(services, rows).moved == 1
    assert crash_of(services, "mine").title.endswith("in total")
    delete_symbols(services, member.app, identifier)
    assert crash_of(services, "mine").title.endswith("in total")  # to delete them moves nothing
    assert regroup_logs(services, rows).moved == 1
    assert crash_of(services, "mine").identifier == before


def test_the_images_of_a_bulk_are_asked_for_together(services, member):
    for number in range(30):
        upload(services, member, sym(f"{number + 1:032x}", "total"))
    for number in range(LOGS_IN_BULK):
        receive(services, member.app, f"log-{number}", native_event(f"{number + 1:032x}", 1, event_id=str(number)))

    with statements(services) as sent:
        digest(services, logs(services)[0].id)

    assert len([one for one in sent if "symbol_images" in one]) == 2  # of the first log, then all that the app has
    assert [(crash.occurrences_count, crash.title) for crash in crashes(services)] == [
        (LOGS_IN_BULK, "SIGSEGV: Segfault in total")
    ]


def test_symbols_that_cannot_be_fetched_now_put_the_digest_off(services, member, clock, monkeypatch):
    upload(services, member, sym(ONE, "total"))
    receive(services, member.app, "mine", native_event(ONE, 1))
    [row] = logs(services)

    def away(*_: object, **__: object):
        raise TransientError

    with monkeypatch.context() as patch:
        patch.setattr(Storage, "stream", away)
        digest(services, row.id)
    [waiting] = logs(services)
    clock.advance(minutes=2)
    digest(services, row.id)

    assert (waiting.status, waiting.failures) == (LogStatus.RECEIVED, 0)
    assert crash_of(services, "mine").title.endswith("in total")


def test_symbols_that_are_lost_name_nothing_and_hold_nothing_up(services, member, run_workers):
    upload(services, member, sym(ONE, "total"))
    services.storage.delete_folder("symbols")

    digested(services, member, run_workers, mine=native_event(ONE, 1))

    assert logs(services)[0].status == LogStatus.DIGESTED
    assert json.loads(crash_of(services, "mine").why)["rule"] == "in-app frames without names"


def test_threads_that_did_not_crash_are_not_looked_up(services, member, run_workers):
    upload(services, member, sym(ONE, "total"))
    upload(services, member, sym(OTHER, "idle"))
    event = json.loads(native_event(ONE, 1))
    other = json.loads(native_event(OTHER, 1, image="libidle.so"))
    image = {**other["debug_meta"]["images"][0], "image_addr": "0x600000000000"}
    event["debug_meta"]["images"].append(image)
    idle = {"frames": [{"instruction_addr": "0x600000001005"}]}
    event["threads"] = {"values": [{"id": 7, "stacktrace": idle}]}

    with statements(services) as sent:
        digested(services, member, run_workers, mine=json.dumps(event).encode())

    assert len([one for one in sent if "symbol_images" in one]) == 1
    assert crash_of(services, "mine").title.endswith("in total")

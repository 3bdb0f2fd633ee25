"""Crashes whose frames have no names, or that have no frames: what is left to group them by."""

from dataclasses import replace

import pytest

from app.crashes.fingerprint import fingerprint
from app.crashes.log import AppInfo, BinaryImage, CrashLog, Frame
from app.crashes.title import title
from tests.stacks import crash, own, value


def test_own_frames_without_names_count_by_image_with_what_the_system_was_doing():
    def nameless(system: str, image: str = "Shop", message: str = "at 0x10", by: str = "-[UIControl send]") -> CrashLog:
        own_frames = (Frame("<redacted>", image=image, address=4096), Frame(image=image))
        return crash(Frame(system, image="UIKitCore"), *own_frames, Frame(by, image="UIKitCore"), message=message)

    log = nameless("-[UIView a]")

    assert fingerprint(log).rule == "in-app frames without names"
    assert value(log) != value(nameless("-[UIView a]", by="-[UITimer fire]"))
    assert value(log) == value(nameless("-[UIView a]", message="at 0x20"))
    assert value(log) != value(nameless("-[UIView b]"))
    assert value(log) != value(nameless("-[UIView a]", image="Other"))


def test_a_minidump_without_names_counts_by_the_library_it_stopped_in():
    def dump(function: str | None, library: str) -> CrashLog:
        return crash(Frame(function, image=library), Frame(image="shop.exe"), platform="native")

    assert value(dump("RtlFree", "ntdll.dll")) == value(dump(None, "ntdll.dll"))
    assert value(dump("RtlFree", "ntdll.dll")) != value(dump("RtlFree", "ucrtbase.dll"))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("object 0x1e59bc50 gone", "object 0x7fff1200 gone"),
        ("index 5 beyond 3", "index 12 beyond 10"),
        ("no row 1DFC2552-8F7C-4D14-B0A8-5FE04E5AE35E", "no row AAFC2552-8F7C-4D14-B0A8-5FE04E5AE35E"),
        ('no user "ann"', 'no user "bob smith"'),
        ("cannot read /data/user/0/a/x.db", "cannot read /data/user/10/b/y.db"),
        ("cannot load https://a.example/1?x=2", "cannot load http://b.example/"),
        ("mail to ann@shop.example failed", "mail to b.c@d.example failed"),
        ("due 2018-09-13T10:00:00Z", "due 2019-01-02 11:12:13"),
        ("com.shop.Cart@1a2b3c4 closed", "com.shop.Cart@9f8e7d6 closed"),
        ("line one\n  two", "line one two"),
    ],
)
def test_what_varies_in_a_message_does_not_split_a_group_without_frames(first, second):
    assert value(crash(message=first)) == value(crash(message=second))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("index 5 beyond 3", "key 5 beyond 3"),
        ("object 0x1e59bc50 gone", "object 0x1e59bc50 busy"),
        ("can't open", "can't close"),
        ("com.shop.Cart@1a2b3c4 closed", "com.shop.Card@1a2b3c4 closed"),
        ("bad utf8", "bad utf16"),
    ],
)
def test_different_messages_stay_apart_without_frames(first, second):
    assert fingerprint(crash(message=first)).rule == "type and message"
    assert value(crash(message=first)) != value(crash(message=second))


def test_a_log_that_tells_nothing_of_its_crash_is_grouped_by_program():
    empty = CrashLog("test", "apple", app=AppInfo("com.shop"))

    assert fingerprint(empty).rule == "header"
    assert value(empty) != value(CrashLog("test", "apple", app=AppInfo("com.other")))


def test_frames_without_name_and_image_leave_the_message_to_tell():
    log = crash(Frame(address=819), Frame(address=5), type="SIGABRT", message="cart is full", platform="native")

    made = fingerprint(log)

    assert (made.rule, made.parts) == ("type and message", ("type: abort", "message: cart is full"))


def test_two_processes_that_crash_without_any_name_or_message_are_two_crashes():
    log = crash(Frame(address=819), type="SIGSEGV", platform="native")

    parts = [fingerprint(replace(log, process=name)).parts for name in ("/system/bin/shopd", "/system/bin/cartd")]

    assert parts == [
        ("type: bad memory access", "process: shopd"),
        ("type: bad memory access", "process: cartd"),
    ]


def test_a_frame_without_anything_beside_one_with_an_image_changes_nothing():
    log = crash(Frame(address=819), own(None), type="SIGSEGV", platform="native")

    assert fingerprint(log).parts[1:] == ("image: Shop",)


def unnamed(*offsets: int, debug_id: str | None = "83e44566-e300", type: str = "NSGenericException") -> CrashLog:
    image = BinaryImage("Shop", "/Applications/Shop.app/Shop", debug_id, address=4_096, size=1_000_000)
    frames = [own(None, image_address=4_096, address=4_096 + offset) for offset in offsets]
    return replace(crash(*frames, type=type), images=(image,))


def test_own_frames_without_names_are_told_apart_by_their_place_in_a_build_that_is_known():
    log = unnamed(144_518, 145_567)

    assert value(log) != value(unnamed(90_000, 91_000))
    assert fingerprint(log).parts[1:] == ("image: Shop", "at: Shop 83e44566 + 144518", "at: Shop 83e44566 + 145567")
    assert value(log) == value(replace(log, images=(replace(log.images[0], path="/private/var/Shop.app/Shop"),)))
    assert title(log) == "NSGenericException in Shop + 144518"


@pytest.mark.parametrize("told", [{"debug_id": None}, {"type": "ANR"}, {"type": "SIGKILL"}])
def test_places_do_not_count_where_the_build_is_unknown_or_chance_decides(told):
    assert value(unnamed(144_518, **told)) == value(unnamed(90_000, **told))


def test_places_do_not_count_beside_a_name():
    log = unnamed(144_518)
    thread = log.threads[0]

    assert fingerprint(replace(log, threads=(replace(thread, frames=(*thread.frames, own("pay"))),))).parts[1:] == (
        "frame: Shop",
        "frame: pay",
    )

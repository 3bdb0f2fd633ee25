"""What stands above a Java trace, and what stands between or below its frames."""

from datetime import UTC, datetime

import pytest

from app.crashes.log import CrashLog
from app.parsers import java_trace, parse
from app.parsers.document import Document

TRACE = """\
java.lang.IllegalStateException: cart is empty
\tat com.example.shop.Cart.pay(Cart.java:7)
\tat com.example.shop.Main.onClick(Main.java:9)
"""
DROPBOX = """\
Process: com.example.shop:sync
PID: 22354
UID: 10123
Flags: 0x38a8be44
Package: com.example.shop v42 (1.2.3)
Foreground: Yes
Build: google/oriole/oriole:14/UP1A.231005.007/10754064:user/release-keys

"""
CRASHLYTICS = """\
# Crashlytics - Stack trace
# Application: com.example.shop
# Platform: android
# Version: 1.2.3 (42)
# Issue: 0123456789abcdef0123456789abcdef
# Date: Tue Mar 03 2026 10:00:00 GMT+0100 (Central European Standard Time)

Fatal Exception: """
GRAPHENE = """\
type: crash
package: com.example.shop:42, targetSdk 35
osVersion: google/husky/husky:16/BP2A.250805.005/2025100901:user/release-keys
uid: 10409 (u:r:untrusted_app_32:s0)
cmdline: com.example.shop
processUptime: 2s

"""


def read(text: str) -> CrashLog:
    (report,) = parse(text.encode())
    return report


def test_dropbox_tells_process_package_version_and_system():
    report = read(DROPBOX + TRACE)

    assert (report.process, report.process_id) == ("com.example.shop:sync", 22354)
    assert (report.app.identifier, report.app.version, report.app.build) == ("com.example.shop", "1.2.3", "42")
    assert (report.os.name, report.os.version, report.os.build) == ("Android", "14", "UP1A.231005.007")
    assert (report.device.model, report.device.manufacturer) == ("oriole", "google")


def test_crashlytics_tells_app_version_and_date():
    report = read(CRASHLYTICS + TRACE)

    assert (report.app.identifier, report.app.version, report.app.build) == ("com.example.shop", "1.2.3", "42")
    assert report.occurred_at == datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
    assert (report.os.name, report.faults[0].handled, len(report.faults[0].frames)) == ("Android", False, 2)


def test_grapheneos_tells_package_build_and_system():
    report = read(GRAPHENE + TRACE)

    assert (report.app.identifier, report.app.build, report.process) == ("com.example.shop", "42", "com.example.shop")
    assert (report.os.version, report.os.build, report.device.model) == ("16", "BP2A.250805.005", "husky")


@pytest.mark.parametrize("text", [DROPBOX + TRACE, CRASHLYTICS + TRACE, GRAPHENE + TRACE])
@pytest.mark.parametrize("end", ["\r\n", "\r", "\n\n"], ids=["CR LF", "CR", "doubled"])
def test_other_line_ends_change_nothing(text, end):
    assert parse(text.replace("\n", end).encode()) == parse(text.encode())


def test_other_lines_above_a_trace_tell_nothing():
    report = read("Model: of prices\nsome text\n" + TRACE)

    assert (report.device.model, report.app.identifier) == (None, None)


@pytest.mark.parametrize(
    "heading", ["main:", "Finalizer thread:", "OkHttp Dispatcher:", '"Signal Catcher" daemon', "Thread 12 (pool-1)"]
)
@pytest.mark.parametrize("gap", ["", "\n"])
def test_the_stack_of_another_thread_is_no_part_of_the_crash(heading, gap):
    report = read(
        CRASHLYTICS + TRACE + gap + heading + "\n\tat android.os.MessageQueue.nativePollOnce(MessageQueue.java)\n"
    )

    assert [each.function for each in report.faults[0].frames] == ["pay", "onClick"]


def test_a_cause_without_a_colon_is_a_cause():
    report = read(
        "Exception java.lang.IllegalStateException: cart is empty\n"
        "  at com.example.shop.Cart.pay (Cart.java:7)\n"
        "Caused by java.lang.RuntimeException: root\n"
        "  at com.example.shop.Db.read (Db.java:3)\n"
        "  at com.example.shop.Cart.pay (Cart.java:5)\n"
    )

    assert [(each.type, each.message, each.relation, len(each.frames)) for each in report.faults] == [
        ("java.lang.IllegalStateException", "cart is empty", None, 1),
        ("java.lang.RuntimeException", "root", "cause", 2),
    ]


def test_a_non_fatal_exception_of_crashlytics_is_handled():
    report = read((CRASHLYTICS + TRACE).replace("Fatal Exception", "Non-fatal Exception"))

    assert report.faults[0].handled is True


def test_an_exception_of_another_system_under_the_words_of_crashlytics_is_not_java_s():
    text = (
        CRASHLYTICS
        + "NSRangeException\n0  CoreFoundation  0xf6d0 __exceptionPreprocess\n1  Shop  0x5cf0 Cart.pay() + 26\n"
    )

    assert not java_trace.sniff(Document(text.encode()))


@pytest.mark.parametrize("size", range(1, 3))
def test_a_trace_cut_behind_a_line_keeps_what_stands_above(size):
    whole = read(DROPBOX + TRACE)

    report = read(DROPBOX + "".join(TRACE.splitlines(keepends=True)[: size + 1]))

    assert (report.app, report.os, report.device, report.process) == (whole.app, whole.os, whole.device, whole.process)
    assert report.faults[0].frames == whole.faults[0].frames[:size]

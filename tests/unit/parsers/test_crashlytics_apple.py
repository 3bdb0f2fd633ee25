"""Crashlytics' text of Apple crashes: exception, crashed thread, other threads, a block copied from the page."""

import pytest

from app.crashes.log import CrashLog
from app.parsers import PARSERS, parse
from app.parsers.document import Document
from app.samples import FOLDER

SAMPLE = (FOLDER / "crashlytics-apple" / "range-exception.txt").read_text()
COPIED = """Crashed: com.apple.main-thread
EXC_BAD_ACCESS KERN_INVALID_ADDRESS 0x0000000000000010
0  Tills                          0x100005cf0 Cart.pay() + 26 (Cart.swift:26)
1  UIKitCore                      0x1800020da8 -[UIApplication sendAction:] + 100
"""


def read(text: str) -> CrashLog:
    assert [name for name, parser in PARSERS.items() if parser.sniff(Document(text.encode()))] == ["crashlytics-apple"]
    [log] = parse(text.encode())
    return log


def test_an_exception_has_its_reason_and_own_stack_and_threads_stay_apart():
    log = read(SAMPLE)

    fault = log.faults[0]
    assert fault.type == "NSRangeException"
    assert (fault.message or "").endswith("index 3 beyond bounds [0 .. 1]")
    assert [(frame.function, frame.line, frame.address, frame.image_address) for frame in fault.frames][2:] == [
        ("Cart.pay()", 26, 0x5CF0, 0), ("-[UIApplication sendAction:to:from:forEvent:]", None, 0x20DA8, 0)]  # fmt: skip
    assert [(thread.name, thread.is_crashed, len(thread.frames)) for thread in log.threads] == [
        ("com.apple.main-thread", True, 2), ("com.apple.uikit.eventfetch-thread", False, 1)]  # fmt: skip


def test_the_header_tells_app_version_and_date():
    log = read(SAMPLE)

    assert (log.app.identifier, log.app.version, log.app.build) == ("com.example.tills", "1.2.3", "45")
    assert str(log.occurred_at) == "2026-03-03 10:00:00+00:00"


def test_a_block_copied_from_the_page_is_read_with_its_mach_exception():
    log = read(COPIED)

    assert (log.faults[0].type, log.faults[0].code) == ("EXC_BAD_ACCESS", "KERN_INVALID_ADDRESS at 0x0000000000000010")
    assert [(frame.function, frame.image_address, frame.offset) for frame in log.crash_frames] == [
        ("Cart.pay()", None, None), ("-[UIApplication sendAction:]", None, 100)]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        SAMPLE.replace("Platform: apple", "Platform: android").split("Fatal")[0]
        + "Fatal Exception: java.lang.Error: x\n       at com.example.Cart.pay(Cart.java:7)\n",
        "Crashed: nothing\n0 bottles of beer\n",
    ],
)
def test_androids_exports_and_other_texts_are_not_claimed(text):
    assert "crashlytics-apple" not in [
        name for name, parser in PARSERS.items() if parser.sniff(Document(text.encode()))
    ]

"""Apple's reports of hangs and of too much use, and panics of its kernels."""

import json

import pytest

from app.crashes.in_app import InApp
from app.crashes.kind import kind
from app.crashes.log import CrashLog
from app.crashes.title import title
from app.errors import MalformedLog
from app.parsers import parse, recognise
from app.parsers.apple_frames import Places
from app.parsers.document import Document
from app.samples import FOLDER

HANG = (FOLDER / "apple-spindump" / "Shop.hang").read_text()
PANIC = json.loads((FOLDER / "apple-panic" / "panic-full.ips.json").read_text())
HEADER = {"app_name": "Shop", "timestamp": "2026-03-04 12:00:49.00 +0100", "os_version": "iPhone OS 18.3 (22D60)"}


def one(text: str) -> CrashLog:
    [log] = parse(text.encode())
    return log


def used(event: str, more: str) -> str:
    return HANG.replace("Event:            hang\n", f"Event:            {event}\n{more}")


def test_a_hang_is_told_by_the_heaviest_stack_of_its_main_thread():
    log = one(HANG)

    assert (kind(log), log.details["duration"]) == ("anr", "7.23s")
    assert [frame.function for frame in log.threads[0].frames][:2] == [
        "semaphore_wait_trap",
        "-[PriceStore waitForPrices]",
    ]
    assert [thread.name for thread in log.threads] == [None, "prices"]
    assert not any((frame.image or "").startswith("kernel") for thread in log.threads for frame in thread.frames)


def test_a_hang_without_its_summary_is_told_by_the_tree_of_its_main_thread():
    begin, end = HANG.index("Heaviest stack"), HANG.index("Process:          Shop")

    assert title(one(HANG[:begin] + HANG[end:])) == "Hang in -[PriceStore waitForPrices]"


@pytest.mark.parametrize(
    ("event", "more", "told", "its_kind"),
    [
        ("cpu usage", "Action taken:     Process killed\nCPU:              48 seconds over 48 seconds\n",
         "CPU usage: 48 seconds over 48 seconds", "crash"),
        ("cpu usage", "Action taken:     none\n", "CPU usage", "non_fatal"),
        ("disk writes", "Writes:           1073.76 MB dirtied\n", "Disk writes: 1073.76 MB dirtied", "non_fatal"),
        ("hang (application was unresponsive)", "", "Hang", "anr"),
    ],
)  # fmt: skip
def test_an_event_is_what_it_is(event, more, told, its_kind):
    log = one(used(event, more))

    assert (title(log), kind(log)) == (f"{told} in -[PriceStore waitForPrices]", its_kind)


@pytest.mark.parametrize("bug_type", ["185", "188", "202", "206", "228", "288"])
def test_a_report_below_the_header_of_an_ips_file_is_read(bug_type):
    log = one(json.dumps({**HEADER, "bug_type": bug_type}) + "\n" + HANG)

    assert (log.format, title(log)) == ("apple-ips", "Hang in -[PriceStore waitForPrices]")


@pytest.mark.parametrize("length", [HANG.index("Heaviest stack"), HANG.index("  49  start")])
def test_a_report_that_is_cut_before_its_stack_is_refused(length):
    with pytest.raises(MalformedLog, match="before its stack"):
        parse(HANG[:length].encode())


@pytest.mark.parametrize(("key", "other"), [("panicString", "not yet set"), ("macOSPanicString", "SoC watchdog reset")])
def test_a_panic_is_the_kernels_and_no_frame_is_an_apps(key, other):
    body = {"panicString": other, "macOSPanicString": other, key: PANIC["panicString"]}
    text = json.dumps({**HEADER, "bug_type": "210"}) + "\n" + json.dumps({**PANIC, **body})

    log = one(text)

    assert title(log).startswith("Kernel panic: userspace watchdog timeout")
    assert (log.process, kind(log)) == ("watchdogd", "crash")
    assert not any(map(InApp(log), log.crash_frames))


def test_a_panic_in_a_pasted_body_without_its_header_is_recognised():
    assert recognise(Document(json.dumps(PANIC, indent=2).encode())).FORMAT == "apple-panic"
    assert (
        title(one(json.dumps({"panicString": "Unexpected watchdog reset"})))
        == "Kernel panic: Unexpected watchdog reset"
    )


def test_the_images_of_a_report_are_put_in_order_once_however_many_threads_it_has(monkeypatch):
    made = []
    initialise = Places.__init__
    monkeypatch.setattr(Places, "__init__", lambda self, images: made.append(len(images)) or initialise(self, images))

    log = one(HANG)

    assert (len(log.threads) > 1, len(made)) == (True, 1)


def test_the_heaviest_way_goes_to_the_first_call_of_the_most_samples_at_each_depth():
    way = [
        "  9  start",
        "    2  left",
        "      2  leaf",
        "    6  right",
        "      1  first",
        "        1  deep",
        "      3  second",
    ]
    way += ["      3  third", "    1  last"]
    calls = "\n".join(f"{line} (Shop + 16) [0x100000010]" for line in way)
    start = HANG.index("  Thread 0x")

    log = one(f"{HANG[:start]}  Thread 0x1\n{calls}\n\n{HANG[start:]}")

    assert [frame.function for frame in log.threads[0].frames] == ["second", "right", "start"]

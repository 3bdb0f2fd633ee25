"""Android tombstones as text: what is read, what is left unknown, and what is refused."""

import os
from pathlib import Path

import pytest

from app.crashes.fingerprint import fingerprint
from app.crashes.log import CrashLog
from app.errors import MalformedLog
from app.parsers import PARSERS, android_tombstone
from app.parsers.document import Document
from tests.processor_time import processor_time

SAMPLES = Path(__file__).parents[3] / "app" / "samples" / "android-tombstone"
CORPUS = Path(os.environ.get("CRASHQ_CORPUS", Path(__file__).parents[4] / "shared" / "corpus")) / "android-tombstone"
STARS = "*** " * 15 + "***\n"
HEAD = STARS + "pid: 7, tid: 9, name: a b  >>> com.example.app:remote <<<\n"


def read(raw: bytes) -> CrashLog:
    document = Document(raw)
    assert [name for name, parser in PARSERS.items() if parser.sniff(document)] == ["android-tombstone"]
    (report,) = android_tombstone.parse(document)
    return report


def native() -> bytes:
    return (SAMPLES / "native-android-14.txt").read_bytes()


def test_a_native_tombstone_gives_signal_abort_message_threads_and_build_ids():
    report = read(native())

    fault, crashed = report.faults[0], report.crashed_thread
    assert (fault.type, fault.code) == ("SIGABRT", "SI_QUEUE")
    assert fault.message == "cart.cpp:88: total must not be negative\ngot -3"
    assert [(each.index, each.name, each.is_crashed) for each in report.threads] == [
        (8160, "cart-worker", True),
        (8123, "example.shop", False),
    ]
    assert crashed.registers["pc"] == 0x7D8A1F2A48
    assert len(crashed.frames) == 7
    assert {image.name: image.debug_id for image in report.images}["libcart.so"].startswith("11b2c3d4")
    assert report.occurred_at.isoformat() == "2024-03-05T17:20:11.406372+00:00"
    assert (report.os.version, report.device.arch, report.app.identifier) == ("14", "arm64", "com.example.shop")


def test_a_stack_behind_an_abort_message_is_none_of_the_message():
    said = native().replace(
        b"got -3", b"    #0 0x2f69cb8d in cart::check() /b/check.cc:5\n    #1 0x2f69cb9d in cart::pay()"
    )

    report = read(said)

    assert report.faults[0].message == "cart.cpp:88: total must not be negative"
    assert "cart::check() /b/check.cc:5, #1" in " ".join(report.notes)


def test_a_function_keeps_its_brackets_and_loses_its_offset():
    frame = read(native()).crash_frames[1]

    assert frame.function == "cart::Cart::total(std::__1::vector<int> const&) const"
    assert (frame.image, frame.address, frame.image_address, frame.offset) == ("libcart.so", 0x12A1C, 0, 120)


def test_the_apps_own_code_is_told_from_the_systems_by_path_and_by_class():
    parts = fingerprint(read(native())).parts

    assert parts == (
        "type: abort",
        "frame: cart::Cart::total",
        "frame: Java_com_example_shop_Cart_total",
        "frame: com.example.shop.CartWorker.run",
    )


@pytest.mark.parametrize("change", [
    lambda raw: raw.replace(b"\n", b"\r\n"),
    lambda raw: b"\xef\xbb\xbf" + raw,
    lambda raw: raw.decode().encode("utf-16"),
    lambda raw: b"Build: acme/phone7\nHardware: phone7\n\n" + raw,
])  # fmt: skip
def test_line_ends_encodings_and_the_head_of_dropbox_do_not_matter(change):
    assert read(change(native())).faults == read(native()).faults
    assert read(change(native())).threads == read(native()).threads


def test_the_java_stack_of_xcrash_is_a_chain_of_exceptions():
    report = read((SAMPLES / "xcrash-java.txt").read_bytes())

    assert [fault.type for fault in report.faults] == ["java.lang.RuntimeException", "java.lang.IllegalStateException"]
    assert (report.platform, report.app.version, report.device.model) == ("java", "4.2.0", "Phone 7")
    assert report.started_at is not None


@pytest.mark.parametrize(
    ("line", "type_", "code"),
    [
        ("signal 11 (SIGSEGV), code 1 (SEGV_MAPERR), fault addr 0x0", "SIGSEGV", "SEGV_MAPERR at 0x0"),
        ("signal 11 (SIGSEGV), fault addr deadbaad", "SIGSEGV", "at 0xdeadbaad"),
        ("signal 6 (SIGABRT), code -6 (SI_TKILL), fault addr --------", "SIGABRT", "SI_TKILL"),
        ("signal 31 (SIGSYS), code 0 (SI_USER from pid 9, uid 2), fault addr --------", "SIGSYS", "SI_USER"),
    ],
)
def test_signal_lines_of_old_and_new_android_are_read(line, type_, code):
    fault = read((HEAD + line + "\n").encode()).faults[0]

    assert (fault.type, fault.code) == (type_, code)


def test_a_32_bit_frame_without_image_stays_without_function():
    report = read((HEAD + "signal 11 (SIGSEGV), code 1\n\nbacktrace:\n    #00  pc 0001234a  <unknown>\n").encode())

    (frame,) = report.crash_frames
    assert (frame.function, frame.address, frame.image) == (None, 0x1234A, "<unknown>")
    assert report.app.identifier == "com.example.app"


def test_a_tombstone_cut_before_its_signal_is_refused_with_that_reason():
    with pytest.raises(MalformedLog, match="cut short before its signal"):
        android_tombstone.parse(Document(HEAD.encode()))


def test_two_tombstones_in_one_file_are_two_reports():
    assert len(android_tombstone.parse(Document(native() + b"\n" + native()))) == 2


@pytest.mark.parametrize(
    "filler",
    ["pid: 1 >>>" + " >>>" * 500_000,
     "backtrace:\n    #00 pc 1" + " " * 2_000_000, ("    #0 0x1 in f" + " (" * 4_000 + "\n") * 250,
     ("    #0 0x1" + " " * 8_000 + "\n") * 250, "Abort message: '" + "x\n" * 1_000_000, "build id:\n  /a" + " (" * 1_000_000],
    ids=["process", "blanks", "brackets", "lines of blanks", "abort message", "build id"],
)  # fmt: skip
def test_two_megabytes_made_to_be_slow_are_read_in_seconds(filler):
    with processor_time() as taken:
        android_tombstone.parse(Document((HEAD + "signal 11 (SIGSEGV)\n" + filler).encode()))

        assert taken() < 5


@pytest.mark.skipif(not CORPUS.is_dir(), reason="there is no corpus beside this checkout; CRASHQ_CORPUS names one")
@pytest.mark.parametrize(
    ("name", "type_", "threads", "frames", "date"),
    [
        ("tombstone_java.txt", "java.lang.IllegalStateException", 25, 12, "2019-10-11T19:23:25.533000+00:00"),
        ("tombstone_native_arm64-v8a.txt", "SIGSEGV", 39, 75, "2019-10-11T19:18:21.127000+00:00"),
        ("tombstone_native_armeabi-v7a.txt", "SIGSEGV", 31, 86, "2019-10-11T19:29:06.841000+00:00"),
    ],
)
def test_real_tombstones_are_read_whole(name, type_, threads, frames, date):
    report = read((CORPUS / name).read_bytes())

    assert (report.faults[0].type, len(report.threads), len(report.crash_frames)) == (type_, threads, frames)
    assert report.occurred_at.isoformat() == date


def test_of_several_causes_below_the_backtrace_the_likeliest_is_told():
    report = read(
        (
            HEAD
            + "signal 11 (SIGSEGV), code 9 (SEGV_MTESERR), fault addr 0x0800007ae92853a0\n"
            + "\n2 total frames\nbacktrace:\n      #00 pc 0000000000020c60  /data/app/base.apk!libshop.so (total+12)\n"
            + "\nNote: multiple potential causes for this crash were detected, listing them in decreasing order of likelihood.\n"
            + "\nCause: [MTE]: Use After Free, 0 bytes into a 32-byte allocation at 0x7ae92853a0\n"
            + "\ndeallocated by thread 9:\n      #00 pc 000000000004e6d0  /system/lib64/libc.so (free+108)\n"
            + "\nCause: [MTE]: Buffer Underflow, 96 bytes left of a 100-byte allocation at 0x7ae9285400\n"
        ).encode()
    )

    assert report.faults[0].message == "[MTE]: Use After Free, 0 bytes into a 32-byte allocation at 0x7ae92853a0"
    assert [frame.function for frame in report.crash_frames] == ["total"]


def test_a_guest_of_another_architecture_adds_nothing_to_the_thread():
    report = read(
        (
            HEAD
            + "signal 4 (SIGILL), code 2 (ILL_ILLOPN), fault addr 0x10\n    rip 000075ab1c2d3e4f\n"
            + "\nbacktrace:\n      #00 pc 0000000000013e4f  libhost.so (host+1)\n"
            + "--- " * 15
            + "---\nGuest thread information for tid: 9\n    lr  0000007bb8e4a0a8  pc  0000007bb8e4a0d0\n"
            + "\n1 total frames\nbacktrace:\n      #00 pc 0000000000022222  libguest.so (guest+2)\n"
            + "--- " * 15
            + "---\npid: 7, tid: 7, name: main  >>> com.example.app <<<\n"
            + "\nbacktrace:\n      #00 pc 0000000000033333  libhost.so (other+3)\n"
        ).encode()
    )

    crashed, other = report.threads
    assert crashed.registers == {"rip": 0x75AB1C2D3E4F}
    assert [frame.function for frame in crashed.frames] == ["host"]
    assert [frame.function for frame in other.frames] == ["other"]

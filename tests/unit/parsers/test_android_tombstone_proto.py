"""Android tombstones as protobuf: told like the text form, with addresses; and what is no tombstone."""

import gzip
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from app.crashes.fingerprint import fingerprint
from app.crashes.log import CrashLog, Frame
from app.crashes.title import title
from app.errors import MalformedLog
from app.parsers import PARSERS, android_tombstone, android_tombstone_proto, parse
from app.parsers.document import Document
from tests.processor_time import processor_time
from tests.tombstone_proto import SAMPLE, SAMPLES, field, tombstone

CORPUS = Path(os.environ.get("CRASHQ_CORPUS") or Path(__file__).parents[4] / "shared" / "corpus") / "android-tombstone"


def claims(raw: bytes) -> list[str]:
    return [name for name, parser in PARSERS.items() if parser.sniff(Document(raw))]


def read(raw: bytes) -> CrashLog:
    assert claims(raw) == ["android-tombstone-proto"]
    (report,) = android_tombstone_proto.parse(Document(raw))
    return report


def as_text_tells(frame: Frame) -> Frame:
    """The frame with its address from the start of its image."""
    if frame.address is None or frame.image_address is None:
        return frame
    return replace(frame, address=frame.address - frame.image_address, image_address=0)


def test_the_sample_is_what_the_code_beside_it_makes():
    assert SAMPLE.read_bytes() == tombstone()


def test_the_same_facts_give_the_same_report_as_in_the_text_form():
    (text,) = android_tombstone.parse(Document((SAMPLES / "android-tombstone" / "native-android-14.txt").read_bytes()))

    report = read(tombstone())

    plain = [replace(each, frames=tuple(as_text_tells(frame) for frame in each.frames)) for each in report.threads]
    assert plain == list(text.threads)
    of_text = replace(report, format=text.format, threads=(), images=(), breadcrumbs=())
    assert of_text == replace(text, threads=(), images=())
    assert (fingerprint(report), title(report)) == (fingerprint(text), title(text))
    ids = {image.path: image.debug_id for image in report.images}
    assert {image.path: image.debug_id for image in text.images} == ids


def test_frames_and_images_have_their_run_time_addresses():
    report = read(tombstone())

    frame = report.crash_frames[1]
    assert (frame.address, frame.image_address, frame.image) == (0x7A20012A1C, 0x7A20000000, "libcart.so")
    assert [(image.name, image.address, image.size) for image in report.images][:3] == [
        ("libc.so", 0x7D8A19F000, 0xB0000),
        ("libcart.so", 0x7A20000000, 0x20000),
        ("base.odex", 0x7A30000000, 0x8000),
    ]


@pytest.mark.parametrize(("arch", "address"), [(1, "0x0000000000000010"), (0, "0x00000010")])
def test_a_fault_address_is_as_long_as_the_architecture_has_it(arch, address):
    signal = field(1, 11) + field(2, "SIGSEGV") + field(3, 1) + field(4, "SEGV_MAPERR") + field(8, 1) + field(9, 16)

    report = read(tombstone(arch=arch, signal=signal, abort=""))

    fault = report.faults[0]
    assert (fault.type, fault.code, fault.message) == ("SIGSEGV", f"SEGV_MAPERR at {address}", None)
    assert report.device.arch == ("arm64" if arch else "arm")


def test_a_tombstone_cut_inside_its_threads_tells_its_crash_and_that_it_is_not_whole():
    raw = tombstone()

    report = read(raw[: raw.index(b"cart-worker") - 10])

    assert report.faults[0].type == "SIGABRT"
    assert [(each.index, each.is_crashed, bool(each.frames)) for each in report.threads] == [
        (8160, True, False),
        (8123, False, True),
    ]
    assert report.notes[-2:] == (
        "The log holds no backtrace of the crashed thread",
        "The tombstone is not whole: it is cut short",
    )


def test_a_tombstone_cut_before_its_signal_is_refused():
    raw = tombstone()
    raw = raw[: raw.index(b"com.example.shop")] + b"\xff"

    with pytest.raises(MalformedLog, match="nothing says what crashed"):
        read(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"\x08\x01\xff",
        field(1, 1) + field(4, "2024-03-05 18:20:11") + b"\xff",  # no process
        field(1, 1) + field(4, "some other text") + field(5, 1) + field(6, 1) + b"\xff",
        field(4, "2024-03-05 18:20:11") + field(5, "1") + field(6, "1") + b"\xff",
        field(5, 1) + field(6, 1) + field(4, "2024-03-05 18:20:11") + b"\xff",  # not in the order debuggerd writes
        b"PMDM" + bytes(64),
        b"\x7fELF" + bytes(64),
    ],
)
def test_other_binary_data_is_not_claimed(raw):
    assert claims(raw) == []


def test_a_packed_tombstone_is_read_as_one_that_is_not():
    [packed], [plain] = parse(gzip.compress(tombstone())), parse(tombstone())

    assert (packed.format, packed.faults, packed.threads) == (plain.format, plain.faults, plain.threads)


@pytest.mark.parametrize(
    "filler",
    [b"\x50\x01" * 1_000_000, field(16, field(2, b"\x22\x00" * 1_000_000)), b"\x8a\x01\x00" * 700_000,
     field(16, field(2, field(3, b"\x0a\x00") * 500_000))],
    ids=["fields", "frames", "mappings", "registers"],
)  # fmt: skip
def test_megabytes_made_to_be_slow_are_read_in_seconds(filler):
    with processor_time() as taken:
        read(tombstone() + filler)

        assert taken() < 10


@pytest.mark.skipif(not CORPUS.is_dir(), reason="there is no corpus beside this checkout; CRASHQ_CORPUS names one")
def test_a_real_tombstone_is_read_whole_with_the_images_that_are_expected_of_it():
    raw = gzip.decompress((CORPUS / "tombstone.pb.gz").read_bytes())
    expected = json.loads(gzip.decompress((CORPUS / "tombstone_debug_meta.json.gz").read_bytes()))["images"]

    report = read(raw)

    fault, crashed = report.faults[0], report.crashed_thread
    assert crashed is not None
    assert (fault.type, fault.code, fault.message) == (
        "SIGSEGV", "SEGV_MAPERR at 0x0000000000000000", "null pointer dereference",
    )  # fmt: skip
    assert (report.process, report.process_id, crashed.index) == ("io.sentry.samples.android", 21891, 21891)
    assert report.occurred_at is not None
    assert report.occurred_at.isoformat() == "2025-11-24T15:26:18.007439+00:00"
    assert (len(report.threads), report.os.version, report.device.arch) == (62, "16", "arm64")
    assert not any("not whole" in note for note in report.notes)
    made = {
        (hex(image.address or 0), image.size, image.debug_id, image.path) for image in report.images if image.debug_id
    }
    assert {(each["image_addr"], each["image_size"], each["code_id"], each["code_file"]) for each in expected} == made

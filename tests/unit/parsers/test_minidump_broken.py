"""Minidumps that are cut short or rubbish: refused with a reason, or read as far as they can be."""

import struct
from contextlib import suppress

import pytest

from app.errors import MalformedLog
from app.parsers import minidump
from app.parsers import minidump_stack as stack
from app.parsers.document import Document
from app.parsers.minidump_reader import TEXT_BUDGET, TEXT_COST
from tests.minidumps import dump, linux_spec, streams_of


def test_a_dump_cut_anywhere_is_refused_with_a_reason():
    raw = dump(linux_spec())

    for end in range(4, len(raw), 7):
        with pytest.raises(MalformedLog, match="minidump is cut short"):
            minidump.parse_dump(raw[:end])


def test_a_stack_beyond_the_end_leaves_the_registers_frame_and_a_note():
    spec = linux_spec()
    raw = dump(spec)
    lost = raw.replace(
        struct.pack("<QII", spec.threads[1].stack_at, 72, _stack_place(raw)), struct.pack("<QII", 0, 1, 2**31)
    )
    lost = lost.replace(struct.pack("<II", 72, _stack_place(raw)), struct.pack("<II", 72, 2**31))

    log = minidump.parse_dump(lost)

    assert lost != raw
    assert [frame.note for frame in log.crash_frames] == [stack.BY_REGISTERS]
    assert "not in the minidump" in log.notes[0]


REFUSED = {
    "in its header": b"MDMP" + bytes(8),
    "unknown version": b"MDMP" + bytes(40),
    "more than 10000 streams": struct.pack("<4sIIIIIQ", b"MDMP", 0xA793, 2**32 - 1, 32, 0, 0, 0),
    "end of its directory": struct.pack("<4sIIIIIQ", b"MDMP", 0xA793, 5, 2**32 - 1, 0, 0, 0),
    "no exception and no thread": struct.pack("<4sIIIIIQIII", b"MDMP", 0xA793, 1, 32, 0, 0, 0, 7, 0, 44),
    "too small": struct.pack("<4sIIIIIQIII", b"MDMP", 0xA793, 1, 32, 0, 0, 0, 6, 8, 32),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_cannot_be_read_is_refused_with_its_reason(reason):
    document = Document(REFUSED[reason])

    assert minidump.sniff(document)
    with pytest.raises(MalformedLog, match=reason):
        minidump.parse(document)


def test_texts_that_are_named_again_and_again_are_read_within_the_budget():
    raw = bytearray(dump(linux_spec()))
    place = next(at for kind, at in streams_of(raw) if kind == 0x43500001)
    text = len(raw)
    raw += struct.pack("<I", 1) + b"x" + bytes(3)
    listed = len(raw)
    raw += struct.pack("<I", 1_000) + struct.pack("<I", text) * 1_000
    module = len(raw)
    raw += struct.pack("<IIIIIII", 1, 4_004, listed, 0, 0, 0, 0)
    modules = len(raw)
    raw += struct.pack("<I", 1_000) + b"".join(struct.pack("<III", index, 28, module) for index in range(1_000))
    struct.pack_into("<II", raw, place + 44, len(raw) - modules, modules)

    log = minidump.parse_dump(bytes(raw))

    added = log.custom["annotations of images"]
    assert 10_000 < sum(len(image["list"]) for image in added.values()) <= TEXT_BUDGET / TEXT_COST


def test_every_number_of_a_dump_may_be_the_largest():
    raw = dump(linux_spec())

    for at in range(4, len(raw) - 4, 4):
        with suppress(MalformedLog):
            [log] = minidump.parse(Document(raw[:at] + b"\xff\xff\xff\xff" + raw[at + 4 :]))
            assert len(log.crash_frames) <= 1_000


def _stack_place(raw: bytes) -> int:
    place = next(at for kind, at in streams_of(raw) if kind == 5)
    found: int = struct.unpack_from("<QII", raw, place + 4)[2]
    return found

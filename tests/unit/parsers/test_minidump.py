"""Minidumps: processors, stacks, exceptions, ids and annotations."""

import struct
from dataclasses import replace

import pytest

from app.crashes.log import CrashLog, Frame
from app.ingest.senders import log_of_minidump
from app.parsers import minidump, parse
from app.parsers import minidump_stack as stack
from app.parsers.document import Document
from app.samples import FOLDER
from tests.minidumps import (
    ANDROID,
    ARM,
    ARM64,
    GUID,
    MACOS,
    SAMPLES,
    WINDOWS,
    X86,
    X86_64,
    DumpThread,
    Module,
    Spec,
    context,
    dump,
    elf,
    linux_spec,
    pdb70,
    streams_of,
    windows_spec,
)

BASE, STACK = 0x7000_0000, 0x1000_0000


def read(spec: Spec) -> CrashLog:
    [log] = minidump.parse(Document(dump(spec)))
    return log


def frames(log: CrashLog) -> list[tuple[int | None, str | None]]:
    return [(frame.address, frame.note) for frame in log.crash_frames]


def one_thread(cpu: int, registers: dict[str, int], words: tuple[int, ...], **more: object) -> Spec:
    width = 4 if cpu in (X86, ARM) else 8
    return replace(
        Spec(
            cpu=cpu,
            width=width,
            modules=[Module(BASE, 0x10000, "/opt/app/app")],
            threads=[DumpThread(1, context(cpu, **registers), STACK, words)],
            exception=(1, 11, 1, 0, ()),
        ),
        **more,
    )


@pytest.mark.parametrize("name", SAMPLES)
def test_the_samples_are_what_the_writer_makes(name):
    assert (FOLDER / "minidump" / name).read_bytes() == dump(SAMPLES[name]())


def test_an_arm64_stack_is_read_by_link_register_and_frame_records_without_signatures():
    signed = 0x00AB_0000_0000_0000
    words = (STACK + 16, signed | (BASE + 0x2000), 0, signed | (BASE + 0x3000))
    registers = {"pc": BASE + 0x1000, "sp": STACK, "fp": STACK, "lr": signed | (BASE + 0x2000)}

    log = read(one_thread(ARM64, registers, words, platform=ANDROID))

    assert frames(log) == [
        (BASE + 0x1000, stack.BY_REGISTERS),
        (BASE + 0x2000, stack.BY_LINK),
        (BASE + 0x3000, stack.BY_POINTER),
    ]
    assert (log.os.name, log.device.arch) == ("Android", "arm64")


@pytest.mark.parametrize(("platform", "fp"), [(ANDROID, "r11"), (MACOS, "r7")])
def test_an_arm_stack_is_read_by_its_systems_frame_pointer_without_the_mark_of_thumb(platform, fp):
    words = (0, BASE + 0x2001)
    registers = {"pc": BASE + 0x1000, "sp": STACK, fp: STACK, "lr": BASE + 0x4001}

    log = read(one_thread(ARM, registers, words, platform=platform))

    assert [address for address, _ in frames(log)] == [BASE + 0x1000, BASE + 0x4000, BASE + 0x2000]


def test_without_frame_pointers_the_stack_is_searched_and_every_frame_says_so():
    words = (1, 2, BASE + 0x2000, 3, BASE, BASE + 0x3000)

    log = read(one_thread(X86_64, {"rip": BASE + 0x1000, "rsp": STACK, "rbp": 5}, words))

    assert frames(log)[1:] == [(BASE + 0x2000, stack.BY_SEARCH), (BASE + 0x3000, stack.BY_SEARCH)]


def test_a_call_to_nowhere_keeps_the_function_that_called():
    words = (BASE + 0x2000, 0, BASE + 0x3000)

    log = read(one_thread(X86_64, {"rip": 0, "rsp": STACK, "rbp": STACK + 8}, words))

    assert [address for address, _ in frames(log)] == [0, BASE + 0x2000, BASE + 0x3000]
    assert log.crash_frames[0] == Frame(address=0, note=stack.BY_REGISTERS)


def test_a_stack_that_only_the_list_of_memory_holds_is_read():
    spec = replace(linux_spec(), stacks_in_list=True)

    assert frames(read(spec)) == frames(read(linux_spec()))
    assert len(frames(read(spec))) == 4


def test_frame_pointers_that_lead_in_a_circle_end():
    words = (STACK, BASE + 0x2000, STACK, BASE + 0x3000)

    log = read(one_thread(X86_64, {"rip": BASE + 0x1000, "rsp": STACK, "rbp": STACK}, words))

    assert [address for address, _ in frames(log)] == [BASE + 0x1000, BASE + 0x2000, BASE + 0x3000]


def test_a_runaway_recursion_keeps_the_ends_of_its_stack():
    words = [part for depth in range(3_000) for part in (STACK + 16 * (depth + 1), BASE + 0x1000 + depth)]

    log = read(one_thread(X86_64, {"rip": BASE + 0x1000, "rsp": STACK, "rbp": STACK}, tuple(words)))

    assert len(log.crash_frames) == 1_000
    assert log.crash_frames[-1].address == BASE + 0x1000 + 2_999


def test_many_threads_on_one_stack_are_read_within_the_budget():
    words = tuple(part for depth in range(5_000) for part in (STACK + 16 * (depth + 1), BASE + 0x1000))
    spec = one_thread(X86_64, {}, words)
    registers = context(X86_64, rip=BASE + 0x1000, rsp=STACK, rbp=STACK)
    raw = bytearray(dump(replace(spec, threads=[DumpThread(1, registers, STACK, words)])))
    place = next(at for kind, at in streams_of(raw) if kind == 3)
    entry = bytes(raw[place + 4 : place + 52])
    listed = struct.pack("<I", 1_000) + entry * 1_000
    directory = struct.unpack_from("<I", raw, 12)[0]
    struct.pack_into(
        "<III", raw, directory + 12 * [kind for kind, _ in streams_of(raw)].index(3), 3, len(listed), len(raw)
    )

    log = minidump.parse_dump(bytes(raw + listed))

    assert len(log.threads) == 1_000
    assert sum(len(thread.frames) for thread in log.threads) < stack.BUDGET
    assert len(log.crash_frames) == 1_000


def test_images_have_the_ids_that_symbols_are_found_by():
    modules = [
        Module(BASE, 4096, "C:\\a\\b.exe", pdb70(age=0x1C)),
        Module(BASE + 4096, 4096, "/lib/long.so", elf(bytes(range(20)))),
        Module(BASE + 8192, 4096, "/lib/uuid.so", elf(GUID.bytes_le)),
        Module(BASE + 12288, 4096, "/lib/none.so", elf(bytes(20))),
        Module(BASE + 16384, 4096, "/lib/old.dll", b"NB10" + struct.pack("<III", 0, 0x45D3_5F6C, 2) + b"o.pdb\0"),
    ]

    images = read(replace(linux_spec(), modules=modules)).images

    assert [image.debug_id for image in images] == [
        GUID.hex.upper() + "1c", bytes(range(20)).hex(), GUID.hex.upper() + "0", None, "45D35F6C2",
    ]  # fmt: skip
    assert [image.name for image in images[:2]] == ["b.exe", "long.so"]


FAULTS = {  # system, code, flags, address, info -> type, signal, code
    (WINDOWS, 0xC0000005, 0, 1, (8, 0x45)): ("EXCEPTION_ACCESS_VIOLATION", None, "execute at 0x45"),
    (WINDOWS, 0xE06D7363, 1, 2, ()): ("C++ exception", None, "0xe06d7363 at 0x2"),
    (WINDOWS, 0x12345678, 0, 2, ()): ("Exception 0x12345678", None, "0x12345678 at 0x2"),
    (ANDROID, 7, 2, 0x99, ()): ("SIGBUS", "SIGBUS", "BUS_ADRERR at 0x99"),
    (ANDROID, 6, 2**32 - 6, 0x99, ()): ("SIGABRT", "SIGABRT", "SI_TKILL"),
    (ANDROID, 11, 0, 0x99, ()): ("SIGSEGV", "SIGSEGV", "at 0x99"),
    (ANDROID, 6, 0, 0, ()): ("SIGABRT", "SIGABRT", None),
    (MACOS, 1, 1, 8, ()): ("EXC_BAD_ACCESS", None, "KERN_INVALID_ADDRESS at 0x8"),
    (MACOS, 10, 0x06000000, 8, ()): ("EXC_CRASH", "SIGABRT", "code 0x6000000"),
    (MACOS, 0, 0, 8, (10, 0x06000000)): ("EXC_CRASH", "SIGABRT", "code 0x6000000"),
    (MACOS, 0x43507378, 0, 8, ()): ("Dump requested", None, None),
}


@pytest.mark.parametrize("told", FAULTS, ids=lambda told: f"{told[0]:#x}-{told[1]:#x}-{told[2]:#x}")
def test_an_exception_is_named_as_its_system_names_it(told):
    platform, code, flags, address, info = told

    [fault] = read(replace(linux_spec(), platform=platform, exception=(4711, code, flags, address, info))).faults

    assert (fault.type, fault.signal, fault.code) == FAULTS[told]


def test_an_address_of_a_32_bit_program_is_not_extended_by_its_sign():
    assert read(windows_spec()).faults[0].code == "write at 0x45"


def test_what_crashpad_and_the_form_add_is_told_and_names_app_and_installation():
    [log] = parse(
        log_of_minidump(dump(replace(linux_spec(), streams={})), {"ver": "2.5.0", "email": "a@example.com"})[1]
    )

    assert (log.app.name, log.app.version) == ("Shop", "2.5.0")
    assert log.custom == {"prod": "Shop", "ver": "2.5.0", "channel": "beta", "email": "a@example.com"}
    assert log.report_id == log.device.install_id == str(GUID)


def test_annotations_of_an_image_are_told_under_its_name():
    """One module with a list, a dictionary and objects, put together by hand at the end of a dump."""
    raw = bytearray(dump(replace(linux_spec(), crashpad={})))
    place = next(at for kind, at in streams_of(raw) if kind == 0x43500001)

    def put(piece: bytes) -> tuple[int, int]:
        raw.extend(bytes(-len(raw) % 8) + piece)
        return len(piece), len(raw) - len(piece)

    def text(value: bytes) -> int:
        return put(struct.pack("<I", len(value)) + value)[1]

    listed = put(struct.pack("<II", 1, text(b"abort() called")))
    pairs = put(struct.pack("<III", 1, text(b"build"), text(b"77")))
    objects = put(struct.pack("<I", 2) + struct.pack("<IHHI", text(b"url"), 1, 0, text(b"x://y")) + bytes(12))
    module = put(struct.pack("<IIIIIII", 1, *listed, *pairs, *objects))
    modules = put(struct.pack("<I", 1) + struct.pack("<III", 0, *module))
    struct.pack_into("<II", raw, place + 44, *modules)

    log = minidump.parse_dump(bytes(raw))

    assert log.custom["annotations of images"] == {"shopd": {"build": "77", "url": "x://y", "list": ["abort() called"]}}


def test_a_dump_without_exception_is_one_made_on_request():
    log = read(replace(linux_spec(), exception=None, streams={0x47670001: struct.pack("<III", 3, 4712, 4711)}))

    assert (log.faults, log.level) == ((), None)
    assert log.crashed_thread is not None
    assert log.crashed_thread.index == 4711
    assert "on request" in log.notes[0]


def test_an_assertion_that_failed_is_the_message():
    texts = "".join(text.ljust(128, "\0") for text in ("total >= 0", "pay", "till.cc")).encode("utf-16-le")

    log = read(replace(linux_spec(), streams={0x47670002: texts + bytes(8)}))

    assert log.faults[0].message == "total >= 0 in pay"


def test_a_processor_that_is_not_read_leaves_threads_and_images():
    log = read(replace(linux_spec(), cpu=1))

    assert [len(thread.frames) for thread in log.threads] == [0, 0]
    assert log.notes == ("The registers of this processor are not read",)
    assert len(log.images) == 2


def test_return_addresses_lie_in_memory_that_windows_lists_as_executable():
    regions = [
        (BASE + 0x1000, 0x1000, 0x1000, 0x20),
        (BASE + 0x2000, 0x1000, 0x1000, 0x04),
        (BASE, 0x9000, 0x2000, 0x20),
    ]
    listed = struct.pack("<IIQ", 16, 48, len(regions)) + b"".join(
        struct.pack("<QQIIQIIII", start, start, 0x80, 0, size, state, protection, 0, 0)
        for start, size, state, protection in regions
    )

    log = read(
        one_thread(
            X86_64,
            {"rip": BASE + 0x1100, "rsp": STACK, "rbp": STACK},
            (STACK + 16, BASE + 0x2100, BASE + 0x1200),
            platform=WINDOWS,
            streams={16: listed},
        )
    )

    assert frames(log) == [(BASE + 0x1100, stack.BY_REGISTERS), (BASE + 0x1200, stack.BY_SEARCH)]

"""Stacks of minidumps, walked by the call frame information of the images."""

import os
import sysconfig
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from app.crashes.log import CrashLog
from app.parsers import minidump
from app.parsers.document import Document
from app.parsers.minidump_stack import BY_POINTER, BY_REGISTERS, BY_RULES, BY_SEARCH
from app.symbols import NotSymbols
from app.symbols.objects import NativeNames, make_caches
from app.symbols.resolving import resolve
from app.symbols.unwind_table import UnwindTable, make_table, unwind_ids, unwound
from tests.crashing_program import crash_of_program
from tests.minidumps import ARM, ARM64, WINDOWS, X86, X86_64, DumpThread, Module, Spec, context, dump, elf, pdb70

CORPUS = Path(os.environ.get("CRASHQ_CORPUS") or Path(__file__).parents[4] / "shared" / "corpus")
LAUNCHER = Path(
    sysconfig.get_path("purelib"), "pip", "_vendor", "distlib", "w64.exe"
)  # x86-64, with a debug id and .pdata, without symbols
BASE, STACK = 0x10_0000, 0x80_0000
READ_FROM = 0x1000  # where the code of the image begins

Table = Callable[..., UnwindTable]


@pytest.fixture
def table(tmp_path: Path) -> Table:
    def made(*records: str) -> UnwindTable:
        assert make_table([f"STACK {one}\n".encode() for one in records], tmp_path / "table")
        return UnwindTable(tmp_path / "table")

    return made


def crash(cpu: int, registers: dict[str, int], *words: int) -> CrashLog:
    is_wide = cpu in (X86_64, ARM64)
    spec = Spec(
        cpu=cpu,
        platform=WINDOWS if cpu == X86 else 0x8201,
        width=8 if is_wide else 4,
        modules=[Module(BASE, 0x8000, "shop", pdb70() if cpu == X86 else elf(bytes(range(1, 21))))],
        threads=[DumpThread(1, context(cpu, **registers), STACK, words)],
        exception=(1, 11, 1, 0, ()),
    )
    [log] = minidump.parse(Document(dump(spec)))
    return log


def walked(log: CrashLog, table: UnwindTable) -> list[tuple[int, str]]:
    frames = unwound(log, lambda _id: table).crash_frames
    return [((frame.address or 0) - BASE, frame.note or "") for frame in frames]


def test_rules_tell_the_callers_of_x86_64(table):
    rules = table(
        "CFI INIT 1000 100 .cfa: $rsp 8 + .ra: .cfa -8 + ^",
        "CFI 1010 .cfa: $rsp 32 + $rbp: .cfa -16 + ^",
        "CFI INIT 1100 100 .cfa: $rbp 16 + .ra: .cfa -8 + ^ $rbp: .cfa -16 + ^",
        "CFI INIT 1200 100 .cfa: $rsp 8 + .ra: .undef",
    )
    words = (
        1, BASE + 0x1050, STACK + 0x28, BASE + 0x1150,  # the frame of 1020: 32 bytes, the caller's rbp in the third word
        BASE + 0x1060, 0x1234, BASE + 0x1250,  # rbp; the caller of 1150
        BASE + 0x1070,  # of an earlier call
    )  # fmt: skip

    log = crash(X86_64, {"rip": BASE + 0x1020, "rsp": STACK, "rbp": 7}, *words)

    assert walked(log, rules) == [(0x1020, BY_REGISTERS), (0x1150, BY_RULES), (0x1250, BY_RULES)]
    assert BY_SEARCH in [frame.note for frame in log.crash_frames]


@pytest.mark.parametrize(
    ("cpu", "width", "names"),
    [(ARM64, 8, ("sp", "x29", "x30")), (ARM64, 8, (".sp", ".x29", ".x30")), (ARM, 4, ("sp", "r11", "lr"))],
)
def test_rules_tell_the_callers_of_arm_by_the_link_register_first(table, cpu, width, names):
    sp, fp, lr = names
    rules = table(
        f"CFI INIT 1000 100 .cfa: {sp} 0 + .ra: {lr}",
        f"CFI INIT 1100 100 .cfa: {sp} {4 * width} + .ra: .cfa -{width} + ^ {fp}: .cfa -{2 * width} + ^",
        f"CFI INIT 1200 100 .cfa: {fp} {2 * width} + .ra: .cfa -{width} + ^",
    )
    words = (5, BASE + 0x1040, STACK + 4 * width, BASE + 0x1250, 0, BASE + 0x1160, 0, 0)

    log = crash(cpu, {"pc": BASE + 0x1020, "sp": STACK, "lr": BASE + 0x1150}, *words)

    assert walked(log, rules)[:4] == [
        (0x1020, BY_REGISTERS),
        (0x1150, BY_RULES),
        (0x1250, BY_RULES),
        (0x1160, BY_RULES),
    ]


def test_programs_and_sizes_of_a_pdb_tell_the_callers_of_x86(table):
    rules = table(
        "WIN 4 1000 100 0 0 8 0 0 0 1 $T0 $ebp = $eip $T0 4 + ^ = $ebp $T0 ^ = $esp $T0 8 + =",
        "WIN 0 1000 100 0 0 8 0 0 0 0 0",
        "WIN 0 1100 100 0 0 0 0 8 0 0 0",
        "WIN 4 1200 100 0 0 4 4 4 0 1 $T0 .raSearch = $eip $T0 ^ = $esp $T0 4 + = $ebx $T0 4 - ^ =",
    )
    words = (
        9, STACK + 0x40, BASE + 0x1150,  # ebp of 1020 points at the second: saved ebp, return address
        BASE + 0x1050, BASE + 0x1060,  # 8 bytes of parameters of 1020
        0, 0, BASE + 0x1250,  # 8 bytes of locals of 1150, then its caller
        1, 2, BASE + 0x1160,  # 8 bytes of 1250: a saved register, a local; its caller
    )  # fmt: skip

    log = crash(X86, {"eip": BASE + 0x1020, "esp": STACK, "ebp": STACK + 4}, *words)

    assert walked(log, rules)[:4] == [
        (0x1020, BY_REGISTERS),
        (0x1150, BY_RULES),
        (0x1250, BY_RULES),
        (0x1160, BY_RULES),
    ]


def test_what_lies_in_no_function_is_no_return_address(table):
    rules = table("CFI INIT 1000 100 .cfa: $rsp 8 +")  # nothing of the return address
    data, code = BASE + 0x4000, BASE + 0x1080

    log = crash(X86_64, {"rip": BASE + 0x1020, "rsp": STACK, "rbp": STACK + 8}, 0, STACK + 0x100, data, 0, code)

    assert [frame.address for frame in log.crash_frames] == [BASE + 0x1020, data, code]
    assert walked(log, rules) == [(0x1020, BY_REGISTERS), (0x1080, BY_SEARCH)]


@pytest.mark.parametrize(
    "rules",
    [
        ".cfa: $rsp 8 - .ra: .cfa ^",  # towards the callee
        ".cfa: $rsp .ra: .cfa ^",  # no step at all
        ".cfa: $rsp 8 + .ra: $r99",
        ".cfa: $rsp 8 + + .ra: .cfa -8 + ^",
        ".cfa: ^ .ra: .cfa",
        ".cfa: $rsp 0 / .ra: 1",
        ".ra: .cfa -8 + ^",
        f".cfa: {'1 ' * 200} .ra: 1",
        "nonsense",
        ".cfa: --8 .ra: 1",
        ".cfa: $rsp 1180591620717411303424 + .ra: .cfa",
    ],
)
def test_rules_that_tell_no_caller_leave_it_to_the_frame_pointer(table, rules):
    log = crash(X86_64, {"rip": BASE + 0x1020, "rsp": STACK, "rbp": STACK}, STACK + 0x100, BASE + 0x1080)

    assert walked(log, table(f"CFI INIT 1000 100 {rules}")) == [(0x1020, BY_REGISTERS), (0x1080, BY_POINTER)]


@pytest.mark.parametrize("flags", [(), ("-no-pie",)])
def test_a_program_without_frame_pointers_is_walked_to_its_main(tmp_path, flags):
    crashed = crash_of_program(tmp_path, *flags)
    [made] = make_caches(crashed.program, tmp_path)
    [log] = minidump.parse(Document(crashed.dump))
    [own] = {one for one in unwind_ids(log) if one == made.debug_id}
    tables, names = {own: UnwindTable(made.unwind)}, {own: NativeNames(made.cache)}

    found = resolve(unwound(log, tables.get), names.get, None).log.crash_frames

    assert [(frame.function, frame.note) for frame in found[:4]] == [
        ("price", BY_REGISTERS), ("total", BY_RULES), ("checkout", BY_RULES), ("main", BY_RULES)
    ]  # fmt: skip
    assert [frame.function for frame in resolve(log, names.get, None).log.crash_frames[:4]] != [
        "price", "total", "checkout", "main"
    ]  # fmt: skip


def test_the_innermost_of_nested_spans_counts_and_ends_are_outside(table):
    rules = table(
        "WIN 4 100 100 0 0 1 0 0 0 0 0",
        "WIN 4 140 20 0 0 2 0 0 0 0 0",
        "CFI INIT 300 10 .cfa: a",
        "CFI 308 .cfa: b x: c",
    )

    found = [rules.at(at) for at in (0xFF, 0x100, 0x13F, 0x140, 0x15F, 0x160, 0x1FF, 0x200, 0x307, 0x308, 0x310)]

    outer, inner = "WIN 1 0 0 0", "WIN 2 0 0 0"
    assert found == [
        None, outer, outer, inner, inner, outer, outer, None, ".cfa: a", ".cfa: b x: c", None
    ]  # fmt: skip


def test_records_that_cannot_be_read_are_passed_over_and_none_make_no_table(tmp_path):
    bad = [b"STACK CFI INIT x y z", b"STACK CFI INIT 10", b"STACK CFI 10", b"STACK WIN 4 1", b"FUNC 1 2 3 f", b"\xff\n"]

    assert not make_table(
        [*bad, b"STACK CFI INIT 10 0 .cfa: a", b"STACK CFI INIT 10 5 " + b"x" * 3_000], tmp_path / "t"
    )
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize("content", [b"", b"CQUW", b"CQUW\x01\0\0\0\xff\0\0\0\xff\0\0\0", b"x" * 100])
def test_what_is_no_table_is_refused(tmp_path, content):
    (tmp_path / "t").write_bytes(content)

    with pytest.raises(NotSymbols):
        UnwindTable(tmp_path / "t")


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus of real logs at {CORPUS}")
def test_a_real_dump_of_windows_is_walked_as_by_another_stack_walker(tmp_path):
    [made] = make_caches(CORPUS / "symbolication" / "test_app.sym", tmp_path)
    [log] = minidump.parse(Document((CORPUS / "minidump" / "test.dmp").read_bytes()))

    found = unwound(log, {made.debug_id: UnwindTable(made.unwind)}.get).crash_frames

    assert [(frame.address, frame.note) for frame in found] == [
        (0x40429E, BY_REGISTERS), (0x404200, BY_RULES), (0x4053EC, BY_RULES), (0x7C816FD7, BY_RULES)
    ]  # fmt: skip


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus of real logs at {CORPUS}")
def test_a_real_dump_of_linux_shows_the_calls_that_frame_pointers_left_out(tmp_path):
    [log] = minidump.parse(Document((CORPUS / "minidump" / "crash_linux.dmp").read_bytes()))
    with (CORPUS / "symbolication" / "crash_linux.sym").open("rb") as records:  # it names no image
        assert make_table(records, tmp_path / "t")
    own = unwind_ids(log)[0]

    found = unwound(log, {own: UnwindTable(tmp_path / "t")}.get).crash_frames

    sure = [frame.address for frame in found if frame.note in (BY_REGISTERS, BY_RULES)]
    assert sure == [0x40206D, 0x40207A, 0x402144, 0x7FA9D1C0C830]


def test_no_rules_whatever_make_a_walk_raise(table):
    chosen = Random(7)
    words = ".cfa: $rsp 8 + .ra: .cfa -8 ^ $rbp: / % @ 0 .undef $T0 .raSearch $eip = $esp $ebp 4 - * --3 99999999999999999999"
    logs = [
        crash(X86_64, {"rip": BASE + 0x1020, "rsp": STACK, "rbp": STACK}, *range(BASE + 0x1000, BASE + 0x1040, 4)),
        crash(X86, {"eip": BASE + 0x1020, "esp": STACK, "ebp": STACK}, *range(BASE + 0x1000, BASE + 0x1040, 4)),
    ]
    for _ in range(500):
        text = " ".join(chosen.choices(words.split(), k=chosen.randrange(1, 25)))
        rules = table(f"CFI INIT 1000 20 {text}", f"CFI 1010 {text[::-1]}", f"WIN 4 1020 80 0 0 8 4 4 0 1 {text}")
        assert all(walked(log, rules)[0] == (0x1020, BY_REGISTERS) for log in logs)


@pytest.mark.skipif(not LAUNCHER.is_file(), reason="this pip has no launcher of Windows")
def test_a_program_of_windows_tells_the_frames_of_its_functions(tmp_path):
    [made] = make_caches(LAUNCHER, tmp_path)

    rules = UnwindTable(made.unwind).at(0x1010)

    assert (made.arch, made.cache) == ("x86_64", None)
    assert rules.startswith(".cfa: $rsp")
    assert ".ra: .cfa 8 - ^" in rules

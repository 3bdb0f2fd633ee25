"""Stacks of programs that ran on ARM and ARM64, walked by their call frame information.

`arm/*.toml` were taken of the program in `tests/crashing_program.py`, whose handler writes the registers of those: built by
`zig cc -target aarch64-linux-musl` (and `arm-linux-musleabihf`) `-g -O2 -fomit-frame-pointer`, run by qemu. The rules are
of its `.eh_frame` and `.debug_frame`; of the stack, buffers of text are left out.
"""

import struct
import tomllib
from pathlib import Path

import pytest

from app.parsers import minidump
from app.parsers.document import Document
from app.parsers.minidump_stack import BY_REGISTERS, BY_RULES
from app.symbols.objects import NativeNames, make_caches
from app.symbols.resolving import resolve
from app.symbols.unwind_table import UnwindTable, unwound
from tests.minidumps import ARM, ARM64, DumpThread, Module, Spec, context, dump, elf

CPUS = {"arm": (ARM, 4, 13, 15), "arm64": (ARM64, 8, 31, 32)}  # context, place of r0 in it, numbers of sp and pc


@pytest.mark.parametrize("cpu", CPUS)
def test_a_real_stack_is_walked_to_its_main(tmp_path: Path, cpu: str) -> None:
    told = tomllib.loads((Path(__file__).parent / "arm" / f"{cpu}.toml").read_text())
    number, place, sp, pc = CPUS[cpu]
    width, registers = told["width"], told["registers"]
    state = bytearray(context(number))
    struct.pack_into(f"<{len(registers)}{'Q' if width == 8 else 'I'}", state, place, *registers)
    words = tuple(told["stack"].get(str(at), 0) for at in range(0, told["stack_size"], width))
    build_id = bytes.fromhex("0102030405060708090a0b0c0d0e0f1011121314")
    (tmp_path / "shop.sym").write_text(told["sym"])
    [made] = make_caches(tmp_path / "shop.sym", tmp_path)

    [log] = minidump.parse(Document(dump(Spec(
        cpu=number, width=width, modules=[Module(told["base"], told["size"], "/data/shop", elf(build_id))],
        threads=[DumpThread(1, bytes(state), registers[sp], words)], exception=(1, 11, 1, registers[pc], ()),
    ))))  # fmt: skip
    walked = unwound(log, {made.debug_id: UnwindTable(made.unwind)}.get)
    found = resolve(walked, {made.debug_id: NativeNames(made.cache)}.get, None).log.crash_frames

    assert [(frame.function, frame.note) for frame in found[:5]] == [
        ("price", BY_REGISTERS), *((name, BY_RULES) for name in ("total", "checkout", "main", "libc_start_main_stage2"))
    ]  # fmt: skip

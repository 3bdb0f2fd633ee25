"""Machine code: a program built here, and the images that Breakpad files describe."""

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.crashes.log import BinaryImage, CrashLog, Frame, Thread
from app.parsers import parse
from app.symbols import NotSymbols
from app.symbols.awaited_keys import debug_id
from app.symbols.objects import NativeNames, make_caches
from app.symbols.resolving import resolve

LOADED_AT = 0x7F0000000000
SYM = """\
MODULE Linux x86_64 0102030405060708090A0B0C0D0E0F100 cart
FILE 0 /src/cart.c
FUNC 1000 20 0 total
1000 10 21 0
1010 10 22 0
"""
SOURCE = """\
int price(int *p) { return *p; }
int main(int n, char **v) {
    return price(n > 9 ? &n : 0);
}
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    (tmp_path / "cart.c").write_text(SOURCE)
    built = ["gcc", "-g", "-O0", "-Wl,--build-id=sha1", "-o", str(tmp_path / "cart"), str(tmp_path / "cart.c")]
    subprocess.run(built, check=True)
    return tmp_path / "cart"


def test_an_address_in_a_built_program_becomes_function_file_and_line(program: Path, tmp_path: Path) -> None:
    [made] = make_caches(program, tmp_path)
    listed = subprocess.run(["nm", str(program)], check=True, capture_output=True, text=True).stdout
    price = next(int(line.split()[0], 16) for line in listed.splitlines() if line.endswith(" price"))

    [found] = NativeNames(made.cache).frames(Frame(address=LOADED_AT + price), LOADED_AT, is_return=False)

    assert (found.function, found.file, found.line) == ("price", str(tmp_path / "cart.c"), 1)
    assert (found.symbol_address, found.offset) == (LOADED_AT + price, 0)
    assert made.code_id is not None
    assert debug_id(made.code_id, is_elf=True) == made.debug_id


FLUTTER = """\
Unhandled exception:
Bad state: cart is empty
*** *** *** *** *** *** *** *** *** *** *** *** *** *** *** ***
pid: 1, tid: 2, name 1.ui
os: android arch: x64 comp: no sim: no
build_id: '{build_id}'
isolate_dso_base: 7f0000000, vm_dso_base: 7f0000000
isolate_instructions: 7f00a0000, vm_instructions: 7f0090000
    #00 abs 00000007f{price:07x} virt {price:016x} _kDartIsolateSnapshotInstructions+0x1a2
    #01 abs 00000007f{main:07x} virt {main:016x} _kDartIsolateSnapshotInstructions+0x1b2
"""


def test_a_flutter_trace_is_read_by_the_symbols_that_its_build_has_split_off(program: Path, tmp_path: Path) -> None:
    [made] = make_caches(program, tmp_path)  # `app.android-x64.symbols` is ELF, as this is
    listed = subprocess.run(["nm", str(program)], check=True, capture_output=True, text=True).stdout
    places = {line.split()[-1]: int(line.split()[0], 16) for line in listed.splitlines() if " T " in line}
    text = FLUTTER.format(build_id=made.code_id, price=places["price"] + 8, main=places["main"] + 1)

    [log] = parse(text.encode())
    found = resolve(log, {made.debug_id: NativeNames(made.cache)}.get, None).log.crash_frames

    assert [frame.function for frame in found] == ["price", "main"]


@pytest.mark.parametrize(("log_format", "line"), [("minidump", 21), ("android-tombstone", 22), ("android-anr", 22)])
def test_an_address_of_a_call_is_not_taken_back_once_more(tmp_path: Path, log_format: str, line: int) -> None:
    (tmp_path / "cart.sym").write_text(SYM)
    [made] = make_caches(tmp_path / "cart.sym", tmp_path)
    image = BinaryImage("cart", debug_id="0102030405060708090A0B0C0D0E0F100", address=LOADED_AT, size=0x9000)
    frames = (Frame(address=LOADED_AT + 0x1000, image="cart"), Frame(address=LOADED_AT + 0x1010, image="cart"))
    log = CrashLog(log_format, "native", threads=(Thread(1, is_crashed=True, frames=frames),), images=(image,))

    found = resolve(log, {made.debug_id: NativeNames(made.cache)}.get, None).log.crash_frames

    assert [frame.line for frame in found] == [21, line]


def test_a_return_address_tells_of_the_call_before_it(tmp_path: Path) -> None:
    (tmp_path / "cart.sym").write_text(SYM)
    [made] = make_caches(tmp_path / "cart.sym", tmp_path)
    names = NativeNames(made.cache)
    frame = Frame(address=LOADED_AT + 0x1010)

    lines = [names.frames(frame, LOADED_AT, is_return=is_return)[0].line for is_return in (False, True)]

    assert lines == [22, 21]
    assert made.debug_id == debug_id("0102030405060708090A0B0C0D0E0F100")


def test_an_address_outside_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "cart.sym").write_text(SYM)
    [made] = make_caches(tmp_path / "cart.sym", tmp_path)
    frame = Frame(address=LOADED_AT - 1)

    assert NativeNames(made.cache).frames(frame, LOADED_AT, is_return=False) == [frame]


def test_a_file_of_no_kind_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "rubbish").write_bytes(b"no symbols")

    with pytest.raises(NotSymbols, match="unsupported"):
        list(make_caches(tmp_path / "rubbish", tmp_path))


@pytest.mark.parametrize("written", ["", "not an id", "zz"])
def test_what_is_no_id_has_none(written: str) -> None:
    assert debug_id(written) is None


def test_an_inlined_call_without_an_address_has_none(monkeypatch):
    """As of ELF built by gcc: the symbol cache has 0xffffffff for it."""
    inlined = SimpleNamespace(symbol="price_of", full_path="cart.cpp", line=8, sym_addr=0xFFFFFFFF)
    holder = SimpleNamespace(symbol="total", full_path="cart.cpp", line=20, sym_addr=0x1000)
    cache = SimpleNamespace(arch="x86_64", lookup=lambda _: [inlined, holder])
    monkeypatch.setattr("app.symbols.objects.SymCache.open", lambda _: cache)

    found = NativeNames(Path("any")).frames(Frame(address=LOADED_AT + 0x11F7), LOADED_AT, is_return=False)

    assert [(one.function, one.offset, one.symbol_address) for one in found] == [
        ("price_of", None, None), ("total", 0x1F7, LOADED_AT + 0x1000)]  # fmt: skip


@pytest.mark.parametrize(
    ("adjustment", "lines"),
    [
        (None, [22, 21]),
        ("auto", [22, 21]),
        ("all", [21, 21]),
        ("all_but_first", [22, 21]),
        ("none", [22, 22]),
        (7, [22, 21]),
    ],
)
def test_a_sentry_event_says_which_addresses_are_taken_back(
    tmp_path: Path, adjustment: object, lines: list[int]
) -> None:
    (tmp_path / "cart.sym").write_text(SYM)
    [made] = make_caches(tmp_path / "cart.sym", tmp_path)
    frame = {"instruction_addr": hex(LOADED_AT + 0x1010)}
    stack = {"frames": [frame, frame], "instruction_addr_adjustment": adjustment}
    image = {"type": "elf", "debug_id": made.debug_id, "image_addr": hex(LOADED_AT), "image_size": 0x9000}
    event = {
        "event_id": "a" * 32, "platform": "native", "debug_meta": {"images": [image]},
        "exception": {"values": [{"type": "SIGSEGV", "stacktrace": stack}]},
    }  # fmt: skip

    [log] = parse(json.dumps(event).encode())
    found = resolve(log, {made.debug_id: NativeNames(made.cache)}.get, None).log.crash_frames

    assert [frame.line for frame in found] == lines

"""Whom small inputs that once went wrong blame now; read from beside the checkout, where they are."""

import os
import re
from pathlib import Path

import pytest

from app.crashes.fingerprint import Fingerprint, fingerprint
from app.crashes.title import title
from app.parsers import parse
from app.symbols.resolving import demangled

CORPUS = Path(os.environ.get("CRASHQ_CORPUS") or Path(__file__).parents[3] / "shared" / "corpus")
FAULTS = CORPUS.parent / "faults"

pytestmark = pytest.mark.skipif(not FAULTS.is_dir(), reason=f"no inputs at {FAULTS}")

TITLES = {
    "abort_chain5.txt": "SIGABRT: [FATAL:cart.h(209)] Check failed: n > 0. in shop::pay(int)",
    "crashpad_a.json": "0x40000015: Fatal Error in shop.exe",
    "kill_abort.crash": "SIGABRT in mach_msg_trap",
    "kill_dead10cc.crash": "SIGKILL 0xdead10cc (held a file lock or database at suspension) in mach_msg_trap",
    "kpanic.txt": "Kernel panic: shop_handle_check failed in shop_enable",
    "rust_lib.json": "SIGSEGV: x in shop::pay",
    "slashslash_1.crash": "SIGKILL in -[CUICatalog _key:]",
    "tail_unknown.json": "SIGSEGV in -[Cart pay]",
}


def judged(name: str) -> tuple[str, Fingerprint]:
    [crash] = map(demangled, parse((FAULTS / name).read_bytes()))
    return title(crash), fingerprint(crash)


@pytest.mark.parametrize("name", TITLES)
def test_the_title_tells_who_is_to_blame(name: str):
    assert judged(name)[0] == TITLES[name]


@pytest.mark.parametrize(
    ("name", "innocent"),
    [
        ("coroutine.txt", "_COROUTINE"),
        ("libcpp_trap.txt", "Xcode"),
        ("maui_new.txt", "SyncContext"),
        ("noreturn_1.crash", "basename_r"),
        ("slashslash_1.crash", "0x"),
        ("sym_artefact_1.crash", "24056"),
    ],
)
def test_what_is_not_to_blame_is_in_no_title_and_no_part(name: str, innocent: str):
    shown, made = judged(name)

    assert innocent not in shown
    assert not any(innocent in part for part in made.parts)


def test_inputs_of_one_crash_are_one_and_those_of_two_are_two():
    assert judged("tail_none.json")[1].value == judged("tail_unknown.json")[1].value
    assert judged("kill_dead10cc.crash")[1].value != judged("kill_abort.crash")[1].value


@pytest.mark.parametrize("path", sorted(FAULTS.glob("*.crash")), ids=lambda path: path.name)
def test_no_title_holds_an_address(path: Path):
    assert not re.search(r"(?<!Code )0x(?!dead10cc)[0-9a-f]{4,}", judged(path.name)[0])

"""Small inputs that were once read wrongly: what each one says. They lie beside the corpus; skipped without them."""

from typing import Any

import pytest

from app.crashes.log import CrashLog
from app.parsers import parse
from tests.unit.parsers.test_corpus_apple import CORPUS

FAULTS = CORPUS.parent / "faults"

pytestmark = pytest.mark.skipif(not FAULTS.is_dir(), reason="no inputs beside the corpus: set CRASHQ_CORPUS")

# file: (type, message, code, first functions)
FACTS: dict[str, tuple[str | None, str | None, str | None, list[str | None]]] = {
    "measure_handledkey_event.json": ("Error", "boom", None, ["save"]),
    "measure_sev_event.json": ("Error", "boom", None, ["save"]),
    "anr_native_main.txt": ("ANR", None, None, ["syscall", "shop::Lock::wait()"]),
    "anr_native_main_short.txt": ("ANR", None, None, ["syscall", "shop::Lock::wait()"]),
    "anr_not_attached.txt": ("ANR", None, None, ["sleep", "pay"]),
    "kpanic.txt": ("Kernel panic", "shop_handle_check failed", None, ["dump_backtrace", "show_stack"]),
    "kasan_old.txt": (
        "KASAN: out of bounds access", "out of bounds access in shop_match", "at 0xffffffc002583240",
        ["dump_backtrace", "show_stack", "shop_match_id", "shop_match", "shop_attach"]),
    "asan_write.txt": (
        "AddressSanitizer: SEGV", "SEGV on unknown address; WRITE access", "at 0x74000011", ["shop_pay", "shop_main"]),
    "kscrash_appkit.json": (
        "EXC_BAD_INSTRUCTION", "Shop/Cart.swift:14: Fatal error: cart is empty", "0x1", ["_assertionFailure"]),
    "kscrash_term_1.json": ("Termination: memory limit", None, None, []),
    "imgoff_1.crash": (
        "NSGenericException", "x", None, ["__exceptionPreprocess", "objc_exception_throw", None, None]),
    "slashslash_1.crash": ("EXC_CRASH", None, None, ["-[CUICatalog _key:]", "-[Cart pay]"]),
    "sym_artefact_1.crash": (
        "EXC_BAD_ACCESS", None, "KERN_INVALID_ADDRESS at 0x0000000000000008", ["Cart::pay(int)", "main"]),
    "libcpp_trap.txt": (
        "EXC_BREAKPOINT", "assertion __n < size() failed: vector[] index out of bounds", None,
        ["std::__1::vector<int>::operator[][abi:se180100](unsigned long)", "shop::pay(int)"]),
    "zombie_note.crash": (
        "EXC_BAD_ACCESS", None, "KERN_INVALID_ADDRESS at 0xf1fd8ab6", ["objc_msgSend", "-[Cart pay]"]),
    "ips26_dyld2.ips": ("EXC_BAD_ACCESS", None, "KERN_INVALID_ADDRESS at 0x0000000000000000", ["__pthread_kill"]),
    "kill_dead10cc.crash": ("EXC_CRASH", None, "SPRINGBOARD 0xdead10cc", ["mach_msg_trap"]),
    "aosp_nopid.txt": ("SIGABRT", None, "SI_TKILL", ["tgkill", "abort", "shop::pay(int)"]),
    "unity_2022.txt": ("SIGABRT", None, "SI_QUEUE", ["abort", None]),
    "unity_il2cpp.txt": ("SIGSEGV", None, "SEGV_MAPERR at 0x0000000000000018", [None, None, None]),
    "mte.txt": (
        "SIGSEGV", "[MTE]: Use After Free, 8 bytes into a 32-byte allocation at 0x6ffb8c0820",
        "SEGV_MTESERR at 0x0500006ffb8c0828", ["shop::pay(int)", "__pthread_start(void*)"]),
    "graphene.txt": ("SIGSEGV", None, "SEGV_MTESERR at 0xbf35b9332b98", ["shop::pay(int)", "__pthread_start(void*)"]),
    "crashlytics_ios.txt": (None, None, None, ["Cart.pay()", "Main.tap()"]),
}  # fmt: skip

DETAILS: dict[str, dict[str, Any]] = {
    "ips26_mte.ips": {"exception_codes": "0x0000000000000106, 0x0c00000104e0b240", "role": "Foreground"},
    "ips26_translated.ips": {"translated": True},
    "ips26_reason.ips": {"role": "Foreground"},
    "mte.txt": {"access": "read"},
    "kasan_old.txt": {"access": "Read of size 1"},
    "asan_write.txt": {"access": "WRITE"},
    "kscrash_term_1.json": {"foreground": True},
    "graphene.txt": {"memory_tagging": "enabled"},
}


def read(name: str) -> CrashLog:
    [log] = parse((FAULTS / name).read_bytes())
    return log


@pytest.mark.parametrize("name", FACTS)
def test_each_input_says_what_it_says(name: str):
    log = read(name)

    fault, (kind, message, code, functions) = log.faults[0], FACTS[name]
    assert (fault.type, fault.message, fault.code) == (kind, message, code)
    assert [frame.function for frame in log.crash_frames][: len(functions)] == functions


@pytest.mark.parametrize("name", DETAILS)
def test_each_input_tells_its_details(name: str):
    told = read(name).details

    assert {key: told.get(key) for key in DETAILS[name]} == DETAILS[name]


def test_a_handled_error_is_no_occurrence():
    assert parse((FAULTS / "measure_handled.json").read_bytes()) == []


def test_both_stacks_of_the_memory_are_in_the_report():
    assert [stack.kind for stack in read("mte.txt").stacks] == ["deallocation", "allocation"]


def test_two_offsets_in_an_image_are_two_places():
    places = [[frame.offset for frame in read(name).crash_frames[2:]] for name in (
        "imgoff_1.crash", "imgoff_2_other_crash.crash")]  # fmt: skip

    assert places == [[144518, 145567], [90000, 91000]]

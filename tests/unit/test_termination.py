"""What ended a process from outside is part of its group and of its title, in words."""

from dataclasses import replace

import pytest

from app.crashes.fingerprint import fingerprint
from app.crashes.log import CrashLog, Fault, Frame
from app.crashes.termination import termination
from app.crashes.title import title
from tests.stacks import crash, value

IDLE = tuple(Frame(name, image="CoreFoundation") for name in ("mach_msg_trap", "mach_msg", "__CFRunLoopRun"))


def ended(
    signal: str = "SIGKILL",
    code: str | None = None,
    type: str = "EXC_CRASH",
    message: str | None = None,
    notes: tuple[str, ...] = (),
) -> CrashLog:
    log = crash(*IDLE, type=type)
    return replace(log, faults=(Fault(type, message, signal=signal, code=code),), notes=notes)


def test_a_kill_is_no_abort_and_one_reason_is_not_another():
    reports = [
        ended("SIGABRT"),
        ended("SIGKILL"),
        *(
            ended(code=f"Namespace {space}, Code {code}")
            for space, code in (
                ("SPRINGBOARD", "0xdead10cc"),
                ("ASSERTIOND", "0x8badf00d"),
                ("SPRINGBOARD", "0xc00010ff"),
            )
        ),
    ]

    assert len({value(report) for report in reports}) == 5
    assert len({title(report) for report in reports}) == 5


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("Namespace SPRINGBOARD, Code 0xdead10cc", "0xdead10cc (held a file lock or database at suspension)"),
        ("FRONTBOARD 2343432205", "0x8badf00d (watchdog: took too long)"),
        ("FRONTBOARD 0x8badf00d", "0x8badf00d (watchdog: took too long)"),
        ("0x000000008badf00d, 0x0000000000000000", "0x8badf00d (watchdog: took too long)"),
        ("JETSAM 1", "JETSAM 0x1 (out of memory)"),
        ("RUNNINGBOARD 0x2bad45ec", "0x2bad45ec (security violation)"),
        ("Namespace <0xF>, Code 0xdeadfa11", "0xdeadfa11 (force quit by the user)"),
        ("FRONTBOARD 0077", "FRONTBOARD 0x4d"),
        ("FRONTBOARD 0x77", "FRONTBOARD 0x77"),
    ],
)
def test_the_title_says_in_words_why_the_system_ended_a_process(code, words):
    assert title(ended(code=code)) == f"SIGKILL {words} in mach_msg_trap"


def test_decimal_and_hexadecimal_codes_are_one():
    assert value(ended(code="FRONTBOARD 2343432205")) == value(ended(code="Namespace FRONTBOARD, Code 0x8badf00d"))


def test_a_note_or_metrickits_message_tells_it_where_the_code_is_of_the_exception():
    noted = ended(
        type="EXC_BAD_ACCESS", code="KERN_INVALID_ADDRESS at 0x8", notes=("Termination: CODESIGNING, 2, Invalid Page",)
    )
    payload = ended(message="Namespace SPRINGBOARD, Code 0x8badf00d")

    assert fingerprint(noted).parts[:2] == ("type: bad memory access", "ended by: CODESIGNING 0x2")
    assert title(payload) == "SIGKILL 0x8badf00d (watchdog: took too long) in mach_msg_trap"


@pytest.mark.parametrize(
    "code", [None, "KERN_INVALID_ADDRESS at 0x8badf00d", "SEGV_MAPERR", "SIGNAL 9", "0x0000000000000001", "OBJC 1"]
)
def test_codes_that_nobody_ended_the_process_with_are_none(code):
    assert termination(ended(code=code)) is None


@pytest.mark.parametrize("kind", ["EXC_CRASH (SIGABRT)", "EXC_CRASH", "SIGABRT"])
def test_an_abort_is_one_however_the_writer_tells_it(kind):
    assert value(ended("SIGABRT", type=kind)) == value(ended("SIGABRT"))


def test_exceptions_that_are_many_are_told_apart_by_the_name_of_their_code():
    memory, processor = (
        ended(type="EXC_RESOURCE", code=f"RESOURCE_TYPE_{what} (limit=50 MB, unused=0x0)") for what in ("MEMORY", "CPU")
    )

    assert value(memory) != value(processor)
    assert fingerprint(memory).parts[1] == "code: RESOURCE_TYPE_MEMORY"
    assert title(memory) == "EXC_RESOURCE RESOURCE_TYPE_MEMORY in mach_msg_trap"

"""What a minidump's exception was, where its code alone does not say it."""

from dataclasses import replace

import pytest

from app.crashes.log import CrashLog, Fault
from app.parsers import minidump
from app.parsers.document import Document
from app.parsers.minidump_annotations import Annotations, with_annotations
from tests.minidumps import MACOS, Module, Spec, dump, linux_spec, windows_spec


def read(spec: Spec) -> CrashLog:
    [log] = minidump.parse(Document(dump(spec)))
    return log


def raised(code: int, *info: int) -> Spec:
    spec = windows_spec()
    assert spec.exception
    return replace(spec, exception=(spec.exception[0], code, 0, 0x1000, info))


@pytest.mark.parametrize(
    ("code", "info", "told"),
    [
        (0xC000000D, (), ("STATUS_INVALID_PARAMETER", "0xc000000d at 0x1000", {})),
        (
            0xC0000409,
            (7,),
            ("STATUS_STACK_BUFFER_OVERRUN", "FAST_FAIL_FATAL_APP_EXIT at 0x1000", {"exception_parameters": "0x7"}),
        ),
        (
            0xC0000005,
            (1, 0x45),
            ("EXCEPTION_ACCESS_VIOLATION", "write at 0x45", {"access": "write", "exception_parameters": "0x1, 0x45"}),
        ),
    ],
)
def test_windows_codes_reasons_and_parameters_are_told(code, info, told):
    log = read(raised(code, *info))

    assert (log.faults[0].type, log.faults[0].code, dict(log.details)) == told


def test_an_uncaught_nsexception_that_crashpad_wrote_has_its_name_and_reason():
    spec = linux_spec()
    assert spec.exception
    spec = replace(
        spec, platform=MACOS, exception=(spec.exception[0], 0x43506E78, 0, 0, ()),
        crashpad={"exceptionName": "NSRangeException", "exceptionReason": "index 3 beyond 1"},
        modules=[Module(0x1000, 0x100, "/usr/lib/dyld_sim"), Module(0x3000, 0x100, "/x/Till.app/Till")],
    )  # fmt: skip

    log = read(spec)

    told = log.faults[0]
    assert (told.type, told.message, told.mechanism) == ("NSRangeException", "index 3 beyond 1", "nsexception")
    assert log.process == "Till"


def test_what_a_runtime_left_in_its_image_is_the_message():
    said = {"dyld": {"list": ["dyld2 mode"]}, "libswiftCore.dylib": {"list": ["Till.swift:3: Fatal error: no paper"]}}

    fault = with_annotations(Fault(type="EXC_BREAKPOINT"), Annotations(modules=said))

    assert fault.message == "Till.swift:3: Fatal error: no paper"


def test_the_kernel_of_a_linux_dump_has_a_release_and_a_build():
    spec = replace(linux_spec(), version=(0, 0, 0), csd="Linux 5.15.0-91-generic #101-Ubuntu SMP Tue Nov 14 x86_64")

    system = read(spec).os

    assert (system.version, system.build) == ("5.15.0-91-generic", "#101-Ubuntu SMP Tue Nov 14")


def test_a_windows_stack_of_32_bits_is_searched_on_where_the_chain_of_frame_pointers_ends():
    at = 0x0012_F000
    words = (
        1,
        0,
        0x0040_2222,
        5,
        6,
        0x7600_1111,
        7,
    )  # the caller's frame pointer was 0: it has used the register itself
    thread = replace(windows_spec().threads[0], stack_at=at, words=words)

    [log] = minidump.parse(Document(dump(replace(windows_spec(), threads=[thread]))))

    assert [(frame.image, frame.is_guess) for frame in log.crash_frames] == [
        ("shop.exe", None), ("shop.exe", None), ("kernel32.dll", True)]  # fmt: skip

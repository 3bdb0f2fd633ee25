"""PLCrashReporter's protobuf: exception, signal, Mach exception, frames without names, damage."""

import pytest

from app.crashes.log import CrashLog
from app.errors import MalformedLog
from app.parsers import PARSERS, parse
from app.parsers.document import Document
from tests.plcrash import BASE, LIBC, SAMPLE, report
from tests.tombstone_proto import field


def read(raw: bytes) -> CrashLog:
    assert [name for name, parser in PARSERS.items() if parser.sniff(Document(raw))] == ["plcrash"]
    [log] = parse(raw)
    return log


def test_the_sample_is_what_the_writer_makes():
    assert SAMPLE.read_bytes() == report()


def test_an_exception_has_its_own_stack_and_images_place_it():
    log = read(report())

    fault = log.faults[0]
    assert (fault.type, fault.message, fault.signal) == ("NSRangeException", "index 3 beyond 1", "SIGABRT")
    assert [(frame.function, frame.image, frame.offset) for frame in fault.frames] == [
        ("objc_exception_throw", "libsystem_kernel.dylib", 16), (None, "Tills", 0x5CF0)]  # fmt: skip
    assert log.crashed_thread is not None
    assert (log.crashed_thread.index, dict(log.crashed_thread.registers)) == (1, {"pc": LIBC + 0x20})
    assert [image.debug_id for image in log.images] == [bytes(range(16)).hex(), bytes(range(16, 32)).hex()]


def test_app_system_device_process_and_times_are_told():
    log = read(report())

    assert (log.app.identifier, log.app.version, log.app.build) == ("com.example.tills", "1.2.3", "45")
    assert (log.os.name, log.os.version, log.os.build, log.device.model, log.device.arch) == (
        "iOS", "17.2", "21C62", "iPhone14,5", "arm64e")  # fmt: skip
    assert (log.process, log.process_id, dict(log.details)) == ("Tills", 500, {"parent_process": "launchd [1]"})
    assert str(log.occurred_at) == "2023-11-14 22:13:20+00:00"
    assert dict(log.custom) == {"custom_data": "till 7"}


def test_a_mach_exception_comes_before_the_signal_made_of_it():
    mach = field(4, field(1, 1) + field(2, 2) + field(2, 0x18))
    signal = field(1, "SIGSEGV") + field(2, "SEGV_ACCERR") + field(3, 0x18)

    with_mach, without = (
        read(report(exception=False, signal=signal + mach)),
        read(report(exception=False, signal=signal)),
    )

    assert (with_mach.faults[0].type, with_mach.faults[0].code) == ("EXC_BAD_ACCESS", "KERN_PROTECTION_FAILURE at 0x18")
    assert (without.faults[0].type, without.faults[0].code) == ("SIGSEGV", "SEGV_ACCERR at 0x18")
    assert with_mach.crash_frames[1].address == BASE + 0x5CF0


def test_a_report_that_was_asked_for_is_no_crash_that_ended_the_app():
    fault = read(report(requested=True)).faults[0]

    assert (fault.type, fault.handled) == ("Report requested", True)


def test_a_cut_report_is_read_as_far_as_it_goes_and_says_so():
    log = read(report()[:-40])

    assert log.faults[0].type == "NSRangeException"
    assert any("not whole" in note for note in log.notes)


@pytest.mark.parametrize("raw", [b"plcrash", b"plcrash\x02abc", report()[:60]])
def test_what_tells_of_no_crash_is_refused(raw):
    with pytest.raises(MalformedLog, match="cut short"):
        read(raw)

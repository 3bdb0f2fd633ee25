"""Microdumps: lines of hex in a log, whole and cut short, alone and several."""

import pytest

from app.errors import MalformedLog
from app.parsers import PARSERS, microdump, parse
from app.parsers import minidump_stack as stack
from app.parsers.document import Document
from tests.microdumps import IDS, LIBC, NOTES, in_logcat, lines


def read(text: str):
    return microdump.parse(Document(text.encode()))


def test_registers_stack_and_images_make_the_crashed_thread():
    [log] = read("\n".join(lines()))

    told = [(frame.image, frame.offset, frame.note) for frame in log.crash_frames]
    assert told == [
        ("libnotes.so", 0x1234, stack.BY_REGISTERS),
        ("libnotes.so", 0x2340, stack.BY_LINK),
        ("libnotes.so", 0x3ABC, stack.BY_POINTER),
    ]
    assert log.threads[0].registers["x0"] == 0x10
    assert log.process == "app_process64"
    assert [(image.name, image.address, image.debug_id) for image in log.images[1:]] == [
        ("libnotes.so", NOTES, IDS["libnotes.so"]),
        ("libc.so", LIBC, IDS["libc.so"]),
    ]


def test_signal_app_system_and_device_are_told_and_time_where_logcat_has_it():
    [plain], [dated] = read("\n".join(lines())), read(in_logcat(lines()))

    assert (plain.faults[0].type, plain.faults[0].code, plain.level) == ("SIGSEGV", "at 0x10", "fatal")
    assert (plain.app.name, plain.app.version) == ("Notes", "2.4.1")
    assert (plain.os.name, plain.os.version, plain.os.build) == ("Android", "14", "UP1A.231005.007")
    assert (plain.device.model, plain.device.manufacturer, plain.device.arch) == ("tab7", "acme", "arm64")
    assert plain.custom == {"process_type": "browser"}
    assert (plain.occurred_at, dated.occurred_at.isoformat()) == (None, "2018-09-13T12:00:00+00:00")


def test_what_is_unknown_stays_unknown():
    made = [line for line in lines(reason=None) if line[:2] not in ("O ", "P ")]
    [log] = read("\n".join(made).replace("V Notes:2.4.1", "V UNKNOWN:0.0.0.0"))

    assert (log.faults, log.app.name, log.os.name, log.device.arch, log.custom) == ((), None, None, None, {})
    assert log.process_id is None
    assert log.crash_frames == ()
    assert "The registers of this processor are not read" in log.notes


def test_a_dump_on_request_is_no_crash_that_nobody_handled():
    [log] = read("\n".join(lines(reason="R FFFFFFFF DUMP_REQUESTED 0000000000000000")))

    assert (log.faults[0].type, log.faults[0].handled, log.level) == ("Dump requested", True, None)


def test_each_of_several_is_a_report_in_the_order_of_the_log():
    text = in_logcat(lines(), 1) + in_logcat(lines(reason="R 00000006 SIGABRT 0000000000000000"), 2)

    assert [log.faults[0].type for log in read(text)] == ["SIGSEGV", "SIGABRT"]


def test_a_line_that_logcat_lost_leaves_the_rest():
    texts = lines(words={0x1F8: 1})
    first = next(index for index, line in enumerate(texts) if line.startswith("S 0000007F"))

    [log] = read("\n".join(texts[:first] + texts[first + 1 :]))

    assert [frame.offset for frame in log.crash_frames] == [0x1234, 0x2340]


def test_one_that_is_cut_short_says_so_or_is_refused():
    texts = lines()

    [cut] = read("\n".join(texts[:-1]))

    assert "The microdump is cut short" in cut.notes
    with pytest.raises(MalformedLog, match="cut short before its registers"):
        read("\n".join(texts[:4]))


@pytest.mark.parametrize(
    "line", ["C 0", "S 0 1 2 3", "S 00000000 XY", "M 1 2 3 4 a", "R 0 SIG 0", "O ", "C " + "00" * 9, f"S {'F' * 16} 00"]
)
def test_lines_of_rubbish_break_nothing(line):
    [log] = read("\n".join([*lines()[:-1], line, lines()[-1]]))

    assert log.faults[0].type == "SIGSEGV"


def test_a_log_with_a_java_crash_and_a_native_one_beside_it_is_claimed_once():
    text = in_logcat(lines()) + (
        "2018-09-13 12:00:01.000 +0000  900  900 E AndroidRuntime: FATAL EXCEPTION: main\n"
        "2018-09-13 12:00:01.000 +0000  900  900 E AndroidRuntime: java.lang.Error: x\n"
        "2018-09-13 12:00:01.000 +0000  900  900 E AndroidRuntime: \tat a.B.c(B.java:1)\n"
        "2018-09-13 12:00:01.000 +0000  901  901 F libc    : Fatal signal 11 (SIGSEGV), code 1 in tid 901\n"
    )

    assert [name for name, parser in PARSERS.items() if parser.sniff(Document(text.encode()))] == ["microdump"]
    assert len(parse(text.encode())) == 1

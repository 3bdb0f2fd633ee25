"""Apple text reports: what is read out of synthetic ones, and which are refused."""

from datetime import UTC, datetime

import pytest

from app.errors import MalformedLog
from app.parsers import PARSERS, apple_text
from app.parsers.document import Document
from app.parsers.values import MAX_FRAMES

HEADER = """Incident Identifier: 1F0D2B3C-0000-4000-8000-0123456789AB
CrashReporter Key:   0123456789abcdef0123456789abcdef01234567
Hardware Model:      iPhone12,1
Process:             Field Notes [321]
Path:                /private/var/containers/Bundle/Application/X/Field Notes.app/Field Notes
Identifier:          com.example.notes
Version:             42 (3.1)
Code Type:           ARM-64 (Native)
Parent Process:      launchd [1]

Date/Time:           2025-03-11 09:42:12.5000 +0200
Launch Time:         2025-03-11 09:40:00.0000 +0200
OS Version:          iPhone OS 14.8 (18H17)
Report Version:      104

"""
EXCEPTION = """Exception Type:  EXC_BAD_ACCESS (SIGSEGV)
Exception Subtype: KERN_INVALID_ADDRESS at 0x0000000000000008
Exception Codes: 0x0000000000000001, 0x0000000000000008
Triggered by Thread:  1

"""
STACKS = """Thread 0 name:  Dispatch queue: com.apple.main-thread
Thread 0:
0   libsystem_kernel.dylib        \t0x00000001b8000d58 mach_msg_trap + 8

Thread 1 name:  worker  Dispatch queue: com.example.notes.index
Thread 1 Crashed:
0   Field Notes                   \t0x0000000104a04c38 0x104a00000 + 19512
1   Field Notes                   \t0x0000000104a04c98 index(_:) + 24 (Index.swift:30)

Thread 1 crashed with ARM Thread State (64-bit):
    x0: 0x0000000000000000   x1: 0x00000001f0a1b2c3
    pc: 0x0000000104a04c38

Binary Images:
0x104a00000 - 0x104a4bfff Field Notes arm64  <0123456789abcdef0123456789abcdef> /private/X/Field Notes.app/Field Notes
0x1b8000000 - 0x1b8038fff libsystem_kernel.dylib arm64e  <11112222333344445555666677778888> /usr/lib/system/libsystem_kernel.dylib
"""
UNCAUGHT = """Exception Type:  EXC_CRASH (SIGABRT)
Exception Codes: 0x0000000000000000, 0x0000000000000000
Triggered by Thread:  0

Application Specific Information:
*** Terminating app due to uncaught exception 'NSRangeException', reason: 'index 7 isn't there'
terminating with uncaught exception of type NSException
abort() called

"""
UMENG = """*** -[__NSArrayM insertObject:atIndex:]: object cannot be nil
(null)
((
  0  CoreFoundation                 0x00000001800b0f60 <redacted> + 148
  1  FieldNotes                     0x1000a0ea0        main (in FieldNotes) (main.m:14)
)

dSYM UUID: 01234567-89AB-CDEF-0123-456789ABCDEF
CPU Type: arm64
Slide Address: 0x0000000100000000
Binary Image: FieldNotes
Base Address: 0x00000001000a0000
"""


def read(text):
    document = Document(text.encode())
    assert apple_text.sniff(document)
    [log] = apple_text.parse(document)
    return log


def test_header_stacks_and_images_are_read():
    log = read(HEADER + EXCEPTION + STACKS)

    fault = log.faults[0]
    assert (fault.type, fault.signal, fault.code) == (
        "EXC_BAD_ACCESS",
        "SIGSEGV",
        "KERN_INVALID_ADDRESS at 0x0000000000000008",
    )
    assert (log.process, log.process_id, log.app.identifier) == ("Field Notes", 321, "com.example.notes")
    assert log.occurred_at == datetime(2025, 3, 11, 7, 42, 12, 500_000, tzinfo=UTC)
    assert (log.os.name, log.os.version, log.os.build, log.device.arch) == ("iPhone OS", "14.8", "18H17", "arm64")
    assert log.device.install_id == "0123456789abcdef0123456789abcdef01234567"


def test_the_crashed_thread_has_name_queue_frames_and_registers():
    thread = read(HEADER + EXCEPTION + STACKS).crashed_thread

    assert (thread.index, thread.name, thread.queue) == (1, "worker", "com.example.notes.index")
    assert thread.registers == {"x0": 0, "x1": 0x1F0A1B2C3, "pc": 0x104A04C38}
    assert [(frame.image, frame.function, frame.offset, frame.line) for frame in thread.frames] == [
        ("Field Notes", None, 19512, None),
        ("Field Notes", "index(_:)", 24, 30),
    ]
    assert {frame.image_address for frame in thread.frames} == {0x104A00000}


def test_an_uncaught_exception_gives_type_and_reason_and_its_own_frames():
    trace = "Last Exception Backtrace:\n0   CoreFoundation  0x1800b0f60 __exceptionPreprocess + 100\n\n"

    log = read(HEADER + UNCAUGHT + trace + STACKS)

    fault = log.faults[0]
    assert (fault.type, fault.message, fault.signal) == ("NSRangeException", "index 7 isn't there", "SIGABRT")
    assert [frame.function for frame in log.crash_frames] == ["__exceptionPreprocess"]
    assert "Exception Type: EXC_CRASH (SIGABRT)" in log.notes


def test_an_address_list_is_placed_in_the_images():
    log = read(HEADER + UNCAUGHT + "Last Exception Backtrace:\n(0x1b8000010 0x104a00020\n0x1)\n\n" + STACKS)

    assert [(frame.image, frame.offset) for frame in log.crash_frames] == [
        ("libsystem_kernel.dylib", 16),
        ("Field Notes", 32),
        (None, None),
    ]


@pytest.mark.parametrize("heading", ["Application Specific Backtrace 1:", "Application Specific Backtrace 0:"])
def test_the_backtrace_of_older_systems_is_the_exceptions_too(heading):
    log = read(HEADER + UNCAUGHT + f"{heading}\n0   Foundation   0x00b0f60 fire + 4\n\n" + STACKS)

    assert [frame.function for frame in log.faults[0].frames] == ["fire"]


def test_a_cpp_exception_and_a_dyld_message_are_told():
    cpp = "Exception Type: EXC_CRASH (SIGABRT)\n\nApplication Specific Information:\n{}\n\n"

    thrown = read(HEADER + cpp.format("terminating with uncaught exception of type std::out_of_range: vector"))
    dyld = read(
        HEADER + "Exception Type: EXC_CRASH (SIGABRT)\n\nDyld Error Message:\n  Library not loaded: @rpath/A\n\n"
    )

    assert (thrown.faults[0].type, thrown.faults[0].message) == ("std::out_of_range", "vector")
    assert dyld.faults[0].message == "Library not loaded: @rpath/A"


def test_a_deadlock_has_no_zero_for_a_name():
    fault = read(
        HEADER + "Exception Type:  0 (0)\nCrashed Thread:  0\n\nApplication main thread deadlocked\n\n"
    ).faults[0]

    assert (fault.type, fault.signal, fault.message) == ("Deadlock", None, "Application main thread deadlocked")


def test_a_termination_reason_of_many_lines_is_the_message():
    reason = "Termination Reason: TCC 0\nThis app tried to use the camera.\n"

    fault = read(HEADER + "Exception Type:  EXC_CRASH (SIGABRT)\n" + reason + "\nTriggered by Thread:  0\n").faults[0]

    assert (fault.message, fault.code) == ("This app tried to use the camera.", "TCC 0")


def test_the_flagged_block_wins_over_the_header_and_the_log_says_so():
    log = read(HEADER + EXCEPTION.replace("Thread:  1", "Thread:  5") + STACKS)

    assert log.crashed_thread.index == 1
    assert log.notes[0] == "The header names thread 5 as crashed, the stacks mark thread 1"


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("Thread 3 Crashed:", (3, None, None)),
        ("Thread 3 Crashed:: Dispatch queue: q", (3, None, "q")),
        ("Thread 3 Crashed:: Main  Dispatch queue: q", (3, "Main", "q")),
        ("Thread 3 Crashed: My Thread", (3, "My Thread", None)),
    ],
)
def test_every_heading_of_a_crashed_thread_is_known(heading, expected):
    thread = read(HEADER + EXCEPTION + f"{heading}\n0   a   0x1 b + 1\n").crashed_thread

    assert (thread.index, thread.name, thread.queue) == expected


@pytest.mark.parametrize(
    ("version", "system", "expected"),
    [
        ("42 (3.1)", "iPhone OS 14.8 (18H17)", ("3.1", "42")),
        ("3.1 (42)", "iPhone OS 14.8 (18H17)", ("3.1", "42")),
        ("7 (3)", "iPhone OS 14.8 (18H17)", ("3", "7")),
        ("7 (3)", "iPhone OS 17.0 (21A329)", ("7", "3")),
        ("2.0 (41.1)", "macOS 14.2 (23C64)", ("2.0", "41.1")),
        ("512", "Mac OS X 10.8.5 (12F45)", ("512", None)),
        ("??? (???)", "macOS 14.2 (23C64)", (None, None)),
    ],
)
def test_version_is_read_in_both_orders(version, system, expected):
    text = HEADER.replace("42 (3.1)", version).replace("iPhone OS 14.8 (18H17)", system)

    app = read(text + EXCEPTION).app

    assert (app.version, app.build) == expected


def test_the_crash_of_the_handler_is_a_note_and_no_thread():
    tail = "\nHandler crashed while reporting:\n\nException Type:  EXC_BAD_ACCESS (SIGBUS)\nCrashed Thread:  7\n\n"

    log = read(HEADER + EXCEPTION + STACKS + tail + "Thread 7 Crashed:\n0   App  0x2000 onCrash + 4\n")

    assert [thread.index for thread in log.threads] == [0, 1]
    assert log.notes[-1] == ("The crash handler crashed while it wrote this report: EXC_BAD_ACCESS (SIGBUS) in onCrash")


def test_two_reports_in_one_text_are_two_logs_and_a_translated_one_is_one():
    report = HEADER + EXCEPTION + STACKS
    full = '\nFull Report\n-----------\n\n{"a":1}\n' + report
    translated = "-----\nTranslated Report (Full Report Below)\n-----\n\n" + report + full

    assert len(apple_text.parse(Document((report + report).encode()))) == 2
    assert len(apple_text.parse(Document(translated.encode()))) == 1


def test_umengs_backtrace_is_the_faults():
    log = read(UMENG)

    assert (log.faults[0].type, log.faults[0].message) == (None, UMENG.split("\n")[0])
    assert [frame.function for frame in log.crash_frames] == ["<redacted>", "main"]
    assert (log.images[0].name, log.images[0].address, log.device.arch) == ("FieldNotes", 0x1000A0000, "arm64")


def test_a_report_cut_anywhere_after_its_exception_type_is_still_a_crash():
    text = HEADER + EXCEPTION + STACKS
    start = len(HEADER) + len("Exception Type:  EXC_BAD_ACCESS (SIGSEGV)\n")

    for end in range(start, len(text)):
        assert read(text[:end]).faults[0].type == "EXC_BAD_ACCESS"


def test_stacks_without_a_header_tell_the_crashed_thread():
    log = read(STACKS)

    assert (log.faults[0].type, log.crashed_thread.index) == (None, 1)


def test_a_very_deep_stack_keeps_its_ends():
    lines = "".join(f"{n}   App   {n + 16:#x} f + 1\n" for n in range(200_000))

    frames = read(HEADER + EXCEPTION + "Thread 1 Crashed:\n" + lines).crash_frames

    assert (len(frames), frames[0].address, frames[-1].address) == (MAX_FRAMES, 16, 200_015)


def test_a_header_that_ends_before_its_exception_type_is_refused_as_cut_short():
    with pytest.raises(MalformedLog, match="cut short before its Exception Type"):
        read(HEADER)


def test_a_hang_report_is_refused_as_what_it_is():
    with pytest.raises(MalformedLog, match=r"\(hang\), not of a crash"):
        read(HEADER + "Event:            hang\nDuration:         4.2s\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Process: com.example.notes, PID: 12\njava.lang.Error: no\n\tat a.b.c(D.java:1)\n",
        "Crash type: 'native'\nOS version: '10'\nABI: 'arm64-v8a'\npid: 1, tid: 2, name: main  >>> a <<<\n",
        "----- pid 12 at 2023-04-04 22:06:31 -----\nCmd line: a\n",
        "    #00 pc 0000a  /system/lib/libc.so (abort+1)\n",
        '{"Exception Type": "EXC_CRASH", "Code Type": "ARM", "Process": "x"}',
    ],
)
def test_other_texts_are_not_claimed(text):
    assert not apple_text.sniff(Document(text.encode()))


APPLES = "Code Type:       ARM-64\nReport Version:  104\nEvent:           hang\n"
JAVA = 'Exception in thread "main" java.lang.Error: x\n\tat com.example.A.b(A.java:1)\n'
NATIVE = "Fatal signal 11 (SIGSEGV), code 1, fault addr 0x0 in tid 9 (a), pid 9 (b)\n"
APPLES_CRASH = "Exception Type:  EXC_CRASH (SIGABRT)\nReport Version:  104\n"


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        (APPLES + JAVA, "apple-text"),
        (APPLES + NATIVE, "android-native-log"),
        (APPLES_CRASH + NATIVE, "apple-text"),
        (APPLES_CRASH + JAVA, "apple-text"),
    ],
)
def test_exactly_one_parser_claims_what_holds_another_formats_crash_too(text, claim):
    assert [name for name, parser in PARSERS.items() if parser.sniff(Document(text.encode()))] == [claim]

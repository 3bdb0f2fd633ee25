"""The real Java traces and Sentry events of the corpus: each digested or refused, with facts read from the files."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.crashes.log import CrashLog
from app.errors import MalformedLog
from app.parsers import java_trace, sentry_event
from app.parsers.document import Document

CORPUS = Path(os.environ.get("CRASHQ_CORPUS") or Path(__file__).parents[4] / "shared" / "corpus")

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus of real logs at {CORPUS}")

JAVA = {  # file -> thread, process, and (type, start of message, relation, frames) of each fault
    "Fraction.log": (None, None, [("java.lang.ArithmeticException", "/ by zero", None, 1)]),
    "error.txt": ("Thread-1", None, [("java.lang.NullPointerException", "", None, 2)]),
    "java_fatal_exception.txt": (
        "ConnectivityManager",
        "com.android.systemui",
        [("java.util.ConcurrentModificationException", "", None, 8)],
    ),
    "java_severity_medium_exception.txt": (
        None,
        None,
        [
            ("com.code_intelligence.jazzer.api.FuzzerSecurityIssueMedium", "com.google.gson.Json", None, 1),
            ("com.google.gson.JsonSyntaxException", "com.google.gson.stre", "cause", 5),
            ("com.google.gson.stream.MalformedJsonException", "Invalid escape seq", "cause", 12),
        ],
    ),
    "nested_st.txt": (
        None,
        None,
        [
            ("javax.servlet.ServletException", "Something bad", None, 20),
            ("com.example.myproject.MyProjectServletException", "", "cause", 6),
            ("org.hibernate.exception.ConstraintViolationException", "could not insert", "cause", 30),
            ("java.sql.SQLException", "Violation of unique", "cause", 31),
        ],
    ),
    "nested_st2.txt": (
        "main",
        None,
        [
            ("example.BusinessLevelException", "Business level", None, 2),
            ("example.ServiceException", "Service level", "cause", 3),
            ("example.DatabaseException", "Database level", "cause", 4),
        ],
    ),
}

# file | type | message | faults | top function | frames | platform | date; texts may stop early, "-" is nothing
SENTRY = """
130-w-tuple.json | - | [API] Fout tijdens | 1 | - | 0 | csharp | 2025-06-03
android-ndk.json | SIGSEGV | Segfault | 1 | - | 36 | native | 2024-09-17
android_anr2.json | ApplicationNotResponding | Application Not | 1 | applyStyle | 102 | java | 2024-09-17
aspnetcore.json | System.Exception | sync exception | 1 | Get | 31 | csharp | 2024-09-17
block-invoke.json | Error.noExperimentsWhenBucketQueried | - | 1 | stripped_application_code | 28 | apple | 2024-09-17
bugly.json | SIGSEGV | Segfault | 1 | kill | 8 | native | 2024-09-17
contexts.json | ErrorWithContext | Just an error | 1 | - | 0 | python | 2024-09-16
debug__arm64__Swift.json | EXC_BREAKPOINT | fatal error | 1 | specialized _fatalErrorMessage( | 26 | apple | 2017-01-26
dotnet_divide_zero.json | System.DivideByZeroException | Attempted to | 1 | DivideByZero | 5 | csharp | 2020-05-12
group_200_event_200.json | EXCEPTION_ACCESS_VIOLATION_WRITE | Fatal Error | 1 | RtlpOptimizeWait | 24 | native | 2024-09-17
group_294_event_294.json | 0x00000000 / 0x00000000 | Fatal Error | 1 | - | 39 | native | 2024-09-17
issue-16-go.json | *errors.errorString | error connecting | 1 | main | 1 | go | 2024-12-12
java-chained.json | org.apache.catalina.LifecycleException | Failed to start comp | 3 | start | 14 | java | 2024-09-17
java-minimal.json | java.lang.ArithmeticException | / by zero | 1 | home | 55 | java | 2024-09-17
javascript-message.json | - | event | 1 | - | 0 | javascript | 2024-09-17
minified-javascript.json | NS_ERROR_NOT_INITIALIZED | - | 1 | Pt</t.prototype.wrapTime | 22 | javascript | 2024-09-17
mobile1-xba.json | AndroidRuntimeException | java.lang.Runtime | 3 | getProvider | 23 | java | 2024-09-17
mobile1-xbb.json | AndroidRuntimeException | java.lang.reflect. | 5 | getProvider | 21 | java | 2024-09-17
mobile1-xdw.json | EXC_BAD_ACCESS | sharedApplication | 1 | objc_retain | 15 | apple | 2024-09-17
mobile1-xfh.json | ExceptionInInitializerError | - | 2 | stripped_application_code | 22 | java | 2024-09-17
mobile1-xib.json | NSInvalidArgumentException | *** -[__NSArrayM | 1 | __exceptionPreprocess | 28 | apple | 2024-09-17
mobile1-xkm.json | RuntimeException | java.lang.reflect | 5 | run | 2 | java | 2024-09-17
mobile1-xll.json | RuntimeException | java.lang.reflect | 3 | main | 1 | java | 2024-09-17
mobile1-xnf.json | StackOverflowError | stack size 8MB | 1 | isInstance | 250 | java | 2024-09-17
mobile1-xrk.json | SIGBUS | BusError | 1 | memcpy | 25 | native | 2024-09-17
mobile1-xsr.json | SIGABRT | Abort | 1 | tgkill | 12 | native | 2024-09-17
native1-xbo.json | 0xe0434352 / 0x00000000 | Fatal Error | 1 | RaiseException | 64 | native | 2024-09-17
native1-xed.json | EXC_BAD_INSTRUCTION | Fatal | 1 | _dispatch_assert_queue_fail | 88 | native | 2024-09-17
node-exception-weird.json | Error | bla | 1 | NodeBackend.Object | 10 | javascript | 2024-09-17
nonsense_platform.json | NonsensePlatform | not actually | 1 | complete_with_both | 1 | nonsense | 2024-03-19
objc-release.json | EXC_BAD_ACCESS | Exception 1, Code | 1 | objc_release | 22 | apple | 2024-09-17
raven-throwerror.json | Error | Sentry: Test | 1 | _throwError | 30 | javascript | 2017-10-24
release__arm64__Call abort().json | SIGABRT | Signal 6 | 1 | __pthread_kill | 26 | apple | 2017-01-26
release__arm64__Stack overflow.json | EXC_BAD_ACCESS | Stack overflow | 1 | kaboom_exception::what | 100 | apple | 2017-01-26
release__x86_64__Throw C++ exception.json | cpp_exception | kaboom | 1 | __cxa_throw | 23 | apple | 2017-01-26
sentry_event.json | 32a4ff49-f989-4698 | c27490af | 1 | e8944b85 | 1 | 38decc78 | 1942-07-09
sentry_exception.json | 32a4ff49-f989-4698 | c27490af | 1 | e8944b85 | 1 | - | -
swiftui.json | SIGABRT | AttributeGraph | 1 | __pthread_kill | 70 | apple | 2024-09-17
top-level-message-as-str.json | myMessageIsWrongly | event.message | 1 | NotTheInteresting | 1 | go | 2025-03-06
top-level-message-no-exception.json | - | Error getting | 1 | - | 0 | java | 2025-02-13
unity.json | NullReferenceException | Object reference | 1 | SampleScript.ThrowNull | 8 | csharp | 2024-09-17
user-id-as-int.json | - | Error during | 1 | - | 0 | python | 2025-02-12
"""
SENTRY_ROWS = [tuple(row.split(" | ")) for row in SENTRY.strip().split("\n")]


def documents(folder: str) -> Iterator[tuple[str, Document]]:
    for path in sorted((CORPUS / folder).iterdir()):
        yield path.name, Document(path.read_bytes())


def starts(read: str | None, expected: str) -> bool:
    return read is None if expected == "-" else (read or "").startswith(expected)


def sentry_report(name: str) -> CrashLog:
    (report,) = sentry_event.parse(Document((CORPUS / "sentry-event" / name).read_bytes()))
    return report


@pytest.mark.parametrize("name", JAVA)
def test_each_java_log_holds_one_crash_report_with_the_chain_it_prints(name):
    thread, process, faults = JAVA[name]

    (report,) = java_trace.parse(Document((CORPUS / "android-java-trace" / name).read_bytes()))

    read = [
        (fault.type, (fault.message or "")[: len(message)], fault.relation, len(fault.frames))
        for fault, (_, message, _, _) in zip(report.faults, faults, strict=True)
    ]
    assert read == faults
    assert [each.name for each in report.threads] == ([thread] if thread else [])
    assert (report.process, report.occurred_at, report.platform) == (process, None, "java")


def test_the_frames_of_the_fatal_java_log_are_those_of_the_uncaught_exception():
    (report,) = java_trace.parse(Document((CORPUS / "android-java-trace" / "java_fatal_exception.txt").read_bytes()))

    top = report.crash_frames[0]
    assert (top.module, top.function, top.line) == ("java.util.ArrayList$ArrayListIterator", "next", 573)
    assert report.process_id == 13954


@pytest.mark.parametrize("row", SENTRY_ROWS, ids=[row[0] for row in SENTRY_ROWS])
def test_each_sentry_event_gives_the_facts_that_stand_in_it(row):
    name, kind, message, faults, function, frames, platform, date = row

    report = sentry_report(name)

    first = report.faults[0]
    top = report.crash_frames[0].function if report.crash_frames else None
    assert starts(first.type, kind)
    assert starts(first.message, message)
    assert starts(top, function)
    assert (len(report.faults), len(report.crash_frames)) == (int(faults), int(frames))
    assert starts(report.platform, platform)
    assert starts(report.occurred_at and report.occurred_at.isoformat(), date)


def test_125_of_the_127_sentry_events_are_digested_and_two_tell_of_no_crash():
    digested, refused = 0, []

    for name, document in documents("sentry-event"):
        try:
            digested += len(sentry_event.parse(document))
        except MalformedLog:
            refused.append(name)

    assert digested == 125
    assert refused == ["event.json", "sentry_base_event.json"]


def test_the_crash_frame_is_the_last_one_of_every_sentry_event():
    for name, document in documents("sentry-event"):
        values = (document.json.get("exception") or {}) if isinstance(document.json.get("exception"), dict) else {}
        frames = ((values.get("values") or [{}])[-1].get("stacktrace") or {}).get("frames")
        if not frames:
            continue

        report = sentry_report(name)

        assert len(report.crash_frames) == len(frames), name
        assert report.crash_frames[0].function == (frames[-1].get("function") or None), name


def test_a_crash_of_the_test_app_keeps_threads_images_system_and_device():
    report = sentry_report("debug__arm64__Throw Objective-C exception.json")

    assert (len(report.threads), len(report.images)) == (11, 255)
    assert (report.os.name, report.os.version, report.os.build) == ("iOS", "10.2", "14C92")
    assert (report.device.model, report.device.arch) == ("iPhone9,4", "arm64")
    assert (report.faults[0].signal, report.crash_frames[0].address) == ("SIGABRT", 0x816751B8)
    assert report.images[0].arch == "arm64"


def test_an_address_is_placed_in_the_one_image_of_the_ndk_event():
    report = sentry_report("android-ndk.json")

    placed = [frame for frame in report.crash_frames if frame.image]
    assert {frame.image for frame in placed} == {"libart.so"}
    assert 0 < len(placed) < 36


def test_every_log_of_the_two_folders_is_claimed_by_its_own_parser():
    for name, document in documents("android-java-trace"):
        assert java_trace.sniff(document), name
        assert not sentry_event.sniff(document), name
    for name, document in documents("sentry-event"):
        assert sentry_event.sniff(document), name
        assert not java_trace.sniff(document), name


def test_of_other_folders_only_plain_java_traces_are_claimed():
    """The texts beside measure's events and the outputs of its symbolicator are Java traces like any other."""
    own = ("android-java-trace", "sentry-event")

    claimed = [
        f"{folder.name}/{name}"
        for folder in sorted(CORPUS.iterdir())
        if folder.is_dir() and folder.name not in own
        for name, document in documents(folder.name)
        if java_trace.sniff(document) or sentry_event.sniff(document)
    ]

    assert claimed == [
        "measure-event/anr_stacktrace_one.txt",
        "measure-event/exception_stacktrace_one.txt",
        "measure-event/nested_exception_stacktrace_one.txt",
        "symbolication/jvm_anr_stacktrace_golden.txt",
        "symbolication/jvm_exception_stacktrace_golden.txt",
        "symbolication/jvm_nested_exception_stacktrace_golden.txt",
    ]

"""The real Apple and KSCrash logs of the corpus: what each one says, read from the files by eye. Skipped without corpus."""

import os
from pathlib import Path

import pytest

from app.errors import MalformedLog
from app.parsers import apple_ips, apple_text, kscrash
from app.parsers.document import Document

CORPUS = Path(os.environ.get("CRASHQ_CORPUS") or Path(__file__).parents[4] / "shared" / "corpus")
PARSERS = (kscrash, apple_text, apple_ips)
FOLDERS = ["kscrash-json", "apple-text", "apple-ips"]

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus: set CRASHQ_CORPUS")

TESTER = "org.stenerud.Crash-Tester"
SWIFT = "io.sentry.sample.iOS-Swift"
PROBE = "net.hockeyapp.CrashProbeiOS"

# file: (fault type, signal, crashed thread, threads, images, UTC time to the second, app identifier, version)
FACTS = {
    "kscrash-json": {
        "Abort.json": ("EXC_CRASH", "SIGABRT", 0, 8, 123, "1970-01-17T18:47:06", TESTER, "1.0"),
        "BadPointer.json": ("EXC_BAD_ACCESS", "SIGSEGV", 0, 8, 123, "1970-01-17T18:46:32", TESTER, "1.0"),
        "CorruptMemory.json": ("EXC_CRASH", "SIGABRT", 0, 7, 123, "1970-01-17T18:48:41", TESTER, "1.0"),
        "Crash-faulty-report.json": (
            "EXC_BAD_ACCESS", "SIGBUS", 0, 10, 1, "2017-04-03T09:13:17", "io.sentry.crashTest", "1.4.1"),
        "Crash-missing-crash-error.json": (None, None, 0, 7, 123, "1970-01-17T18:46:58", TESTER, "1.0"),
        "Crash-missing-crash-threads.json": (
            "EXC_BAD_ACCESS", "SIGSEGV", None, 0, 123, "1970-01-17T18:46:58", TESTER, "1.0"),
        "Crash-missing-user.json": ("EXC_BAD_ACCESS", "SIGSEGV", 0, 7, 123, "1970-01-17T18:46:58", TESTER, "1.0"),
        "CrashInHandler.json": ("EXC_BAD_ACCESS", "SIGSEGV", 0, 8, 123, "1970-01-17T19:45:51", TESTER, "1.0"),
        "MainThreadDeadlock.json": ("Deadlock", None, 0, 7, 123, "1970-01-17T18:49:14", TESTER, "1.0"),
        "NSException.json": ("NSInvalidArgumentException", "SIGABRT", 0, 8, 123, "1970-01-17T19:18:32", TESTER, "1.0"),
        "NSExceptionWithoutReason.json": (
            "MyCustomException", "SIGABRT", None, 0, 0, "2024-05-23T10:21:32", "io.sentry.macOS-Swift", "1.0"),
        "NX-Page.json": ("EXC_BAD_ACCESS", "SIGBUS", 0, 11, 250, "2017-06-06T08:52:42", PROBE, "1.0"),
        "ReactNative.json": (
            "Error: SentryClient: Test throw error", "SIGABRT", 5, 13, 254, "2016-12-14T14:53:27",
            "io.sentry.ReactNativeExample", "1.0"),
        "RecrashReport.json": ("EXC_BAD_ACCESS", None, 0, 1, 1, "2021-12-09T15:24:21", None, None),
        "StackOverflow.json": ("EXC_BAD_ACCESS", "SIGSEGV", 0, 7, 123, "1970-01-17T18:46:58", TESTER, "1.0"),
        "UnknownTypeException.json": (
            "EXC_CRASH", "SIGABRT", None, 0, 14, "2020-02-05T13:18:53", "com.test.buggy-app", "4.1.1"),
        "Zombie.json": ("EXC_BAD_ACCESS", "SIGSEGV", 0, 7, 123, "1970-01-17T18:47:25", TESTER, "1.0"),
        "crash-bad-access-no-subcode.json": (
            "EXC_BAD_ACCESS", "SIGBUS", None, 0, 0, "2023-01-30T09:07:16", SWIFT, "7.31.5"),
        "crash-bad-access.json": ("EXC_BAD_ACCESS", "SIGBUS", None, 0, 0, "2023-01-30T09:07:16", SWIFT, "7.31.5"),
        "crash-report-1.json": (
            "EXC_BAD_ACCESS", "SIGBUS", 0, 10, 256, "2017-04-03T09:13:17", "io.sentry.crashTest", "1.4.1"),
        "crash-report-legacy-storage-info.json": (
            "EXC_BAD_ACCESS", "SIGSEGV", 0, 1, 1, "2024-02-13T12:10:57", SWIFT, "8.20.0"),
        "dup-frame.json": ("NSInvalidArgumentException", "SIGABRT", 0, 1, 123, "1970-01-17T19:18:32", TESTER, "1.0"),
        "fatal-error-binary-images-iphone.json": (
            "EXC_BREAKPOINT", "SIGTRAP", 0, 12, 385, "2021-12-28T09:45:53", SWIFT, "7.7.0"),
        "fatal-error-notable-addresses.json": (
            "EXC_BAD_INSTRUCTION", "SIGILL", 0, 8, 194, "2017-07-17T09:05:26", "io.sentry.tadadgsf", "1.0"),
        "incomplete.json": ("P16kaboom_exception", "SIGABRT", 0, 10, 234, "2016-11-04T12:35:19", PROBE, "1.0"),
        "processed.json": ("11MyException", "SIGABRT", 0, 6, 220, "2016-11-07T23:17:23", TESTER, "1.0"),
        "raw-crash.json": (
            "EXC_BAD_ACCESS", "SIGSEGV", 0, 10, 327, "2017-05-17T16:33:05", "io.sentry.crashTest", "1.4.1"),
        "raw.json": ("11MyException", "SIGABRT", 0, 6, 220, "2016-11-07T23:17:23", TESTER, "1.0"),
        "report.json": ("name", "SIGABRT", 0, 9, 149, "2014-12-02T01:56:13", PROBE, "1.0"),
        "sigterm.json": ("SIGTERM", "SIGTERM", 0, 6, 220, "2016-11-07T23:17:23", TESTER, "1.0"),
    },
    "apple-text": {
        "Abort.txt": ("EXC_CRASH", "SIGABRT", 0, 8, 123, "1970-01-17T18:47:06", TESTER, "1.0"),
        "AppleConverted.log": ("EXC_CRASH", "SIGABRT", 1, 8, 13, "2022-03-16T03:45:14", "im.zorro.demo", "1.0"),
        "BadPointer.txt": ("EXC_BAD_ACCESS", "SIGSEGV", 0, 8, 123, "1970-01-17T18:46:32", TESTER, "1.0"),
        "CorruptMemory.txt": ("EXC_CRASH", "SIGABRT", 0, 7, 123, "1970-01-17T18:48:41", TESTER, "1.0"),
        "CrashInHandler.txt": ("EXC_BAD_ACCESS", "SIGSEGV", 0, 8, 123, "1970-01-17T19:45:51", TESTER, "1.0"),
        "MainThreadDeadlock.txt": ("Deadlock", None, 0, 7, 123, "1970-01-17T18:49:14", TESTER, "1.0"),
        "NSException.txt": ("NSInvalidArgumentException", "SIGABRT", 0, 8, 123, "1970-01-17T19:18:32", TESTER, "1.0"),
        "StackOverflow.txt": ("EXC_BAD_ACCESS", "SIGSEGV", 0, 7, 123, "1970-01-17T18:46:58", TESTER, "1.0"),
        "UmengDemo.crash": ("SIGSEGV", "SIGSEGV", None, 0, 1, None, None, None),
        "XCDYouTubeKit-54.txt": (
            "SIGSEGV", "SIGSEGV", 0, 18, 244, "2014-07-16T00:25:09", "com.AlphaSoft.iTubeDownloader", "512"),
        "Zombie.txt": ("EXC_BAD_ACCESS", "SIGSEGV", 0, 7, 123, "1970-01-17T18:47:25", TESTER, "1.0"),
        "agent_custom_set.crash": (
            "NSInvalidArgumentException", "SIGABRT", 0, 6, 157, "2016-03-15T08:36:38", "WebDriverAgent", "0"),
        "app_custom_set.crash": (
            "NSInvalidArgumentException", "SIGABRT", 0, 5, 124, "2016-03-15T08:38:21", "TableSearch", None),
        "handcrafted.txt": (
            "SIGSEGV", "SIGSEGV", 1, 2, 5, "2019-01-09T17:42:22", "com.YourCompany.YetAnotherMac", "4.21.1"),
    },
    "apple-ips": {
        "AppleJson.ips": ("EXC_CRASH", "SIGABRT", 1, 8, 13, "2022-03-16T03:45:14", "im.zorro.demo", "1.0"),
        "xctest-concated-json-crash.ips": ("EXC_BREAKPOINT", "SIGTRAP", 0, 3, 8, "2022-04-20T13:36:33", None, None),
    },
}  # fmt: skip
# file: (frames of the crash, function of the first one)
STACKS = {
    "kscrash-json/Abort.json": (19, "__pthread_kill"),
    "kscrash-json/CrashInHandler.json": (16, "-[Crasher dereferenceBadPointer]"),
    "kscrash-json/Crash-missing-crash-error.json": (50, "-[Crasher causeStackOverflow]"),
    "kscrash-json/NX-Page.json": (25, None),
    "kscrash-json/ReactNative.json": (22, "value"),
    "kscrash-json/RecrashReport.json": (24, "OnCrashBadAccess"),
    "kscrash-json/raw.json": (21, "_ZN10MyCPPClass16throwAnExceptionEv"),
    "apple-text/AppleConverted.log": (13, "__abort_with_payload"),
    "apple-text/UmengDemo.crash": (31, "<redacted>"),
    "apple-text/XCDYouTubeKit-54.txt": (27, "JSValueIsString"),
    "apple-text/agent_custom_set.crash": (18, "__exceptionPreprocess"),
    "apple-text/handcrafted.txt": (3, None),
    "apple-ips/AppleJson.ips": (13, "__abort_with_payload"),
    "apple-ips/xctest-concated-json-crash.ips": (55, "-[TpxUnitTests testExample1]"),
}


def read(folder, name):
    document = Document((CORPUS / folder / name).read_bytes())
    [parser] = [parser for parser in PARSERS if parser.sniff(document)]
    assert folder == parser.FORMAT
    return parser.parse(document)


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_of_the_folder_gives_one_crash_but_the_header_that_is_cut_short(folder):
    names = sorted(path.name for path in (CORPUS / folder).iterdir())

    assert [name for name in names if name not in FACTS[folder]] == (["xcode16.txt"] if folder == "apple-text" else [])
    assert [len(read(folder, name)) for name in FACTS[folder]] == [1] * len(FACTS[folder])


@pytest.mark.parametrize(("folder", "name"), [(folder, name) for folder in FOLDERS for name in FACTS[folder]])
def test_the_facts_of_the_log_are_found(folder, name):
    [log] = read(folder, name)

    fault, thread = log.faults[0], log.crashed_thread
    assert (
        fault.type,
        fault.signal,
        thread.index if thread else None,
        len(log.threads),
        len(log.images),
        log.occurred_at.strftime("%Y-%m-%dT%H:%M:%S") if log.occurred_at else None,
        log.app.identifier,
        log.app.version,
    ) == FACTS[folder][name]


@pytest.mark.parametrize("place", STACKS)
def test_the_stack_of_the_crash_is_found(place):
    [log] = read(*place.split("/"))

    assert (len(log.crash_frames), log.crash_frames[0].function) == STACKS[place]


@pytest.mark.parametrize("name", ["Abort", "BadPointer", "CrashInHandler", "NSException", "StackOverflow", "Zombie"])
def test_a_crash_is_the_same_in_json_and_as_its_own_tool_renders_it(name):
    [written], [rendered] = read("kscrash-json", f"{name}.json"), read("apple-text", f"{name}.txt")

    assert [(f.type, f.message, f.signal, f.code) for f in written.faults] == [
        (f.type, f.message, f.signal, f.code) for f in rendered.faults
    ]
    assert [(f.function, f.image, f.address) for f in written.crash_frames] == [
        (f.function, f.image, f.address) for f in rendered.crash_frames
    ]
    assert (written.occurred_at, written.device.install_id) == (rendered.occurred_at, rendered.device.install_id)


def test_the_converted_text_of_an_ips_file_tells_the_same_crash():
    [body], [text] = read("apple-ips", "AppleJson.ips"), read("apple-text", "AppleConverted.log")

    assert [(f.type, f.message, f.signal, f.code) for f in body.faults] == [
        (f.type, f.message, f.signal, f.code) for f in text.faults
    ]
    assert [(f.function, f.image, f.address) for f in body.crash_frames] == [
        (f.function, f.image, f.address) for f in text.crash_frames
    ]
    assert body.crashed_thread.registers == text.crashed_thread.registers


def test_the_header_that_is_cut_short_is_refused_with_its_reason():
    with pytest.raises(MalformedLog, match="cut short before its Exception Type"):
        read("apple-text", "xcode16.txt")


def test_no_other_file_of_the_corpus_is_claimed():
    expected_renderings = {"symbolication"}  # holds stacks as text that tools are to print, no logs

    for path in sorted(CORPUS.rglob("*")):
        if path.is_file() and path.parent.name not in (*FOLDERS, *expected_renderings):
            document = Document(path.read_bytes())
            assert not [parser.FORMAT for parser in PARSERS if parser.sniff(document)], path.name

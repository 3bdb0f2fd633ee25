"""The real ANRs and native logs of the corpus, with facts read from the files."""

import os
from pathlib import Path

import pytest

from app.crashes.fingerprint import fingerprint
from app.crashes.log import CrashLog
from app.parsers import PARSERS, android_anr, parse
from app.parsers.document import Document

CORPUS = Path(os.environ.get("CRASHQ_CORPUS") or Path(__file__).parents[4] / "shared" / "corpus")

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus of real logs at {CORPUS}")

ANRS = {  # file -> process, pid, time, threads, frames of the main thread, its top function
    "thread_dump.txt": ("io.sentry.samples.android", 28941, "2023-04-04T20:06:31.064728+00:00", 30, 9, "run"),
    "thread_dump_bad_data.txt": (
        "com.example.app:mainProcess",
        12233,
        "2024-11-13T14:18:09.980104+00:00",
        0,
        0,
        None,
    ),
    "thread_dump_no_stacktrace.txt": (
        "io.sentry.samples.android",
        12345,
        "2024-01-01T10:00:00+00:00",
        2,
        1,
        "onCreate",
    ),
    "tombstone_anr_arm64-v8a.txt": ("xcrash.sample", 21533, "2019-10-11T19:25:25.645000+00:00", 35, 17, "sleep"),
    "tombstone_anr_x86.txt": ("xcrash.sample", 6608, "2019-10-11T06:50:29.138000+00:00", 36, 17, "sleep"),
}

NATIVE = {  # file -> type, start of message, process, pid, frames, top function
    "android_asan_uaf.txt": (
        "AddressSanitizer: heap-use-after-free",
        "heap-use-after-free; READ of size 2",
        None,
        378,
        16,
        "strlen",
    ),
    "android_kernel_kasan_510.txt": (
        "KASAN: use-after-free",
        "use-after-free in f2fs",
        "bgExecutor #3",
        8262,
        18,
        "dump_backtrace",
    ),
    "android_null_stack.txt": ("SIGSEGV", "", "/system/bin/surfaceflinger", 1236, 1, None),
    "check_failure_android_media.txt": ("SIGABRT", "frameworks/av", "/system/bin/mediaserver", 1322, 19, "tgkill"),
    "check_failure_chrome_android.txt": (
        "SIGABRT",
        "[FATAL:compositor",
        "com.google.android.apps.chrome",
        24061,
        0,
        None,
    ),
    "missing_library_android.txt": ("CANNOT LINK EXECUTABLE", "library", "/build/vts_proto_fuzzer", None, 0, None),
}


def anr(name: str) -> CrashLog:
    (report,) = android_anr.parse(Document((CORPUS / "android-anr" / name).read_bytes()))
    return report


@pytest.mark.parametrize("name", ANRS)
def test_each_anr_tells_its_process_time_and_main_thread(name):
    process, pid, time, threads, frames, top = ANRS[name]

    report = anr(name)

    assert (report.process, report.process_id) == (process, pid)
    assert report.occurred_at is not None
    assert report.occurred_at.isoformat() == time
    assert (len(report.threads), len(report.crash_frames)) == (threads, frames)
    assert (report.crash_frames[0].function if report.crash_frames else None) == top
    assert report.faults[0].type == "ANR"


def test_an_anr_without_any_thread_still_tells_why_the_app_was_stopped():
    report = anr("thread_dump_bad_data.txt")

    assert (report.faults[0].message or "").startswith("Input dispatching timed out")
    assert report.notes == ("The dump holds no thread",)


def test_one_anr_on_two_architectures_is_one_crash():
    prints = {fingerprint(anr(f"tombstone_anr_{arch}.txt")).value for arch in ("arm64-v8a", "x86")}

    assert len(prints) == 1


@pytest.mark.parametrize("name", NATIVE)
def test_each_native_log_is_one_crash_with_its_message_process_and_frames(name):
    kind, message, process, pid, frames, top = NATIVE[name]

    [report] = parse((CORPUS / "android-native-log" / name).read_bytes())

    assert report.faults[0].type == kind
    assert (report.faults[0].message or "").startswith(message)
    assert (report.process, report.process_id, len(report.crash_frames)) == (process, pid, frames)
    assert (report.crash_frames[0].function if report.crash_frames else None) == top


@pytest.mark.parametrize("folder", ["android-anr", "android-native-log"])
def test_every_log_of_the_folder_is_claimed_by_its_own_parser_and_no_other(folder):
    for path in sorted((CORPUS / folder).iterdir()):
        document = Document(path.read_bytes())

        assert [name for name, parser in PARSERS.items() if parser.sniff(document)] == [folder], path.name

"""Uncaught exceptions in Android logs, under every format of logcat and with lines of others between."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.crashes.log import CrashLog
from app.parsers import java_trace
from app.parsers.document import Document

SAMPLES = Path(__file__).parents[3] / "app" / "samples" / "java-trace"

FATAL = """\
FATAL EXCEPTION: main
Process: com.example.notes:edit, PID: 1234
java.lang.RuntimeException: Unable to start: two
lines: of text
\tat android.app.ActivityThread.performLaunchActivity(ActivityThread.java:3635)
\tat com.android.internal.os.ZygoteInit.main(ZygoteInit.java:936)
Caused by: java.lang.IllegalStateException: two
lines: of text
\tat com.example.notes.EditActivity.onCreate(EditActivity.kt:41)
\tat android.app.ActivityThread.performLaunchActivity(ActivityThread.java:3600)
\t... 1 more"""

PREFIXES = {
    "brief": "{p}/{t:<8}({pid:5d}): {m}",
    "process": "{p}({pid:5d}) {m}  ({t})",
    "tag": "{p}/{t:<8}: {m}",
    "time": "09-13 08:03:31.123 {p}/{t:<8}({pid:5d}): {m}",
    "threadtime": "09-13 08:03:31.123 {pid:5d} {tid:5d} {p} {t:<8}: {m}",
    "threadtime with uid": "09-13 08:03:31.123 u0_a123 {pid:5d} {tid:5d} {p} {t:<8}: {m}",
    "threadtime with year and zone": "2024-09-13 08:03:31.123 +0200 {pid:5d} {tid:5d} {p} {t:<8}: {m}",
    "epoch": "        1726207411.123 {pid:5d} {tid:5d} {p} {t:<8}: {m}",
    "long": "[ 09-13 08:03:31.123 {pid:5d}:{tid:5d} {p}/{t:<8} ]\n{m}\n",
    "studio": "2024-09-13 08:03:31.123  {pid:5d}-{tid:<5d}  {t:<22} com.example.notes     {p}  {m}",
    "old studio": "2024-09-13 08:03:31.123 {pid}-{tid}/com.example.notes {p}/{t}: {m}",
}


def read(text: str) -> list[CrashLog]:
    document = Document(text.encode())
    assert java_trace.sniff(document)
    return java_trace.parse(document)


def logcat(form: str) -> str:
    """The fatal trace under a logcat format, with lines of other processes and tags between its lines."""
    lines = [form.format(p="I", pid=1234, tid=1234, t="notes", m="hello: world")]
    for number, text in enumerate(FATAL.split("\n")):
        lines.append(form.format(p="E", pid=1234, tid=1250, t="AndroidRuntime", m=text))
        if number % 2:
            frame = f"\tat com.other.Foo.bar(Foo.java:{number})" if number > 1 else "java.io.IOException: handled"
            lines.append(form.format(p="W", pid=999, tid=999, t="System.err", m=frame))
            lines.append(form.format(p="D", pid=1234, tid=1250, t="other", m=f"noise {number}"))
    return "\n".join(lines)


@pytest.mark.parametrize("form", PREFIXES.values(), ids=PREFIXES.keys())
def test_a_fatal_exception_is_found_under_every_logcat_format(form):
    (report,) = read(logcat(form))

    assert (report.process, report.process_id, report.app.identifier) == (
        "com.example.notes:edit",
        1234,
        "com.example.notes",
    )
    assert (report.level, report.os.name, report.faults[0].handled) == ("fatal", "Android", False)
    assert [(thread.name, thread.is_crashed) for thread in report.threads] == [("main", True)]
    assert [(fault.type, len(fault.frames)) for fault in report.faults] == [
        ("java.lang.RuntimeException", 2),
        ("java.lang.IllegalStateException", 3),
    ]
    assert report.faults[1].message == "two\nlines: of text"


def test_a_logcat_time_without_a_year_gives_no_date():
    (report,) = read(logcat(PREFIXES["threadtime"]))

    assert report.occurred_at is None


def test_a_logcat_time_with_year_and_zone_gives_the_date_in_utc():
    (report,) = read(logcat(PREFIXES["threadtime with year and zone"]))

    assert report.occurred_at == datetime(2024, 9, 13, 6, 3, 31, 123000, tzinfo=UTC)
    assert report.notes == ()


def test_a_logcat_time_with_a_year_and_no_zone_is_read_as_utc_and_noted():
    (report,) = read(logcat(PREFIXES["studio"]))

    assert report.occurred_at == datetime(2024, 9, 13, 8, 3, 31, 123000, tzinfo=UTC)
    assert report.notes == ("The log names no time zone: its time is read as UTC",)


def test_uncaught_exceptions_are_the_only_reports_where_the_log_names_any():
    handled = "java.io.IOException: handled\n\tat a.A.b(A.java:1)\n"

    reports = read(f"{handled}{FATAL}\n{handled}{FATAL.replace('1234', '99')}\n{handled}")

    assert [report.process_id for report in reports] == [1234, 99]


def test_the_logcat_sample_is_one_report_without_the_handled_exception():
    (report,) = java_trace.parse(Document((SAMPLES / "uncaught-logcat.txt").read_bytes()))

    assert report.app.identifier == "com.example.notes"
    assert [(fault.type, len(fault.frames)) for fault in report.faults] == [
        ("java.lang.RuntimeException", 13),
        ("java.lang.IllegalStateException", 19),
        ("java.util.NoSuchElementException", 20),
    ]


@pytest.mark.parametrize("line", [
    "I/Zygote  (  300): Process 4321 exited due to signal 9 (SIGKILL)",
    "I/Zygote  (  300): Process 4321 terminated by signal 11 (SIGSEGV)",
])  # fmt: skip
def test_the_end_of_another_process_by_a_signal_hides_no_java_crash(line):
    text = f"{line}\nE/AndroidRuntime( 5705): FATAL EXCEPTION: main\nE/AndroidRuntime( 5705): java.lang.Error: x\n"

    [report] = read(f"{text}E/AndroidRuntime( 5705): \tat com.example.A.b(A.java:1)\n")

    assert report.faults[0].type == "java.lang.Error"

"""Java stack traces as the JVM, logcat and log frameworks print them. Expected texts are outputs of OpenJDK 17."""

from pathlib import Path

import pytest

from app.crashes.log import CrashLog
from app.errors import MalformedLog
from app.parsers import java_trace
from app.parsers.document import Document

SAMPLES = Path(__file__).parents[3] / "app" / "samples" / "java-trace"

SUPPRESSED = """\
Exception in thread "main" Demo$Größe: first line
second: line
\tthird
\tat Demo.outer(Demo.java:7)
\tat Demo.main(Demo.java:9)
Caused by: java.lang.ArithmeticException: / by zero
\tat Demo.lambda$inner$0(Demo.java:5)
\tat Demo.inner(Demo.java:5)
\tat Demo.middle(Demo.java:6)
\t... 2 more
\tSuppressed: java.lang.IllegalStateException: close b
\t\tat Demo$Res.close(Demo.java:3)
\t\t... 3 more
\tCaused by: java.io.IOException: disk
\t\t... 4 more
\tSuppressed: java.lang.IllegalStateException: close a
\t\tat Demo$Res.close(Demo.java:3)
\t\t... 3 more
\tCaused by: java.io.IOException: disk
\t\t... 4 more
"""


def read(text: str) -> list[CrashLog]:
    document = Document(text.encode())
    assert java_trace.sniff(document)
    return java_trace.parse(document)


def test_a_bare_trace_gives_type_message_and_frames():
    (report,) = read("java.lang.ArithmeticException: / by zero\n    at com.example.Fraction.shift(Fraction.java:24)")

    (fault,) = report.faults
    assert (report.format, report.platform, report.level) == ("java-trace", "java", None)
    assert (fault.type, fault.message, fault.handled) == ("java.lang.ArithmeticException", "/ by zero", None)
    (frame,) = fault.frames
    assert (frame.module, frame.function, frame.file, frame.line) == (
        "com.example.Fraction",
        "shift",
        "Fraction.java",
        24,
    )
    assert report.threads == ()


def test_causes_and_suppressed_ones_point_to_the_exception_they_hang_on():
    (report,) = read(SUPPRESSED)

    assert [(fault.type, fault.relation, fault.parent, len(fault.frames)) for fault in report.faults] == [
        ("Demo$Größe", None, None, 2),
        ("java.lang.ArithmeticException", "cause", 0, 5),
        ("java.lang.IllegalStateException", "suppressed", 1, 4),
        ("java.io.IOException", "cause", 2, 4),
        ("java.lang.IllegalStateException", "suppressed", 1, 4),
        ("java.io.IOException", "cause", 4, 4),
    ]


def test_a_message_of_several_lines_is_kept_whole():
    (report,) = read(SUPPRESSED)

    assert report.faults[0].message == "first line\nsecond: line\n\tthird"


def test_frames_that_the_jvm_elides_are_restored_from_the_enclosing_trace():
    (report,) = read(SUPPRESSED)

    assert [f"{frame.function}:{frame.line}" for frame in report.faults[3].frames] == [
        "close:3",
        "middle:6",
        "outer:7",
        "main:9",
    ]


def test_frames_that_the_log_does_not_hold_are_counted_in_a_note():
    text = "a.AException\n\tat a.A.b(A.java:1)\nCaused by: b.BException\n\tat b.B.c(B.java:2)\n\t... 27 more\n"

    (report,) = read(text)

    assert len(report.faults[1].frames) == 1
    assert report.notes == ("The log leaves out 27 frames of b.BException",)


def test_a_circular_reference_ends_the_chain_with_a_note():
    (report,) = read(
        'Exception in thread "main" java.lang.Exception: x\n'
        "\tat Demo.main(Demo.java:10)\n"
        "Caused by: java.lang.Exception: y\n"
        "\t... 1 more\n"
        "Caused by: [CIRCULAR REFERENCE: java.lang.Exception: x]\n"
    )

    assert [fault.message for fault in report.faults] == ["x", "y"]
    assert report.notes == ("Circular reference: java.lang.Exception: x",)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("com.a.B.c(B.java:12)", ("com.a.B", "c", "B.java", 12, None, None)),
        ("com.a.B.c(B.java)", ("com.a.B", "c", "B.java", None, None, None)),
        ("com.a.B.c(Native Method)", ("com.a.B", "c", None, None, None, "Native Method")),
        ("com.a.B.c(Method.java:-2)", ("com.a.B", "c", "Method.java", None, None, "Native Method")),
        ("com.a.B.c(Unknown Source)", ("com.a.B", "c", None, None, None, None)),
        ("com.a.B.c(Unknown Source:12)", ("com.a.B", "c", None, 12, None, None)),
        ("a.b.c(SourceFile:3)", ("a.b", "c", "SourceFile", 3, None, None)),
        ("com.a.B.-$$Nest$mc", ("com.a.B", "-$$Nest$mc", None, None, None, None)),
        ("com.a.B.$r8$lambda$AbC-d_e(Unknown Source:0)", ("com.a.B", "$r8$lambda$AbC-d_e", None, None, None, None)),
        (
            "java.base/java.lang.Thread.run(Thread.java:840)",
            ("java.lang.Thread", "run", "Thread.java", 840, None, None),
        ),
        ("java.base@17.0.1/java.lang.A.b(A.java:1)", ("java.lang.A", "b", "A.java", 1, None, None)),
        ("app//com.a.B.c(B.java:1)", ("com.a.B", "c", "B.java", 1, None, None)),
        ("com.a.B$$Lambda$14/0x0800.run(Unknown Source)", ("com.a.B$$Lambda$14/0x0800", "run", None, None, None, None)),
        ("com.a.B$1.<init>(B.kt:3) ~[b-1.jar!/:1.2]", ("com.a.B$1", "<init>", "B.kt", 3, "b-1.jar", None)),
        ("com.a.B.c(B.java:1) [?:1.8]", ("com.a.B", "c", "B.java", 1, None, None)),
        ("com.a.B$c$1.invokeSuspend(B.kt:9)", ("com.a.B$c$1", "invokeSuspend", "B.kt", 9, None, None)),
        ("com.ä.Größe.öffne(Größe.kt:2)", ("com.ä.Größe", "öffne", "Größe.kt", 2, None, None)),
        ("com.a.B.c (B.java:12)", ("com.a.B", "c", "B.java", 12, None, None)),
    ],
)
def test_every_form_of_a_frame_is_read(line, expected):
    (report,) = read(f"a.AException: x\n\tat com.a.First.one(First.java:1)\n\tat {line}\n")

    frame = report.faults[0].frames[1]
    assert (frame.module, frame.function, frame.file, frame.line, frame.image, frame.note) == expected


def test_each_bare_trace_is_a_report_where_none_is_called_uncaught():
    reports = read("a.AException: x\n\tat a.A.b(A.java:1)\nsome text\nb.BException: y\n\tat b.B.c(B.java:2)\n")

    assert [report.faults[0].type for report in reports] == ["a.AException", "b.BException"]


def test_the_same_trace_several_times_in_a_row_is_one_report_with_a_note():
    (report,) = read("java.io.IOException: y\n\tat a.A.b(A.java:1)\n" * 3)

    assert report.notes == ("The log holds this trace 3 times in a row",)


def test_a_few_lines_of_others_between_frames_do_not_end_a_trace():
    (report,) = read(
        "a.AException: x\n\tat a.A.b(A.java:1)\nnoise\n\tat a.A.c(A.java:2)\nnoise\nCaused by: b.B\n\t... 1 more\n"
    )

    assert [len(fault.frames) for fault in report.faults] == [2, 1]


@pytest.mark.parametrize(
    ("text", "kind", "thread"),
    [
        ('Exception in thread "a "b"" x.YException: m\n\tat a.B.c(B.java:1)', "x.YException", 'a "b"'),
        ('Exception in thread "main" java.lang.OutOfMemoryError: heap', "java.lang.OutOfMemoryError", "main"),
        (
            'Exception: java.lang.OutOfMemoryError thrown from the UncaughtExceptionHandler in thread "T"',
            "java.lang.OutOfMemoryError",
            "T",
        ),
        ("FATAL EXCEPTION: pool[3]\nProcess: a.b, PID: 9\nbcdf: x\n\tat a.b(Unknown Source:1)", "bcdf", "pool[3]"),
        ("*** FATAL EXCEPTION IN SYSTEM PROCESS: ui\njava.lang.Error\n\tat a.B.c(B.java:1)", "java.lang.Error", "ui"),
        ("== Java Exception: a.Finding: x\n\tat a.B.c(B.java:1)", "a.Finding", None),
        ("Exception java.lang.Error: x\n  at a.B.c (B.java:1)", "java.lang.Error", None),
        ("12:00 ERROR lost: a.b.CException: x\n\tat a.B.c(B.java:1)", "a.b.CException", None),
        ("a.ApiException[code=404] gone\n\tat a.B.c(B.java:1)", "a.ApiException", None),
        ("MyException\n\tat Main.main(Main.java:1)", "MyException", None),
        ("q3.b: x\n\tat a.b(SourceFile:1)", "q3.b", None),
        ("\tat a.B.c(B.java:1)\nCaused by: a.DError\n\tat a.B.c(B.java:1)", "a.DError", None),
    ],
)
def test_the_first_line_of_a_trace_is_known_in_its_many_forms(text, kind, thread):
    (report,) = read(text)

    assert report.faults[0].type == kind
    assert [each.name for each in report.threads] == ([thread] if thread else [])


def test_a_runaway_recursion_keeps_its_first_and_last_frames():
    lines = [f"\tat a.A.b(A.java:{number})" for number in range(1, 200_001)]

    (report,) = read("java.lang.StackOverflowError\n" + "\n".join(lines))

    frames = report.faults[0].frames
    assert (len(frames), frames[0].line, frames[-1].line) == (1000, 1, 200_000)


def test_a_chain_without_end_is_cut_with_a_note():
    (report,) = read("a.AException\n\tat a.A.b(A.java:1)\n" + "Caused by: a.AException\n\t... 1 more\n" * 5000)

    assert len(report.faults) == 50
    assert "more than 50 exceptions" in report.notes[0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "he was at home.garden(again)\n",
        "{\n at a.B.c(B.java:1)",
        "TypeError: x is undefined\n    at Object.foo (/app/index.js:1:2)\n    at foo.bar(index.js:4:1)\n",
        "System.Exception: x\n   at My.App.Main(String[] args) in C:\\a.cs:line 12\n   at My.App.Run()\n",
        "System.Exception: x\n  at Foo.Bar (System.Int32 a) [0x00000] in <abc>:0 \n",
        '"main" prio=5 tid=1 Blocked\n  at a.B.c(B.java:1)\n\njava.lang.Error: x\n  at a.B.c(B.java:1)\n',
        '"main" #1 prio=5\n   java.lang.Thread.State: RUNNABLE\n\tat a.B.c(B.java:1)\n',
        f"{'*** ' * 16}\nCrash type: 'java'\njava stacktrace:\njava.lang.Error: x\n\tat a.B.c(B.java:1)\n",
        "signal 11 (SIGSEGV), code 1\njava.lang.Error: x\n\tat a.B.c(B.java:1)\n",
        "STACK_TRACE=java.lang.Error: x\n\tat a.B.c(B.java:1)\n",
        "Incident Identifier: 1\njava.lang.Error: x\n\tat a.B.c(B.java:1)\n",
    ],
)
def test_other_text_is_not_claimed(text):
    assert not java_trace.sniff(Document(text.encode()))


def test_a_log_without_a_trace_is_refused_with_a_reason():
    with pytest.raises(MalformedLog, match="no Java stack trace"):
        java_trace.parse(Document(b"\tat a.B.c(B.java:1)"))


def test_lone_surrogates_and_nul_never_come_out():
    document = Document("java.lang.Error: \ud800x\n\tat a.B.c(B.java:1)".encode("utf-16", "surrogatepass"))

    assert not java_trace.sniff(document)


def test_the_plain_sample_has_suppressed_exceptions_with_causes_of_their_own():
    (report,) = java_trace.parse(Document((SAMPLES / "suppressed-plain.txt").read_bytes()))

    relations = [(fault.relation, fault.parent) for fault in report.faults]
    assert relations == [(None, None), ("cause", 0), ("suppressed", 1), ("cause", 2), ("suppressed", 1), ("cause", 4)]


def test_a_trace_with_its_root_cause_first_is_read_in_the_other_order():
    (report,) = read(
        "java.io.IOException: disk\n\tat a.Store.read(Store.java:1)\n\t... 1 common frames omitted\n"
        "Wrapped by: java.lang.RuntimeException: outer\n\tat a.Main.run(Main.java:2)\n\tat a.Main.main(Main.java:3)\n"
    )

    assert [(each.type, each.parent, [frame.function for frame in each.frames]) for each in report.faults] == [
        ("java.lang.RuntimeException", None, ["run", "main"]),
        ("java.io.IOException", 0, ["read", "main"]),
    ]

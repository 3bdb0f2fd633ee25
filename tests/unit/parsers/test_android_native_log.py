"""Native crashes in logs: what is one crash, which lines belong to it, what is refused."""

import pytest

from app.crashes.log import CrashLog
from app.errors import MalformedLog
from app.parsers import PARSERS, parse
from app.parsers.document import Document

STARS = "*** *** *** *** *** *** *** *** *** *** *** *** *** *** *** ***"
BARE = "Fatal signal 11 (SIGSEGV), code 1, fault addr 0x10 in tid 12 (worker)"


def read(*lines: str) -> list[CrashLog]:
    return parse("\n".join(lines).encode())


@pytest.mark.parametrize(
    ("line", "code", "process"),
    [
        (BARE, "code 1 at 0x10", None),
        (
            "Fatal signal 11 (SIGSEGV) at 0x00000010 (code=1), thread 12 (worker) in tid 12 (worker)",
            "at 0x00000010",
            None,
        ),
        (
            "Fatal signal 11 (SIGSEGV), code 1 (SEGV_MAPERR), fault addr 0x10 in tid 12 (worker), pid 9 (com.example.shop)",
            "SEGV_MAPERR at 0x10",
            "com.example.shop",
        ),
    ],
)
def test_a_bare_fatal_signal_is_a_crash_of_its_thread(line, code, process):
    [report] = read(line)

    fault = report.faults[0]
    assert (fault.type, fault.code, report.process) == ("SIGSEGV", code, process)
    assert [(each.index, each.name) for each in report.threads] == [(12, "worker")]


def test_a_fatal_signal_of_which_a_block_tells_more_is_no_second_crash():
    reports = read(
        BARE, STARS, "pid: 9, tid: 12, name: worker  >>> com.example.shop <<<",
        "signal 11 (SIGSEGV), code 1 (SEGV_MAPERR), fault addr 0x10", "backtrace:", "  #00 pc 0010  /lib/liba.so (a+4)",
    )  # fmt: skip

    assert [(each.process_id, len(each.crash_frames)) for each in reports] == [(9, 1)]


def test_the_first_line_of_a_sanitizer_with_its_own_stack_is_all_that_is_read():
    [report] = read(
        "==9==ERROR: AddressSanitizer: attempting double-free on 0x10 in thread T0:",
        "    #0 0x100 in free", "    #1 0x200 in shop::drop() a.cpp:3", "freed by thread T1 here:", "    #0 0x300 in other",
    )  # fmt: skip

    assert report.faults[0].type == "AddressSanitizer: attempting double-free"
    assert [frame.function for frame in report.crash_frames] == ["free", "shop::drop()"]


def test_a_kernel_fault_and_the_panic_it_leads_to_are_one_crash():
    [report] = read(
        "<1>[   10.000001] Unable to handle kernel NULL pointer dereference at virtual address 00000010",
        "<4>[   10.000002] CPU: 1 PID: 77 Comm: shopd Tainted: G  W 4.9.1 #1",
        "<4>[   10.000003] Call trace:", "<4>[   10.000004] [<ffffff800834ae14>] tern_read+0x10/0x20",
        "<0>[   10.000005] Kernel panic - not syncing: Fatal exception",
    )  # fmt: skip

    assert (report.faults[0].type, report.process, report.process_id) == ("kernel fault", "shopd", 77)
    assert [(frame.function, frame.address) for frame in report.crash_frames] == [("tern_read", 0xFFFFFF800834AE14)]


def test_what_only_reports_a_kernel_bug_is_not_of_the_app():
    [report] = read(
        "BUG: KASAN: use-after-free in tern_read+0x1/0x2", "Call trace:", " dump_stack+0x1/0x2", " tern_read+0x1/0x2",
    )  # fmt: skip

    assert [frame.in_app for frame in report.crash_frames] == [False, None]


def test_a_program_that_cannot_be_linked_is_a_crash_without_a_stack():
    [report] = read('CANNOT LINK EXECUTABLE "/system/bin/shopd": library "libcart.so" not found')

    assert (report.process, report.faults[0].message) == ("/system/bin/shopd", 'library "libcart.so" not found')


def test_a_java_trace_beside_a_native_crash_leaves_one_parser_to_claim_the_log():
    text = 'FATAL EXCEPTION: main\njava.lang.Error: x\n\tat a.B.c(B.java:1)\nCANNOT LINK EXECUTABLE "a": b\n'

    assert [name for name, parser in PARSERS.items() if parser.sniff(Document(text.encode()))] == ["android-native-log"]


def test_a_block_that_ends_before_the_signal_is_refused():
    with pytest.raises(MalformedLog, match="cut short"):
        read("some line of the log", f"W Fatal: {STARS}", STARS, "pid: 9, tid: 9, name: a  >>> b <<<")


def test_a_crash_that_unity_throws_as_an_error_of_java_has_its_native_frames():
    [report] = read(
        "java.lang.Error: FATAL EXCEPTION [UnityMain]", f"Caused by: java.lang.Error: {STARS}",
        "pid: 9, tid: 12, name: UnityMain  >>> com.example.game <<<",
        "signal 11 (SIGSEGV), code 1 (SEGV_MAPERR), fault addr 0x10",
        "\tat libil2cpp.0x1234(Native Method)", "\tat libc.abort(abort:164)",
    )  # fmt: skip

    frames = [(frame.function, frame.image, frame.address, frame.offset) for frame in report.crash_frames]
    assert frames == [(None, "libil2cpp.so", 0x1234, None), ("abort", "libc.so", None, 164)]
    assert "The log holds no backtrace of the crashed thread" not in report.notes


def test_a_trace_of_dart_without_symbols_hides_no_crash_beside_it():
    dart = (
        STARS,
        "pid: 9, tid: 140, name 1.ui",
        "    #00 abs 0000007a00012345 _kDartIsolateSnapshotInstructions+0x2345",
    )
    java = ("FATAL EXCEPTION: main", "java.lang.Error: a", "\tat a.B.c(B.java:1)")

    [report] = read(*dart, *java)

    assert (report.format, report.faults[0].type) == ("java-trace", "java.lang.Error")
    assert [report.format for report in read(*dart)] == ["stack-trace"]

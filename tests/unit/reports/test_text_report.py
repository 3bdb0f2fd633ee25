"""The text report: what it shows, how it is aligned, and that a log cannot forge its structure."""

from dataclasses import replace

import pytest

from app.crashes.log import Breadcrumb, CrashLog, Fault, Frame, Thread
from app.reports import text_report


def written(report) -> str:
    return b"".join(text_report.write(report)).decode("utf-8")


def test_the_head_tells_ids_app_device_and_time(make_report):
    text = written(make_report())

    assert text.startswith("NSRangeException: index 5 beyond 3 in -[Cart pay:]\n=====")
    for row in (
        "Occurrence    7-1536840000-logs-00003-crash-1\n",
        "App           Shop of all (a1b2)\n",
        "Bundle        com.shop (Shop)\n",
        "Version       1.2 (34)\n",
        "OS            iOS 12.0 (16A366)\n",
        "Device        Apple iPhone9,4\n",
        "Process       Shop [42]\n",
        "Occurred      2018-09-13 12:00:00.120 UTC\n",
    ):
        assert row in text


def test_what_is_unknown_is_left_out_but_the_time(make_report):
    text = written(make_report(CrashLog("test")))

    assert "Occurred      unknown\n" in text
    assert "Device" not in text
    assert "None" not in text


def test_the_crashed_thread_comes_first_and_the_others_in_their_order(make_report):
    text = written(make_report())

    headings = [line for line in text.splitlines() if line.startswith(("Crashed thread", "Thread"))]

    assert headings == ["Crashed thread 1", 'Thread 0 "main", queue com.apple.main-thread', "Thread 2 (Waiting)"]


def test_native_frames_stand_in_aligned_columns_with_own_ones_marked(make_report):
    text = written(make_report())

    assert (
        "  0  libobjc.A.dylib 0x0000000180001234 objc_retain + 12\n"
        "* 1  Shop            0xffffffffffffffff -[Cart pay:] + 97 (Cart.m:31)\n"
        "* 2  Shop            0x0000000100000010 0x100000000 + 16\n"
    ) in text


def test_java_exceptions_look_as_print_stack_trace_writes_them(make_report):
    faults = (
        Fault("a.Outer", "two\nlines", frames=(Frame("run", module="a.Main", file="Main.java", line=7),)),
        Fault("b.Inner", relation="cause", parent=0, frames=(Frame("get", "java.util.Map", note="Native Method"),)),
        Fault("c.Close", "late", relation="suppressed", parent=0, frames=(Frame("close", module="a.Main"),)),
    )

    text = written(make_report(CrashLog("test", "java", faults=faults)))

    assert (
        "a.Outer: two\n"
        "    lines\n"
        "*   at a.Main.run(Main.java:7)\n"
        "Caused by: b.Inner\n"
        "    at java.util.Map.get(Native Method)\n"
        "Suppressed: c.Close: late\n"
        "*   at a.Main.close(Unknown Source)\n"
    ) in text


def test_a_stack_that_exception_and_thread_share_is_shown_once(make_report, apple_log):
    frames = apple_log.threads[1].frames

    text = written(make_report(replace(apple_log, faults=(replace(apple_log.faults[0], frames=frames),))))

    assert text.count("-[Cart pay:] + 97") == 1


def test_registers_breadcrumbs_custom_data_images_and_notes_are_shown(make_report):
    text = written(make_report())

    assert "  x0: 0x00000000          pc: 0xffffffffffffffff\n" in text
    assert '2018-09-13 12:00:00.120 UTC (0.0 s) [info] [ui] tapped Pay\n    {"x": 1}\n' in text
    assert 'cart: {"items": [1, 9223372036854775808, 0.5]}\nplan: gold\n' in text
    assert "0x0000000100000000 - 0x0000000100000fff Shop arm64 AB12 /var/a.app/Shop\n" in text
    assert "- The log was cut\n" in text


@pytest.mark.parametrize("breaks", ["\n", "\r\n", "\r", "\u2028", "\x0b", "\x0c", "\x85"])
def test_no_text_of_a_log_can_begin_a_line_of_the_report(make_report, apple_log, breaks):
    forged = f"x{breaks}Crashed thread 9{breaks}0 Forged"
    log = replace(
        apple_log,
        faults=(Fault(forged, forged, code=forged),),
        threads=(Thread(0, name=forged, frames=(Frame(forged, module=forged, file=forged, image=forged),)),),
        user_id=forged,
        custom={forged: forged},
        breadcrumbs=(Breadcrumb(None, forged, forged, forged, {forged: forged}),),
        notes=(forged,),
    )

    text = written(make_report(log, app_name=forged))

    assert "Forged" in text
    assert not [line for line in text.splitlines() if line.startswith(("Crashed thread 9", "0 Forged"))]


def test_control_and_bidi_characters_become_visible(make_report, apple_log):
    text = written(make_report(replace(apple_log, faults=(Fault("E", "a\x1b[31mb\u202ec\u200bd"),))))

    assert "E: a\\x1b[31mb\\u202ec\\u200bd\n" in text
    assert not {"\x1b", "\u202e", "\u200b"} & set(text)


def test_letters_of_all_scripts_and_emoji_stay_as_they_are(make_report, apple_log):
    message = "Größe 漢字 שלום 👩\u200d💻"

    assert message in written(make_report(replace(apple_log, faults=(Fault("E", message),))))


def test_the_same_report_gives_the_same_bytes_a_thread_at_a_time(make_report, apple_log):
    threads = tuple(replace(apple_log.threads[1], index=number) for number in range(50))
    report = make_report(replace(apple_log, threads=threads))

    chunks = list(text_report.write(report))

    assert b"".join(chunks) == b"".join(text_report.write(report))
    assert len(chunks) > len(threads)


def test_what_else_the_log_says_stands_in_the_head_and_related_stacks_below_the_crashed_thread(make_report):
    text = written(make_report())

    assert "Role          Foreground\nTranslated    no\nFree memory   4.1 KB\n" in text
    assert text.index("Crashed thread 1") < text.index("Deallocated by thread 9\n---") < text.index("Thread 0")

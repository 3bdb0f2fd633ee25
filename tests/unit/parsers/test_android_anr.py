"""ANR thread dumps: what is the main thread, which process is meant, what is refused."""

import pytest

from app.crashes.log import CrashLog
from app.errors import MalformedLog
from app.parsers import android_anr, parse
from app.parsers.document import Document

HEAD = "----- pid 4711 at 2018-09-13 10:03:31 -----\nCmd line: com.example.shop:sync\n\nDALVIK THREADS (2):\n"


def read(text: str) -> CrashLog:
    (report,) = parse(text.encode())
    return report


def test_the_thread_with_the_id_1_is_the_main_one_whatever_its_name():
    report = read(
        f'{HEAD}"main" prio=5 tid=9 Native\n  at a.B.c(B.java:1)\n\n"ui" prio=5 tid=1 Native\n  at a.D.e(D.java:2)\n'
    )

    crashed = report.crashed_thread
    assert crashed is not None
    assert (crashed.index, crashed.name, crashed.state) == (1, "ui", "Native")
    assert report.crash_frames[0].module == "a.D"


def test_native_frames_stand_above_the_java_frames_that_called_them():
    report = read(
        f'{HEAD}"main" prio=5 tid=1 Native\n  native: #00 pc 0000a518  /system/lib64/libc.so (read+4)\n'
        "  at a.B.readNative(Native method)\n"
    )

    assert [frame.function for frame in report.crash_frames] == ["read", "readNative"]
    assert [image.name for image in report.images] == ["libc.so"]


def test_a_time_without_a_zone_is_read_as_utc_and_says_so():
    report = read(f'{HEAD}"main" prio=5 tid=1 Native\n')

    assert report.occurred_at is not None
    assert report.occurred_at.isoformat() == "2018-09-13T10:03:31+00:00"
    assert "The log names no time zone: its time is read as UTC" in report.notes
    assert (report.process, report.app.identifier) == ("com.example.shop:sync", "com.example.shop")


def test_a_second_process_in_the_file_is_no_crash_of_its_own():
    first = f'{HEAD}"main" prio=5 tid=1 Native\n  at a.B.c(B.java:1)\n\n----- end 4711 -----\n'
    second = '----- pid 12 at 2018-09-13 10:03:32 -----\nCmd line: other\n\n"main" prio=5 tid=1 Native\n  at x.Y.z(Y.java:1)\n'

    report = read(first + second)

    assert (report.process_id, len(report.threads)) == (4711, 1)
    assert "The log holds dumps of 1 more processes, which are left out" in report.notes


def test_a_dump_cut_before_its_first_thread_is_refused():
    document = Document(HEAD.encode())

    assert android_anr.sniff(document)
    with pytest.raises(MalformedLog, match="cut short before its first thread"):
        android_anr.parse(document)


def test_a_thread_beyond_the_bound_is_left_out():
    threads = "".join(f'"t{number}" prio=5 tid={number} Native\n\n' for number in range(1, android_anr.MAX_THREADS + 5))

    report = read(HEAD + threads)

    assert len(report.threads) == android_anr.MAX_THREADS


def test_dalvik_tells_the_line_of_a_running_thread_and_who_holds_a_lock_in_its_own_way():
    report = read(
        f'{HEAD}"main" prio=5 tid=1 MONITOR\n  at a.B.c(B.java:~7)\n'
        '  - waiting to lock <0x41> (a a.Lock) held by tid=9 (Thread-1)\n\n"Thread-1" prio=5 tid=9 NATIVE\n'
    )

    assert [(frame.function, frame.file, frame.line) for frame in report.crash_frames] == [("c", "B.java", 7)]
    assert 'The main thread is waiting to lock a a.Lock held by thread 9 "Thread-1"' in report.notes


def test_the_threads_that_the_play_console_shows_are_a_dump_without_a_head():
    report = read(
        '"main" tid=1 Native\n'
        "  #00  pc 0x00000000000d3148  /apex/com.android.runtime/lib64/bionic/libc.so (__epoll_pwait+8)\n"
        "  at android.os.MessageQueue.nativePollOnce (Native method)\n"
        "  at com.example.shop.Main.main (Main.kt:3)\n\n"
        '"Thread-2" tid=20 Waiting\n  at java.lang.Object.wait (Native method)\n'
    )

    assert [(thread.name, thread.state, thread.is_crashed) for thread in report.threads] == [
        ("main", "Native", True),
        ("Thread-2", "Waiting", False),
    ]
    assert [frame.function for frame in report.crash_frames] == ["__epoll_pwait", "nativePollOnce", "main"]
    assert report.occurred_at is None


def test_without_java_threads_the_one_with_the_number_of_the_process_is_the_main_one():
    head = "----- pid 812 at 2026-03-01 10:00:00.000000000+0000 -----\nCmd line: com.example.tills\n\n"
    report = read(
        f'{head}"Signal Catcher" sysTid=815\n    #00 pc 0009dfa8  /lib/libc.so (sigwait+8)\n\n'
        '"example.tills" sysTid=812\n    #00 pc 0004c35c  /lib/libc.so (syscall+28)\n'
        "    #01 pc 00012340  /data/app/libtills.so (tills::Lock::wait()+40)\n"
    )

    crashed = report.crashed_thread
    assert crashed is not None
    assert (crashed.index, crashed.name) == (812, "example.tills")
    assert [frame.function for frame in report.crash_frames] == ["syscall", "tills::Lock::wait()"]
    assert not any("no main thread" in note for note in report.notes)


@pytest.mark.parametrize(
    ("head", "state"),
    [('"ThreadPool" prio=10 (not attached)', "not attached"), ('"ThreadPool" some "later" words', None)],
)
def test_a_thread_that_the_virtual_machine_does_not_know_is_kept(head, state):
    report = read(
        f'{HEAD}"main" prio=5 tid=1 Sleeping\n  at a.B.c(B.java:1)\n\n{head}\n  | sysTid=4115 nice=0\n'
        "  native: #00 pc 0005a7b4  /lib/libc.so (syscall+28)\n"
    )

    other = report.threads[1]
    assert (other.index, other.name, other.state) == (4115, "ThreadPool", state)
    assert [frame.function for frame in other.frames] == ["syscall"]
    assert report.crashed_thread == report.threads[0]

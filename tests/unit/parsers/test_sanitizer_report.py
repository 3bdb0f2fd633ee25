"""Sanitizers' reports: what the error was, of which access, and who allocated and freed the memory."""

import pytest

from app.crashes.log import CrashLog
from app.parsers import PARSERS, parse
from app.parsers.document import Document

USED_AFTER_FREE = """==9==ERROR: AddressSanitizer: heap-use-after-free on address 0x602000000010 at pc 0x5 bp 0x7 sp 0x8
WRITE of size 4 at 0x602000000010 thread T3 (sync)
    #0 0x7a10012a30 in tills::total(int) src/total.cpp:41:9
    #1 0x7a10012b44 in tills::sync(int) src/sync.cpp:12

0x602000000010 is located 0 bytes inside of 16-byte region [0x602000000010,0x602000000020)
freed by thread T0 here:
    #0 0x7a300a90f0 in free
    #1 0x7a10013000 in tills::clear() src/total.cpp:60:3

previously allocated by thread T0 here:
    #0 0x7a300a9100 in malloc
Thread T3 (sync) created by T0 here:
    #0 0x7a300a9200 in pthread_create
SUMMARY: AddressSanitizer: heap-use-after-free src/total.cpp:41:9 in tills::total(int)
"""
SEGV = """==9==ERROR: AddressSanitizer: SEGV on unknown address 0x74000011 (pc 0xa843fbf5 bp 0x7 sp 0x8 T8)
==9==The signal is caused by a WRITE memory access.
    #0 0xa843fbf4 in till_pay /src/till.c:1060
"""
RACE = """WARNING: ThreadSanitizer: data race (pid=77)
  Write of size 4 at 0x7fe3c3075190 by thread T1:
    #0 count src/till.cc:4:9 (till+0x49f3b)

  Previous read of size 4 at 0x7fe3c3075190 by main thread:
    #0 main src/till.cc:10:3 (till+0x49f90)

SUMMARY: ThreadSanitizer: data race src/till.cc:4:9 in count
"""
UNINITIALIZED = """==6726==WARNING: MemorySanitizer: use-of-uninitialized-value
    #0 0x7fd6cbce9b86 in main src/till.cc:6
  Uninitialized value was created by a heap allocation
    #0 0x7fd6cbc8ae80 in operator new[](unsigned long)
"""
UNDEFINED = """src/till.c:6:13: runtime error: signed integer overflow: 127 + 1 cannot be represented in type 'int'
    #0 0x55d0 in till_add src/till.c:6:13
"""


def read(text: str) -> CrashLog:
    claims = [name for name, parser in PARSERS.items() if parser.sniff(Document(text.encode()))]
    [log] = parse(text.encode())
    assert claims == ["android-native-log"]
    return log


@pytest.mark.parametrize(
    ("text", "kind", "message", "code", "access", "function"),
    [
        (USED_AFTER_FREE, "AddressSanitizer: heap-use-after-free", "heap-use-after-free; WRITE of size 4",
         "at 0x602000000010", "WRITE of size 4", "tills::total(int)"),
        (SEGV, "AddressSanitizer: SEGV", "SEGV on unknown address; WRITE access", "at 0x74000011", "WRITE", "till_pay"),
        (RACE, "ThreadSanitizer: data race", "data race; Write of size 4", None, "Write of size 4", "count"),
        (UNINITIALIZED, "MemorySanitizer: use-of-uninitialized-value", "use-of-uninitialized-value",
         None, None, "main"),
        (UNDEFINED, "UndefinedBehaviorSanitizer",
         "signed integer overflow: 127 + 1 cannot be represented in type 'int'", None, None, "till_add"),
    ],
)  # fmt: skip
def test_error_access_and_place_are_told_without_addresses(text, kind, message, code, access, function):
    log = read(text)

    told = log.faults[0]
    assert (told.type, told.message, told.code, log.details.get("access")) == (kind, message, code, access)
    assert log.crash_frames[0].function == function


@pytest.mark.parametrize(
    ("text", "stacks"),
    [
        (USED_AFTER_FREE, [("deallocation", "freed by thread T0 here", ["free", "tills::clear()"]),
                           ("allocation", "previously allocated by thread T0 here", ["malloc"])]),
        (RACE, [("access", "Previous read of size 4 at 0x7fe3c3075190 by main thread", ["main"])]),
        (UNINITIALIZED, [("allocation", "Uninitialized value was created by a heap allocation",
                          ["operator new[](unsigned long)"])]),
    ],
)  # fmt: skip
def test_the_stacks_of_the_memory_are_kept_and_others_left_out(text, stacks):
    log = read(text)

    assert [(each.kind, each.description, [frame.function for frame in each.frames]) for each in log.stacks] == stacks


def test_the_thread_of_the_access_is_the_crashed_one():
    assert [(log.threads[0].index, log.threads[0].name) for log in map(read, (USED_AFTER_FREE, SEGV))] == [
        (3, "sync"), (8, None)]  # fmt: skip

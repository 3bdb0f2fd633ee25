"""Crashes of Linux' kernel: every year's and processor's way to print a fault and its call trace."""

import pytest

from app.crashes.log import CrashLog
from app.parsers import parse

X86_OLD = """general protection fault: 0000 [#1] SMP
CPU: 1 PID: 94 Comm: tilld Not tainted 4.9.31 #9
RIP: 0010:[<ffffffff8123abcd>]  [<ffffffff8123abcd>] till_close+0xe2/0x186
Call Trace:
 [<ffffffff8123bbbb>] till_put+0x20/0x30
 <IRQ>
 [<ffffffff8123cccc>] ? worker_thread+0x1/0x2
Kernel panic - not syncing: Fatal exception
"""
X86_NEW = """general protection fault, probably for non-canonical address 0xdffffc0000000002: 0000 [#1] SMP KASAN
CPU: 0 UID: 0 PID: 7 Comm: tilld Not tainted 6.8.0-rc1 #1
RIP: 0010:till_close+0xe2/0x186 drivers/till.c:83
Call Trace:
 <TASK>
 till_flush drivers/till.c:90 [inline]
 till_put+0x20/0x30 [till 0123456789abcdef0123]
 </TASK>
"""
ARM32 = """Unable to handle kernel NULL pointer dereference at virtual address 00000010
PC is at till_close+0x10/0x40
Backtrace:
[<c00111ec>] (till_close) from [<c000e1b4>] (till_put+0x10/0x14)
[<c000e1b4>] (till_put+0x10/0x14) from [<c0022222>] (kthread+0x1/0x2 [till])
"""
BUG = """------------[ cut here ]------------
kernel BUG at drivers/till.c:71!
Internal error: Oops - BUG: 0 [#1] PREEMPT SMP
pc : till_close+0x10/0x40
Call trace:
 till_close+0x10/0x40
 till_put+0x20/0x30
"""
OLD_KASAN = """BUG: KASAN: out of bounds access in till_read+0x104/0x1d8 at addr ffffffc002583240
Read of size 1 by task kworker/u8:1/94
Call trace:
[<ffffffc00020dbcc>] dump_backtrace+0x0/0x258 arch/arm64/kernel/traps.c:83
[<     inline     >] till_get drivers/till.c:792
[<ffffffc000d36974>] till_read+0x100/0x1d8 drivers/till.c:834
[<ffffffc000d32f58>] till_poll+0x108/0x1a4 drivers/till.c:479
Allocated by task 3:
 kmalloc+0x1/0x2
 till_open+0x1/0x2

Freed by task 4:
 kfree+0x1/0x2

The buggy address belongs to the page:
"""
PANIC = """Kernel panic - not syncing: till is empty
Call trace:
dump_backtrace+0x0/0x300
panic+0x240/0x5d4
till_enable+0x4c/0x7c [till]
"""


def read(text: str) -> CrashLog:
    [log] = parse(text.encode())
    return log


@pytest.mark.parametrize(
    "stamp", ["", "<1>[   12.345678] ", "[   12.345678][    T7] ", "Jan  1 00:00:00 pos kernel: [  1.000000] "]
)
@pytest.mark.parametrize(
    ("text", "kind", "message", "calls"),
    [
        (X86_OLD, "general protection fault", "general protection fault", ["till_close", "till_put", "worker_thread"]),
        (X86_NEW, "general protection fault", "general protection fault", ["till_close", "till_flush", "till_put"]),
        (ARM32, "kernel fault", "Unable to handle kernel NULL pointer dereference",
         ["till_close", "till_put", "kthread"]),
        (BUG, "kernel BUG", "kernel BUG at drivers/till.c:71", ["till_close", "till_put"]),
        (OLD_KASAN, "KASAN: out of bounds access", "out of bounds access in till_read",
         ["dump_backtrace", "till_get", "till_read", "till_poll"]),
    ],
)  # fmt: skip
def test_every_form_has_type_message_without_addresses_and_calls(text, kind, message, calls, stamp):
    log = read("".join(f"{stamp}{line}\n" for line in text.split("\n")))

    assert (log.faults[0].type, log.faults[0].message) == (kind, message)
    assert [frame.function for frame in log.crash_frames] == calls


def test_address_access_and_place_of_a_fault_are_told():
    log = read(OLD_KASAN)

    assert (log.faults[0].code, log.details["access"]) == ("at 0xffffffc002583240", "Read of size 1")
    [_, inlined, place, _] = log.crash_frames
    assert (inlined.file, inlined.line, inlined.note) == ("drivers/till.c", 792, "inlined")
    assert (place.file, place.line, place.address) == ("drivers/till.c", 834, 0xFFFFFFC000D36974)


def test_the_stacks_of_the_memory_are_told_apart():
    log = read(OLD_KASAN)

    told = [(each.kind, each.description, [frame.function for frame in each.frames]) for each in log.stacks]
    assert told == [("allocation", "Allocated by task 3", ["kmalloc", "till_open"]),
                    ("deallocation", "Freed by task 4", ["kfree"])]  # fmt: skip


def test_what_only_prints_a_panic_is_not_of_the_app():
    log = read(PANIC)

    assert [frame.in_app for frame in log.crash_frames] == [False, False, None]
    assert log.crash_frames[2].image == "till"


def test_the_release_is_the_systems_version_and_a_module_with_a_build_id_is_its_name():
    log = read(X86_NEW)

    assert (log.os.name, log.os.version, log.process, log.process_id) == ("Linux", "6.8.0-rc1", "tilld", 7)
    assert log.crash_frames[2].image == "till"

"""Tombstones of MTE and GWP-ASan: the access, and who allocated and freed the memory."""

from app.crashes.log import CrashLog
from app.parsers import parse
from tests.tombstone_proto import field, tombstone

TEXT = """pid: 71, tid: 72, name: worker  >>> com.example.tills <<<
signal 11 (SIGSEGV), code 9 (SEGV_MTESERR), fault addr 0x0500006ffb8c0828 (write)

backtrace:
      #00 pc 0000000000012d48  /data/app/libtills.so (tills::pay(int)+8) (BuildId: 0123456789abcdef)

Note: multiple potential causes for this crash were detected, listing them in decreasing order of likelihood.

Cause: [MTE]: Use After Free, 8 bytes into a 32-byte allocation at 0x6ffb8c0820

deallocated by thread 73:
      #00 pc 0000000000048a10  /system/lib64/libc.so (free+84)
      #01 pc 0000000000012e00  /data/app/libtills.so (tills::Till::~Till()+16) (BuildId: 0123456789abcdef)

allocated by thread 71:
      #00 pc 0000000000048000  /system/lib64/libc.so (malloc+84)

Cause: [MTE]: Buffer Overflow, 8 bytes right of a 16-byte allocation at 0x6ffb8c0810

allocated by thread 99:
      #00 pc 0000000000048000  /system/lib64/libc.so (calloc+84)

memory near x2:
    0000006ffb8c0700 0000000000000000 0000000000000000  ................
"""


def told(log: CrashLog) -> list[tuple[str, str | None, list[str | None]]]:
    return [(each.kind, each.description, [frame.function for frame in each.frames]) for each in log.stacks]


def test_text_tells_the_access_and_the_stacks_of_the_likeliest_cause():
    [log] = parse(TEXT.encode())

    assert told(log) == [
        ("deallocation", "deallocated by thread 73", ["free", "tills::Till::~Till()"]),
        ("allocation", "allocated by thread 71", ["malloc"]),
    ]
    assert dict(log.details) == {"access": "write"}
    assert (log.faults[0].message or "").startswith("[MTE]: Use After Free")
    assert [frame.function for frame in log.crash_frames] == ["tills::pay(int)"]


def test_protobuf_tells_them_too():
    def frame(name: str) -> bytes:
        return field(1, 0x1000) + field(4, name) + field(6, "/system/lib64/libc.so")

    heap = (
        field(1, 0x7000)
        + field(2, 32)
        + field(3, 71)
        + field(4, frame("malloc"))
        + field(5, 73)
        + field(6, frame("free"))
    )
    cause = field(15, field(1, "[GWP-ASan]: Use After Free") + field(2, field(2, 1) + field(3, heap)))

    [log] = parse(tombstone(abort="") + cause)

    assert told(log) == [
        ("deallocation", "deallocated by thread 73", ["free"]),
        ("allocation", "allocated by thread 71", ["malloc"]),
    ]
    assert log.faults[0].message == "[GWP-ASan]: Use After Free"

"""Writes a report as PLCrashReporter does; run as a program, it writes the sample file."""

from pathlib import Path

from tests.tombstone_proto import field

SAMPLE = Path(__file__).parents[1] / "app" / "samples" / "plcrash" / "range-exception.plcrash"
BASE, LIBC = 0x100000000, 0x180000000
_ARM64 = field(1, 1) + field(2, 0x100000C) + field(3, 0x2)


def frame(pc: int, name: str = "", start: int = 0) -> bytes:
    """A StackFrame."""
    return field(3, pc) + (field(6, field(1, name) + field(2, start)) if name else b"")


def report(*, exception: bool = True, signal: bytes | None = None, requested: bool = False) -> bytes:
    """A whole report: two threads, the second crashed."""
    system = field(1, 1) + field(2, "17.2") + field(3, 6) + field(4, 1_700_000_000) + field(5, "21C62")
    app = field(1, "com.example.tills") + field(2, "45") + field(3, "1.2.3")
    main = field(1, 0) + field(2, frame(LIBC + 8, "_mach_msg_trap", LIBC))
    crashed = b"".join([
        field(1, 1), field(2, frame(LIBC + 0x20, "___pthread_kill", LIBC + 0x18)), field(2, frame(BASE + 0x5CF0)),
        field(3, 1), field(4, field(1, "pc") + field(2, LIBC + 0x20)),
    ])  # fmt: skip
    images = (
        field(1, BASE)
        + field(2, 0x8000)
        + field(3, "/var/Tills.app/Tills")
        + field(4, bytes(range(16)))
        + field(5, _ARM64),
        field(1, LIBC)
        + field(2, 0x8000)
        + field(3, "/usr/lib/libsystem_kernel.dylib")
        + field(4, bytes(range(16, 32))),
    )
    thrown = field(1, "NSRangeException") + field(2, "index 3 beyond 1")
    thrown += field(3, frame(LIBC + 0x40, "_objc_exception_throw", LIBC + 0x30)) + field(3, frame(BASE + 0x5CF0))
    default = field(1, "SIGABRT") + field(2, "#0") + field(3, LIBC + 0x20)
    process = (
        field(1, "Tills") + field(2, 500) + field(4, "launchd") + field(5, 1) + field(6, 1) + field(7, 1_699_999_000)
    )
    return b"plcrash\x01" + b"".join([
        field(1, system), field(2, app), field(3, main), field(3, crashed), *(field(4, image) for image in images),
        field(5, thrown) if exception else b"", field(6, default if signal is None else signal), field(7, process),
        field(8, field(1, "iPhone14,5") + field(2, _ARM64) + field(3, 6) + field(4, 6)),
        field(9, field(1, int(requested)) + field(2, bytes(range(1, 17)))), field(10, "till 7"),
    ])  # fmt: skip


if __name__ == "__main__":
    SAMPLE.parent.mkdir(exist_ok=True)
    SAMPLE.write_bytes(report())

"""GrapheneOS' log viewer: header, signal and frames of a native crash."""

from app.parsers import PARSERS, parse
from app.parsers.document import Document
from app.samples import FOLDER

SAMPLE = (FOLDER / "grapheneos" / "mte.txt").read_bytes()


def test_header_signal_and_frames_are_read():
    [log] = parse(SAMPLE)

    assert (log.app.identifier, log.app.build, log.os.version, log.device.model) == (
        "com.example.tills",
        "7",
        "16",
        "husky",
    )
    assert (log.faults[0].signal, log.faults[0].code) == ("SIGSEGV", "SEGV_MTESERR at 0xbf35b9332b98")
    assert (log.threads[0].name, dict(log.details)) == ("cart-sync", {"memory_tagging": "enabled"})
    assert [(frame.function, frame.image, frame.address, frame.offset) for frame in log.crash_frames] == [
        ("tills::Cart::total(std::vector<int> const&) const", "libtills.so", 0x57C99FC, 36),
        (None, "libtills.so", 0x57C9B10, None),
        ("__pthread_start(void*)", "libc.so", 0x71A2C, 204),
    ]


def test_who_freed_the_memory_is_told_and_a_java_crash_is_not_claimed():
    freed = SAMPLE + b"\ndeallocated by thread 12:\n    /system/lib64/libc.so (free+8, pc 48a10)\n"
    java = SAMPLE.split(b"\nsignal:")[0] + b"\njava.lang.Error: x\n\tat com.example.Cart.pay(Cart.java:7)\n"

    [log] = parse(freed)

    assert [(each.kind, each.frames[0].function) for each in log.stacks] == [("deallocation", "free")]
    assert [name for name, parser in PARSERS.items() if parser.sniff(Document(java))] == ["java-trace"]


def test_lines_made_to_be_slow_are_read_in_a_moment():
    """A pattern that tries every split of a line would take minutes."""
    line = b"    /" + b"a (" * 1_300 + b"+1, pc 12"
    head = SAMPLE.split(b"backtrace:")[0]

    [log] = parse(head + b"\n".join([b"backtrace:", *[line] * 250]) + b"\n    /lib/a.so (f()+8, pc 10)\n")

    assert [frame.function for frame in log.crash_frames] == ["f()"]

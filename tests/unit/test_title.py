"""The one line that tells a crash."""

from app.crashes.log import CrashLog, Fault, Frame, Thread
from app.crashes.title import MAX_LENGTH, title


def log(*frames: Frame, type: str | None = None, message: str | None = None, platform: str = "apple") -> CrashLog:
    thread = Thread(0, is_crashed=True, frames=frames)
    return CrashLog("test", platform, faults=(Fault(type, message),), threads=(thread,))


def test_a_title_tells_type_message_and_the_first_own_function():
    crash = log(
        Frame("__exceptionPreprocess", image="CoreFoundation"),
        Frame("-[UIView setBounds:]", image="UIKitCore"),
        Frame("-[ViewController tap:]", image="Shop"),
        type="NSInvalidArgumentException",
        message="-[Foo bar]: unrecognized selector",
    )

    assert title(crash) == "NSInvalidArgumentException: -[Foo bar]: unrecognized selector in -[ViewController tap:]"


def test_packages_of_type_and_class_are_left_out():
    frame = Frame("onCreate", module="com.shop.MainActivity")
    crash = log(frame, type="java.lang.IllegalStateException", message="closed", platform="java")

    assert title(crash) == "IllegalStateException: closed in MainActivity.onCreate"


def test_a_type_that_only_looks_dotted_stays_whole():
    assert title(log(type="EXC_BAD_ACCESS / KERN_INVALID. ADDRESS")) == "EXC_BAD_ACCESS / KERN_INVALID. ADDRESS"


def test_without_own_functions_the_first_that_does_not_merely_abort_is_named():
    frames = (Frame("abort", image="libsystem_c.dylib"), Frame("objc_retain", image="libobjc.A.dylib"))
    crash = log(*frames, type="SIGABRT")

    assert title(crash) == "SIGABRT in objc_retain"


def test_functions_without_a_name_are_not_shown():
    assert title(log(Frame("<redacted>", image="Shop"), type="SIGSEGV")) == "SIGSEGV"


def test_a_place_that_the_message_names_is_not_repeated():
    crash = log(Frame("-[A b]", image="Shop"), type="EXC_BAD_ACCESS", message="Stack overflow in -[A b]")

    assert title(crash) == "EXC_BAD_ACCESS: Stack overflow in -[A b]"


def test_unknown_parts_are_left_out():
    assert title(log(message="only words")) == "only words"
    assert title(CrashLog("test")) == "Unknown crash"


def test_line_breaks_control_and_bidi_characters_do_not_reach_a_title():
    crash = log(type="Er\x00ror", message="one\r\ntwo\u2028three\x1b[31m\u202efour\tfive")

    assert title(crash) == "Error: one two three[31mfour five"


def test_a_title_is_at_most_200_characters_and_keeps_its_place():
    crash = log(Frame("f" * 500, image="Shop"), type="T" * 500, message="m " * 5_000)

    assert len(title(crash)) == MAX_LENGTH
    assert " in fff" in title(crash)


def test_a_message_that_begins_with_the_end_of_the_type_does_not_repeat_it():
    kind = "AddressSanitizer: heap-use-after-free"

    assert title(log(type=kind, message="heap-use-after-free on address 0x10")) == f"{kind} on address 0x10"
    assert title(log(type=kind, message="heap-use-after-free")) == kind
    assert title(log(type="KASAN: bad", message="badly read")) == "KASAN: bad: badly read"

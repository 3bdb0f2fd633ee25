"""Printed stack traces of every language, and what tells one language from another."""

from datetime import UTC, datetime

import pytest

from app.crashes.title import title
from app.parsers import parse, stack_trace
from app.parsers.document import Document
from tests.printed import SAMPLES, places, read

NODE = """\
TypeError: Cannot read properties of undefined (reading 'price')
    at Cart.pay (/app/cart.js:7:12)
    at async /app/main.js:9:3
"""


def test_a_node_error_has_its_cause():
    report = read((SAMPLES / "node-cause.txt").read_text())

    assert [(each.type, each.message, each.relation, len(each.frames)) for each in report.faults] == [
        ("TypeError", "Cannot read properties of undefined (reading 'price')", None, 3),
        ("Error", "inner", "cause", 2),
    ]


def test_the_exception_that_python_raised_last_is_the_crash_and_the_first_its_cause():
    report = read((SAMPLES / "python-chained.log").read_text())

    assert [(each.type, each.relation) for each in report.faults] == [
        ("shop.errors.CartError", None),
        ("IndexError", "cause"),
    ]
    assert places(report.faults[0].frames) == [("pay", "/app/shop/cart.py", 7), ("<module>", "/app/shop/main.py", 9)]


def test_a_repeated_line_of_a_python_recursion_counts():
    report = read(
        'Traceback (most recent call last):\n  File "a.py", line 2, in f\n    f()\n'
        "  [Previous line repeated 996 more times]\nRecursionError: maximum recursion depth exceeded\n"
    )

    assert len(report.faults[0].frames) == 997


def test_an_exception_group_is_read_without_its_gutter():
    report = read(
        "  + Exception Group Traceback (most recent call last):\n"
        '  |   File "a.py", line 2, in f\n  |     raise ExceptionGroup("several", [ValueError("one")])\n'
        "  | ExceptionGroup: several (1 sub-exception)\n"
    )

    assert (report.faults[0].type, places(report.faults[0].frames)) == ("ExceptionGroup", [("f", "a.py", 2)])


def test_a_go_panic_has_its_signal_and_the_frames_of_the_goroutine():
    report = read((SAMPLES / "go-panic.txt").read_text())

    (fault,) = report.faults
    assert (fault.type, fault.message, fault.signal, fault.code) == (
        "panic",
        "runtime error: invalid memory address or nil pointer dereference",
        "SIGSEGV",
        "0x1 at 0x0",
    )
    assert [(frame.module, frame.function) for frame in fault.frames[2:]] == [
        ("example.com/shop/cart", "(*Cart).Pay"),
        ("example.com/shop/cart", "Start"),
    ]
    assert report.threads[0].name == "goroutine 18"


def test_a_panic_of_go_on_windows_has_the_code_of_the_exception():
    report = read(
        "panic: runtime error: nil\n[signal 0xc0000005 code=0x0 addr=0x8 pc=0x48e5a6]\n\ngoroutine 1 [running]:\n"
        "gopkg.in/shop%2ev3.Get()\n\t/shop/get.go:3\n"
        "example.com/shop.(*Map[go.shape.struct { example.com/price.X int }]).Get(0x1)\n\tC:/shop/map.go:9 +0x1d\n"
    )

    (fault,) = report.faults
    assert (fault.message, fault.code) == ("runtime error: nil", "0xc0000005 at 0x8")
    assert [frame.module for frame in fault.frames] == ["gopkg.in/shop.v3", "example.com/shop"]


def test_a_fatal_error_of_go_is_read():
    report = read(
        "fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [chan receive]:\nmain.main()\n\t/a.go:7\n"
    )

    assert (report.faults[0].type, report.faults[0].message) == ("fatal error", "all goroutines are asleep - deadlock!")


def test_a_panic_that_a_go_server_recovered_is_read():
    report = read(
        "2026/03/03 10:00:00 http: panic serving 192.0.2.1:1234: runtime error: index out of range [3] with length 3\n"
        "goroutine 34 [running]:\nmain.handler({0x1, 0x2}, 0x3)\n\t/src/main.go:9 +0x1d\n"
    )

    assert report.faults[0].message == "runtime error: index out of range [3] with length 3"


def test_what_stands_above_a_trace_tells_app_and_device():
    report = read(
        "Package: com.example.shop\nVersion Code: 42\nVersion Name: 1.2.3\nAndroid: 14\nManufacturer: Google\nModel: Pixel 7\n"
        "Date: 2026-03-03T10:00:00Z\n\nSystem.NullReferenceException: empty\n  at Shop.Cart.Pay () [0x00000] in <abc>:0\n"
    )

    assert (report.app.identifier, report.app.version, report.app.build) == ("com.example.shop", "1.2.3", "42")
    assert (report.os.version, report.device.model, report.device.manufacturer) == ("14", "Pixel 7", "Google")
    assert report.occurred_at == datetime(2026, 3, 3, 10, 0, tzinfo=UTC)


def test_a_rust_panic_marks_the_frames_of_the_standard_library():
    report = read((SAMPLES / "rust-panic.txt").read_text())

    (fault,) = report.faults
    assert (fault.message, report.threads[0].name) == ("index out of bounds: the len is 3 but the index is 3", "main")
    assert [frame.function for frame in fault.frames if frame.in_app is None] == ["shop::cart::pay", "shop::main"]


def test_a_backtrace_of_rust_is_that_of_the_panic_above_it():
    first, second, third = parse(
        b"thread 'main' panicked at src/main.rs:2:5:\nfirst\nthread 'main' panicked at src/main.rs:9:9:\nsecond\n"
        b"stack backtrace:\n   0: shop::drop::h0123456789abcdef\n             at ./src/main.rs:9:9\n"
        b"thread 'main' panicked at library/core/src/panicking.rs:163:5:\npanic in a destructor\n"
    )

    assert places(first.faults[0].frames) == [(None, "src/main.rs", 2)]
    assert title(second) == "panic: second in shop::drop"
    assert third.faults[0].frames[0].in_app is False


def test_a_rust_panic_without_a_backtrace_has_its_place():
    report = read("thread 'main' panicked at 'cart is empty', src/main.rs:7:5\nnote: run with `RUST_BACKTRACE=1`\n")

    assert (report.faults[0].message, places(report.faults[0].frames)) == ("cart is empty", [(None, "src/main.rs", 7)])


@pytest.mark.parametrize(
    ("said", "kind", "message"),
    [
        ("Bad state: cart is empty", "StateError", "Bad state: cart is empty"),
        ("Exception: boom", "Exception", "boom"),
        ("PlatformException(error, no camera, null, null)", "PlatformException", "(error, no camera, null, null)"),
        ("Null check operator used on a null value", "TypeError", "Null check operator used on a null value"),
        ("CartError: cart is empty", "CartError", "cart is empty"),
        ("boom", None, "boom"),
    ],
)
def test_the_type_of_a_dart_error_is_told_by_its_text(said, kind, message):
    report = read(f"Unhandled exception:\n{said}\n#0      Cart.pay (package:shop/cart.dart:7:5)\n")

    assert (report.faults[0].type, report.faults[0].message) == (kind, message)


def test_an_aot_trace_keeps_the_addresses_for_its_symbols():
    report = read((SAMPLES / "flutter-aot-logcat.txt").read_text())

    (image,) = report.images
    frame = report.faults[0].frames[0]
    assert (image.name, image.debug_id, image.address) == (
        "libapp.so",
        "0123456789abcdef0123456789abcdef",
        0x7DF4F0A000,
    )
    assert (frame.address, frame.image_address, frame.function) == (0x7DF5233E9B, 0x7DF4F0A000, None)
    assert (report.faults[0].type, report.faults[0].message, report.process_id) == ("Exception", "boom", 5000)


def test_a_swift_backtrace_has_the_fatal_error_and_the_crashed_thread():
    report = read((SAMPLES / "swift-backtrace.txt").read_text())

    (fault,) = report.faults
    assert (fault.type, fault.message) == ("Fatal error", "cart is empty")
    assert [(frame.function, frame.image, frame.line, frame.in_app) for frame in fault.frames] == [
        ("Cart.pay()", "shop", 7, None),
        ("main", "shop", 9, None),
        ("start", "dyld", None, False),
    ]


@pytest.mark.parametrize(
    "line",
    ["Shop/Cart.swift:14: Fatal error: cart is empty", "Fatal error: cart is empty: file Shop/Cart.swift, line 14"],
)
def test_a_fatal_error_of_swift_without_a_backtrace_has_its_place(line):
    report = read(f"opened\n{line}\n")

    assert title(report) == "Fatal error: cart is empty in Cart.swift"
    assert places(report.faults[0].frames) == [(None, "Shop/Cart.swift", 14)]


def test_traces_of_several_languages_come_in_the_order_of_the_log():
    text = "\n".join(
        (SAMPLES / name).read_text() for name in ("rust-panic.txt", "python-chained.log", "node-cause.txt")
    )

    assert [report.platform for report in parse(text.encode())] == ["rust", "python", "javascript"]


PRINTED_BY_JAVA = """\
W/System.err( 5000): java.io.IOException: no network
W/System.err( 5000): \tat com.example.shop.Net.open(Net.java:7)
"""


def test_an_unhandled_error_of_another_language_is_the_crash_beside_an_exception_that_java_only_printed():
    report = read(PRINTED_BY_JAVA + (SAMPLES / "flutter-logcat.txt").read_text())

    assert (report.platform, report.faults[0].type, report.faults[0].handled) == ("dart", "StateError", False)


def test_an_uncaught_exception_of_java_is_the_crash_beside_an_error_of_another_language():
    java = "E/AndroidRuntime( 5000): FATAL EXCEPTION: main\n" + PRINTED_BY_JAVA.replace(
        "W/System.err", "E/AndroidRuntime"
    )

    [report] = parse((java + (SAMPLES / "flutter-logcat.txt").read_text()).encode())

    assert (report.format, report.faults[0].type) == ("java-trace", "java.io.IOException")


def test_where_an_error_is_called_unhandled_the_others_were_handled():
    report = read((SAMPLES / "python-chained.log").read_text() + "\n" + (SAMPLES / "dotnet-inner.txt").read_text())

    assert report.platform == "csharp"


@pytest.mark.parametrize(
    "text",
    [
        "mail a@example.com:25 was sent\n",
        "he was at home (in the garden)\n",
        "#0 first point (of three)\n#1 second (of three)\n",
        "goroutine 7 [running]:\n",
        "Traceback (most recent call last):\n",
        "panic: none\n",
    ],
)
def test_other_text_is_not_claimed(text):
    assert not stack_trace.sniff(Document(text.encode()))


def test_the_stack_at_which_pythons_interpreter_ended_is_read_innermost_first():
    report = read(
        "Fatal Python error: Segmentation fault\n\n"
        "Thread 0x00007f0000000001 (most recent call first):\n  <no Python frame>\n\n"
        "Current thread 0x00007f5d2c8b7740 [main] (most recent call first):\n"
        '  File "/srv/app/cart.py", line 12 in pay\n  File "/srv/app/main.py", line ??? in <module>\n\n'
        "Extension modules: numpy.core._multiarray_umath (total: 1)\n"
    )

    assert (report.faults[0].type, report.faults[0].message) == ("Fatal Python error", "Segmentation fault")
    assert report.faults[0].handled is False
    assert report.threads[0].name == "main"
    assert places(report.faults[0].frames) == [("pay", "/srv/app/cart.py", 12), ("<module>", "/srv/app/main.py", None)]

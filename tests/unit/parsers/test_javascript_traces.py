"""Every form of a JavaScript frame, and where a message ends."""

import pytest

from tests.unit.parsers.test_stack_trace import NODE, read


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("    at Cart.pay (/app/cart.js:7:12)", ("Cart.pay", "/app/cart.js", 7, 12)),
        ("    at /app/cart.js:7:12", (None, "/app/cart.js", 7, 12)),
        ("    at C:\\app\\cart.js:7:12", (None, "C:\\app\\cart.js", 7, 12)),
        ("    at new Cart (file:///app/my cart.mjs:7:12)", ("new Cart", "file:///app/my cart.mjs", 7, 12)),
        ("    at Array.map (<anonymous>)", ("Array.map", "<anonymous>", None, None)),
        ("    at async Promise.all (index 0)", ("Promise.all", None, None, None)),
        ("    at async Cart.pay (/app/cart.js:7:12)", ("Cart.pay", "/app/cart.js", 7, 12)),
        ("    at async file:///app/main.mjs:9:3", (None, "file:///app/main.mjs", 9, 3)),
        ("async*pay@https://example.com/cart.js:7:12", ("pay", "https://example.com/cart.js", 7, 12)),
        ("EventListener.handleEvent*@https://example.com/cart.js:7:12", (None, "https://example.com/cart.js", 7, 12)),
        ("promise callback*Cart.pay/<@/cart.js:7:12", ("Cart.pay/<", "/cart.js", 7, 12)),
        ("async pay@https://example.com/cart.js:7:12", ("pay", "https://example.com/cart.js", 7, 12)),
        ("pay@https://example.com/cart.js line 7 > eval:1:12", ("pay", "https://example.com/cart.js", 7, None)),
        ("eval code", ("eval code", None, None, None)),
        ("[native code]", (None, "[native code]", None, None)),
        ("    at eval (eval at pay (/app/cart.js:7:12), <anonymous>:1:1)", ("eval", "/app/cart.js", 7, 12)),
        ("    at pay (address at index.android.bundle:1:2345)", ("pay", "index.android.bundle", 1, 2345)),
        ("pay@https://example.com:8080/cart.js?v=1:7:12", ("pay", "https://example.com:8080/cart.js?v=1", 7, 12)),
        ("@https://example.com/cart.js:7:12", (None, "https://example.com/cart.js", 7, 12)),
        ("pay@[native code]", ("pay", "[native code]", None, None)),
        (
            "http://localhost:8081/index.bundle?dev=true:7:12",
            (None, "http://localhost:8081/index.bundle?dev=true", 7, 12),
        ),
        (
            "pay@https://example.com/cart.js line 7 > eval line 2 > eval:1:30",
            ("pay", "https://example.com/cart.js", 7, None),
        ),
        (
            "    at pay (eval at buy (eval at tap (https://example.com/cart.js:7:12)), <anonymous>:1:30)",
            ("pay", "https://example.com/cart.js", 7, 12),
        ),
        ("    at Cart.eval(webpack:///./src/cart.jsx?:7:12)", ("Cart.eval", "webpack:///./src/cart.jsx?", 7, 12)),
        ("   at Anonymous function (https://example.com/cart.js:7:12)", (None, "https://example.com/cart.js", 7, 12)),
        ("    at async Cart.pay (file:///app/cart.mjs:7:12)", ("Cart.pay", "file:///app/cart.mjs", 7, 12)),
    ],
)
def test_every_form_of_a_javascript_frame_is_read(line, expected):
    report = read(NODE + line + "\n")

    frame = report.faults[0].frames[2]
    assert (frame.function, frame.file, frame.line, frame.column) == expected


@pytest.mark.parametrize(
    "text",
    [
        "TypeError: x is null\nhttps://example.com/cart.js:7:12\npay@https://example.com/cart.js:9:1\n",
        "TypeError: x is null\neval code\neval@[native code]\npay@https://example.com/cart.js:9:1\n",
        "(node:123) UnhandledPromiseRejectionWarning: TypeError: x is null\n    at pay (/app/cart.js:7:12)\n",
        "Unhandled promise rejection TypeError: x is null\n    at pay (/app/cart.js:7:12)\n",
        "Possible Unhandled Promise Rejection (id: 0): TypeError: x is null\npay@index.android.bundle:1:2\n",
        "error: Uncaught (in promise) TypeError: x is null\n    x.pay();\n      ^\n    at pay (file:///app/cart.ts:7:12)\n",
    ],
)
def test_a_message_ends_where_frames_or_an_excerpt_of_the_source_begin(text):
    [fault] = read(text).faults

    assert (fault.type, fault.message) == ("TypeError", "x is null")

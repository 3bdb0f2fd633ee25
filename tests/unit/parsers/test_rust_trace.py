"""Panics of Rust as hooks of libraries print them."""

from app.crashes.title import title
from tests.printed import places, read

EYRE = """\
The application panicked (crashed).
Message:  cart is empty
Location: src/main.rs:7
{backtrace}"""
BACKTRACE = """
  ━━━━━━━━━━━━━ BACKTRACE ━━━━━━━━━━━━━
                                ⋮ 7 frames hidden ⋮
   8: shop::cart::pay::h0123456789abcdef
      at /src/cart.rs:7
   9: shop::main::h0123456789abcdef
      at /src/main.rs:3
                                ⋮ 1 frame hidden ⋮

Run with COLORBT_SHOW_HIDDEN=1 environment variable to disable frame filtering.
"""


def test_a_panic_that_color_eyre_prints_is_read():
    report = read(EYRE.format(backtrace=BACKTRACE))

    assert title(report) == "panic: cart is empty in shop::cart::pay"
    assert [(file, line) for _, file, line in places(report.faults[0].frames)] == [
        ("/src/cart.rs", 7),
        ("/src/main.rs", 3),
    ]


def test_without_its_backtrace_it_has_its_place():
    report = read(EYRE.format(backtrace="\nBacktrace omitted. Run with RUST_BACKTRACE=1\n"))

    assert places(report.faults[0].frames) == [(None, "src/main.rs", 7)]


def test_a_backtrace_of_rust_without_a_heading_is_read():
    report = read(
        "[ERROR shop] thread 'main' panicked at 'cart is empty': src/main.rs:7\n   0: log_panics::hook\n   1: shop::pay\n"
    )

    assert title(report) == "panic: cart is empty in shop::pay"

"""The lines of Apple text reports: every shape of frame and of binary image."""

import pytest

from app.crashes.log import BinaryImage
from app.parsers.apple_frames import Places, frame_lines, read_frame, read_image
from app.parsers.apple_ips_stacks import read_frames
from app.parsers.apple_sections import cut
from app.parsers.kscrash_parts import read_threads


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("0   UIKit   0x31634518 0x315e0000 + 345368", ("UIKit", None, 345368, 0x315E0000, None)),
        ("1   A B C   0x2000 0x1000 + 4096 (-[Foo bar] + 8)", ("A B C", "-[Foo bar]", 8, 0x1000, None)),
        ("2   ???     0x54485244 0x0 + 0", (None, None, 0, None, None)),
        ("2   ???     0x54485244 0 + 0", (None, None, 0, None, None)),
        ("3   App     0x2000 foo(int) + 12 (foo.mm:7)", ("App", "foo(int)", 12, None, 7)),
        ("4   App     0x2000 -[Foo bar] (in App) (Foo.m:14)", ("App", "-[Foo bar]", None, None, 14)),
        ("5   App     0x2000 a + b + 3", ("App", "a + b", 3, None, None)),
        ("6   App     0x2000 <redacted> + 3", ("App", "<redacted>", 3, None, None)),
        ("7   App     0x2000", ("App", None, None, None, None)),
        ("8   App     0x2000 0x1000 + 0x1000", ("App", None, 0x1000, 0x1000, None)),
        ("9   App     0x2000 0x1000 + 0x1000\t// -[Foo bar] + 0x14", ("App", "-[Foo bar]", 20, 0x1000, None)),
        ("10  App     0x2000 App + 4096", ("App", None, 4096, 0x1000, None)),
        ("11  App     0x2000 00000001028d885c + 12", ("App", None, None, None, None)),
        ("11  App     0x2000 ns::foo+ 4096 (int) + 12 (foo.cpp:7)", ("App", "ns::foo(int)", 12, None, 7)),
    ],
)
def test_every_shape_of_frame_is_read(line, expected):
    frame = read_frame(line)

    assert (frame.image, frame.function, frame.offset, frame.image_address, frame.line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("0x1000 - 0x1fff +My App arm64  <" + "ab" * 16 + "> /x/My App", ("My App", "arm64", 0x1000)),
        ("  0x1000 - 0x1fff  com.a.b (1.0 - 2) <" + "AB" * 16 + "> /x/Kit", ("Kit", None, 0x1000)),
        ("0x1000 - 0x1fff +com.a.b (x86_64)  <" + "ab" * 16 + "> /x/b", ("b", "x86_64", 0x1000)),
        ("0x1000 - 0x1fff ??? (*) <00000000-0000-0000-0000-000000000000> ???", (None, None, 0x1000)),
        ("0x1000 - 0x1fff libx.dylib armv7 /usr/lib/libx.dylib", ("libx.dylib", "armv7", 0x1000)),
    ],
)
def test_every_shape_of_binary_image_is_read(line, expected):
    image = read_image(line)

    assert (image.name, image.arch, image.size) == expected


def test_an_offset_that_counts_from_the_image_is_none_of_the_function():
    places = Places((BinaryImage("App", address=0x1000, size=0x2000),))

    [named, nameless] = places.place(
        (read_frame("0 App 0x2000 main + 4096 (main.m:3)"), read_frame("1 com.a.App 0x2010 App + 8"))
    )

    assert (named.function, named.offset, named.symbol_address) == ("main", None, None)
    assert (nameless.function, nameless.image_address, nameless.offset) == (None, 0x1000, 0x1010)


def test_the_image_for_a_function_is_no_name_in_json_either():
    image = BinaryImage("App", address=0x1000, size=0x2000)
    frame = {
        "object_name": "/x/App",
        "object_addr": 0x1000,
        "symbol_name": "App",
        "symbol_addr": 0x1000,
        "instruction_addr": 0x1400,
    }

    [ips] = read_frames([{"imageIndex": 0, "imageOffset": 0x400, "symbol": "App", "symbolLocation": 0x400}], (image,))
    [thread] = read_threads({"threads": [{"backtrace": {"contents": [frame]}}]})

    assert [(one.function, one.offset) for one in (ips, thread.frames[0])] == [(None, 0x400)] * 2


def test_every_heading_of_a_list_of_images_is_known():
    line = "0x1000 - 0x1fff App arm64 <" + "ab" * 16 + "> /x/App"

    assert [cut(f"{head}\n{line}").images for head in ("Binary Images:", "Binary Images (Other):")] == [[line]] * 2


def test_a_shortened_name_gives_way_to_the_whole_one_below_it():
    lines = [
        "  1   App   0x1000   closure #1 () in Till.p... + 32",
        "    Full symbol:closure #1 () in Till.pay(now: Bool)",
        "  2   App   0x1000   main + 4",
        "    Full symbol:other",
    ]

    assert [(frame.function, frame.offset) for frame in frame_lines(lines)] == [
        ("closure #1 () in Till.pay(now: Bool)", 32), ("main", 4)]  # fmt: skip

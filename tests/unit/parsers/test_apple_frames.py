"""The lines of Apple text reports: every shape of frame and of binary image."""

import pytest

from app.parsers.apple_frames import read_frame, read_image


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

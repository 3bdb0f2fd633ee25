"""Of what loaded images say, the message is what tells of the crash."""

import json

import pytest

from app.parsers import parse
from app.parsers.apple_information import most_telling, plain_information

SAYS_NOTHING = [
    "dyld2 mode",
    "dyld3 mode",
    "dyld4 config: DYLD_LIBRARY_PATH=/x",
    "abort() called",
    "Performing @selector(tap:) from sender UIButton 0x10",
]


@pytest.mark.parametrize("line", SAYS_NOTHING)
def test_a_line_of_healthy_processes_is_no_message(line):
    assert plain_information(line) is None
    assert plain_information(f"{line}\nTill.swift:3: Fatal error: no paper") == "Till.swift:3: Fatal error: no paper"


def test_runtimes_are_heard_before_user_interfaces():
    said = [("AppKit", "a"), ("Till", "b"), ("libdispatch.dylib", "c"), ("libswiftCore.dylib", "d"), (None, "e")]

    assert most_telling(said) == ["d", "c", "b", "e", "a"]


def test_kscrash_and_ips_tell_the_runtimes_line_and_keep_the_other_as_a_note():
    images = [
        {"name": "/S/AppKit", "image_addr": 1, "crash_info_message": "The window is gone"},
        {"name": "/usr/lib/swift/libswiftCore.dylib", "image_addr": 2, "crash_info_message": "Fatal error: no paper\n"},
    ]
    kscrash = {"report": {"id": "1", "type": "standard"}, "binary_images": images,
               "crash": {"error": {"mach": {"exception": 6}}}}  # fmt: skip
    asi = {
        "AppKit": ["Performing @selector(tap:) from sender NSButton 0x1"],
        "libswiftCore.dylib": ["Fatal error: no paper"],
    }
    ips = {"threads": [{"triggered": True}], "usedImages": [], "exception": {"type": "EXC_BREAKPOINT"}, "asi": asi}

    told = [parse(json.dumps(one).encode())[0] for one in (kscrash, ips)]

    assert [log.faults[0].message for log in told] == ["Fatal error: no paper"] * 2
    assert "A loaded image says: The window is gone" in told[0].notes
    assert any("Performing @selector" in note for note in told[1].notes)

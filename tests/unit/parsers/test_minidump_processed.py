"""What stack walkers print for minidumps: which stack is the crash, what inlining gives, what is refused."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from app.crashes.fingerprint import fingerprint
from app.crashes.log import CrashLog
from app.crashes.title import title
from app.errors import MalformedLog
from app.parsers import PARSERS, minidump_processed
from app.parsers.document import Document
from app.samples import FOLDER

SAMPLE = FOLDER / "minidump-processed" / "linux.json"
CORPUS = Path(os.environ.get("CRASHQ_CORPUS") or Path(__file__).parents[4] / "shared" / "corpus") / "minidump-processed"


def sample() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SAMPLE.read_bytes())
    return found


def read(found: dict[str, Any]) -> CrashLog:
    document = Document(json.dumps(found).encode())
    assert [name for name, parser in PARSERS.items() if parser.sniff(document)] == ["minidump-processed"]
    (report,) = minidump_processed.parse(document)
    return report


def test_the_exception_its_detail_and_its_address_are_told_apart():
    report = read(sample())

    fault = report.faults[0]
    assert (fault.type, fault.signal, fault.code) == ("SIGSEGV", "SIGSEGV", "SEGV_MAPERR at 0x0000000000000018")
    assert (report.process, report.process_id, report.app.version) == ("shop", 4711, "4.2.0")
    assert title(report) == "SIGSEGV in cart::Price::cents() const"


def test_the_crashed_thread_is_the_one_named_with_its_registers():
    report = read(sample())

    assert [(each.index, each.name, each.is_crashed) for each in report.threads] == [
        (0, "shop", False),
        (1, "checkout", True),
    ]
    assert report.threads[1].registers["rip"] == 0x7F20A4001A2C


def test_functions_compiled_into_a_frame_stand_above_it_at_its_address():
    inlined, frame = read(sample()).crash_frames[:2]

    assert (inlined.function, inlined.line, inlined.note) == ("cart::Price::cents() const", 17, "inlined")
    assert (frame.line, frame.offset, frame.image, frame.image_address) == (88, 0x2C, "libcart.so", 0x7F20A4000000)
    assert inlined.address == frame.address == 0x7F20A4001A2C


def test_the_stack_of_a_thread_list_alone_is_the_crash_too():
    found = sample()
    del found["crashing_thread"]

    assert fingerprint(read(found)) == fingerprint(read(sample()))


def test_the_crashed_stack_alone_is_enough():
    found = sample()
    del found["threads"]

    assert [(each.index, each.is_crashed) for each in read(found).threads] == [(1, True)]


def test_an_assertion_is_the_message_else_what_macos_reports():
    found = sample()
    found["mac_crash_info"] = {"num_records": 1, "records": [{"message": None}, {"message": "BUG IN CLIENT\n"}]}

    assert read(found).faults[0].message == "BUG IN CLIENT"
    found["crash_info"]["assertion"] = "total >= 0"
    assert read(found).faults[0].message == "total >= 0"


def test_apples_build_is_told_from_its_version():
    found = sample()
    found["system_info"] |= {"os": "Mac OS X", "os_ver": "13.4.1 22F82"}

    assert (read(found).os.version, read(found).os.build) == ("13.4.1", "22F82")


def test_code_of_a_module_that_is_gone_keeps_its_name():
    found = sample()
    frame = found["crashing_thread"]["frames"][1]
    frame |= {"module": None, "module_offset": None, "unloaded_modules": [{"module": "plugin.so", "offsets": ["0x10"]}]}

    made = read(found).crash_frames[2]

    assert (made.image, made.image_address, made.note) == ("plugin.so", None, "in a module that was unloaded")


def test_a_dump_without_exception_and_stack_is_refused():
    found = sample()
    found["crash_info"] |= {"type": None, "crashing_thread": None}
    del found["crashing_thread"]

    with pytest.raises(MalformedLog, match="names no exception"):
        read(found)


@pytest.mark.parametrize("part", ["crash_info", "system_info", "modules"])
def test_json_without_one_of_its_parts_is_not_claimed(part):
    found = sample()
    del found[part]

    assert not minidump_processed.sniff(Document(json.dumps(found).encode()))


@pytest.mark.skipif(not CORPUS.is_dir(), reason="there is no corpus beside this checkout; CRASHQ_CORPUS names one")
@pytest.mark.parametrize(
    ("name", "kind", "code", "pid", "frames", "top", "images", "os"),
    [
        ("json-pretty-symbols", "EXCEPTION_ACCESS_VIOLATION", "write at 0x00000045", 3932, 4,
         "`anonymous namespace'::CrashFunction", 13, "Windows NT"),
        ("json-pretty", "EXCEPTION_ACCESS_VIOLATION", "write at 0x00000045", 3932, 4, None, 13, "Windows NT"),
        ("linux_json_pretty", "SIGSEGV", "at 0x0000000000000045", 1304, 15, None, 8, "Linux"),
    ],
)  # fmt: skip
def test_what_a_real_stack_walker_printed_is_read_whole(name, kind, code, pid, frames, top, images, os):
    _, _, text = (CORPUS / f"test_minidump_stackwalk__{name}.snap").read_text().split("---", 2)

    report = read(json.loads(text))

    assert (report.faults[0].type, report.faults[0].code, report.process_id) == (kind, code, pid)
    assert (len(report.crash_frames), report.crash_frames[0].function) == (frames, top)
    assert (len(report.images), report.os.name) == (images, os)
    assert all(frame.image_address is not None for frame in report.crash_frames if frame.image)

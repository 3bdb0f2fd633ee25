"""Apple .ips files: what is read out of synthetic ones, and which are refused."""

import json
from datetime import UTC, datetime

import pytest

from app.errors import MalformedLog
from app.parsers import apple_ips
from app.parsers.document import Document
from app.parsers.values import MAX_FRAMES

HEADER = {
    "app_name": 'Field {"Notes',
    "timestamp": "2025-03-11 09:42:13.00 +0200",
    "app_version": "3.1",
    "build_version": "42",
    "bundleID": "com.example.notes",
    "bug_type": "309",
    "os_version": "iPhone OS 17.4 (21E219)",
    "incident_id": "A-1",
}
CLASSIC = """Incident Identifier: A-1
Hardware Model:      iPhone9,1
Process:             Notes [3]
Date/Time:           2019-03-11 09:42:12.5000 +0200
OS Version:          iPhone OS 12.1 (16B92)

Exception Type:  EXC_CRASH (SIGKILL)
Triggered by Thread:  0

Thread 0 Crashed:
0   Notes   0x0000000104a04c38 main + 12
"""


def make_body(**parts):
    frames = [{"imageIndex": 0, "imageOffset": 64, "symbol": "save()", "symbolLocation": 4, "sourceFile": "S.swift",
               "sourceLine": 9}, {"imageIndex": 1, "imageOffset": 8}, {"imageIndex": 9}]  # fmt: skip
    state = {"flavor": "ARM_THREAD_STATE64", "x": [{"value": 7}, {"value": 2**64 - 1}], "pc": {"value": 5}}
    return {
        "procName": "Notes",
        "pid": 12,
        "procLaunch": "2025-03-11 09:40:00.0000 +0200",
        "captureTime": "2025-03-11 09:42:12.5000 +0200",
        "modelCode": "iPhone14,7",
        "cpuType": "ARM-64",
        "osVersion": {"train": "iPhone OS 17.4", "build": "21E219"},
        "crashReporterKey": "key",
        "exception": {"type": "EXC_BAD_ACCESS", "signal": "SIGSEGV", "codes": "0x1, 0x8",
                      "subtype": "KERN_INVALID_ADDRESS at 0x8"},
        "faultingThread": 1,
        "threads": [{"id": 1, "name": "idle"}, {"triggered": True, "queue": "q", "frames": frames, "threadState": state}],
        "usedImages": [{"base": 4096, "size": 100, "name": "Notes", "path": "/x/Notes", "uuid": "u", "arch": "arm64"},
                       {"base": 8192, "size": 100}],
        **parts,
    }  # fmt: skip


def file(body, header=HEADER, indent=2):
    body = body if isinstance(body, str) else json.dumps(body, indent=indent)
    return Document(f"{json.dumps(header)}\n{body}\n".encode())


def read(document):
    assert apple_ips.sniff(document)
    [log] = apple_ips.parse(document)
    return log


def test_header_and_body_are_read():
    log = read(file(make_body()))

    fault = log.faults[0]
    assert (fault.type, fault.signal, fault.code) == ("EXC_BAD_ACCESS", "SIGSEGV", "KERN_INVALID_ADDRESS at 0x8")
    assert log.occurred_at == datetime(2025, 3, 11, 7, 42, 12, 500_000, tzinfo=UTC)
    assert (log.app.identifier, log.app.version, log.app.build) == ("com.example.notes", "3.1", "42")
    assert (log.os.name, log.os.version, log.os.build) == ("iPhone OS", "17.4", "21E219")
    assert (log.device.model, log.device.arch, log.device.install_id) == ("iPhone14,7", "arm64", "key")


def test_frames_are_placed_by_image_and_offset():
    thread = read(file(make_body())).crashed_thread

    first, second, third = thread.frames
    assert (thread.index, thread.queue, thread.registers) == (1, "q", {"x0": 7, "x1": 2**64 - 1, "pc": 5})
    assert (first.image, first.address, first.symbol_address, first.offset, first.line) == ("Notes", 4160, 4156, 4, 9)
    assert (second.image, second.address, second.offset, second.function) == (None, 8200, 8, None)
    assert third.address is None


def test_an_exception_has_name_reason_and_its_own_frames():
    said = "*** Terminating app due to uncaught exception 'NSRangeException', reason: 'too far'"
    body = make_body(
        exception={"type": "EXC_CRASH", "signal": "SIGABRT", "codes": "0x0000000000000000, 0x0000000000000000"},
        asi={"libsystem_c.dylib": ["abort() called"], "CoreFoundation": [said]},
        lastExceptionBacktrace=[{"imageIndex": 0, "imageOffset": 1, "symbol": "throw"}],
    )

    log = read(file(body))

    fault = log.faults[0]
    assert (fault.type, fault.message, fault.code) == ("NSRangeException", "too far", None)
    assert [frame.function for frame in log.crash_frames] == ["throw"]
    assert "Exception Type: EXC_CRASH (SIGABRT)" in log.notes


def test_the_exception_reason_of_newer_systems_comes_first():
    body = make_body(exceptionReason={"name": "NSGenericException", "composed_message": "no", "type": "objc-exception"})

    fault = read(file(body)).faults[0]

    assert (fault.type, fault.message, fault.mechanism) == ("NSGenericException", "no", "nsexception")


def test_a_backtrace_in_text_serves_when_there_is_no_other():
    body = make_body(asiBacktraces=["0   CoreFoundation   0x00001010 raise + 4\n1   Notes   0x1020 main + 2"])

    assert [frame.function for frame in read(file(body)).faults[0].frames] == ["raise", "main"]


@pytest.mark.parametrize(
    ("parts", "message", "code"),
    [
        ({"asi": {"libswiftCore.dylib": ["A.swift:3: Fatal error: x"]}}, "A.swift:3: Fatal error: x", "0x1, 0x8"),
        ({"termination": {"namespace": "TCC", "code": 0, "details": ["no key"]}}, "no key", "0x1, 0x8"),
        ({"asi": {"dyld": ["dyld4 config: A=B"]}, "termination": {"namespace": "SIGNAL"}}, None, "0x1, 0x8"),
    ],
)
def test_the_message_is_what_a_library_or_the_termination_says(parts, message, code):
    body = make_body(**parts)
    del body["exception"]["subtype"]

    fault = read(file(body)).faults[0]

    assert (fault.message, fault.code) == (message, code)


def test_a_watchdog_kill_has_the_termination_for_a_code():
    body = make_body(
        exception={"type": "EXC_CRASH", "signal": "SIGKILL", "codes": "0x0000, 0x0000"},
        termination={"namespace": "FRONTBOARD", "code": 2343432205, "reasons": ["scene-update watchdog"]},
    )

    fault = read(file(body)).faults[0]

    assert (fault.message, fault.code) == ("scene-update watchdog", "FRONTBOARD 0x8badf00d")


def test_the_faulting_thread_serves_when_none_is_flagged():
    body = make_body(faultingThread=0)
    del body["threads"][1]["triggered"]

    assert read(file(body)).crashed_thread.index == 0


def test_a_file_in_classic_text_is_read_as_such():
    log = read(file(CLASSIC, {**HEADER, "bug_type": "109"}))

    assert (log.format, log.faults[0].signal, log.crash_frames[0].function) == ("apple-ips", "SIGKILL", "main")
    assert (log.app.identifier, log.app.version, log.os.version) == ("com.example.notes", "3.1", "12.1")


def test_the_body_alone_is_enough():
    assert read(Document(json.dumps(make_body()).encode())).faults[0].type == "EXC_BAD_ACCESS"


@pytest.mark.parametrize("indent", [None, 1])
def test_several_reports_in_one_file_are_several_logs(indent):
    one = file(make_body(), indent=indent).raw
    two = file(CLASSIC, {**HEADER, "bug_type": "109"}).raw

    logs = apple_ips.parse(Document(one + two + one))

    assert [log.faults[0].type for log in logs] == ["EXC_BAD_ACCESS", "EXC_CRASH", "EXC_BAD_ACCESS"]


def test_header_and_body_on_one_line_are_told_apart():
    raw = json.dumps(HEADER) + json.dumps(make_body())

    assert read(Document(raw.encode())).report_id == "A-1"


def test_a_very_deep_stack_keeps_its_ends():
    frames = [{"imageIndex": 0, "imageOffset": n} for n in range(200_000)]

    found = read(file(make_body(threads=[{"triggered": True, "frames": frames}]), indent=None)).crash_frames

    assert (len(found), found[0].offset, found[-1].offset) == (MAX_FRAMES, 0, 199_999)


@pytest.mark.parametrize("value", [None, True, -1, 10**30, "x\0\ud800", [], {}, [None], [[{}]], {"a": {"b": 1}}])
def test_values_of_a_wrong_type_raise_nothing_but_malformed_log(value):
    body = make_body(asi={"a": ["b"]}, termination={"namespace": "X"}, lastExceptionBacktrace=[{}], legacyInfo={})
    for key in body:
        try:
            logs = apple_ips.parse(file({**body, key: value}))
        except MalformedLog:
            continue
        assert all("\0" not in str(log) and "\ud800" not in str(log) for log in logs)


@pytest.mark.parametrize(
    ("bug_type", "reason"), [("298", "jetsam"), (288, "stackshot"), ("211", "analytics"), ("999", "bug type 999")]
)
def test_other_bug_types_are_refused_as_what_they_are(bug_type, reason):
    document = file({"memoryStatus": {}}, {**HEADER, "bug_type": bug_type})

    assert apple_ips.sniff(document)
    with pytest.raises(MalformedLog, match=reason):
        apple_ips.parse(document)


@pytest.mark.parametrize(
    ("body", "reason"),
    [("", "cut short after its header"), ('{"threads": [', "cut short at line"), ('{"pid": 3}', "what crashed")],
)
def test_a_damaged_file_is_claimed_and_refused_with_its_reason(body, reason):
    document = file(body)

    assert apple_ips.sniff(document)
    with pytest.raises(MalformedLog, match=reason):
        apple_ips.parse(document)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b'{"bug_type":"309","incident',
        b'{"threads": [], "exception": {}}',
        b"[1]",
        b'{"bug_type":"309"}\n{}',
    ],
)
def test_other_json_is_not_claimed(raw):
    assert not apple_ips.sniff(Document(raw))

"""What ended an Apple process, and in what state it was."""

import json

import pytest

from app.parsers import parse
from app.parsers.apple_state import of_body, of_header, spoken_termination, termination_code


@pytest.mark.parametrize(
    ("space", "code", "told"),
    [
        ("FRONTBOARD", 2343432205, "FRONTBOARD 0x8badf00d"),
        ("SPRINGBOARD", "0xdead10cc", "SPRINGBOARD 0xdead10cc"),
        ("DYLD", 1, "DYLD 1"),
        ("GUARD", None, "GUARD"),
        (None, 7, None),
    ],
)
def test_a_code_is_told_by_its_namespace_and_in_hex_where_it_is_known_so(space, code, told):
    assert termination_code(space, code) == told


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("Namespace SPRINGBOARD, Code 0xdead10cc", "SPRINGBOARD 0xdead10cc"),
        ("Namespace DYLD, Code 1 Library missing", "DYLD 1 Library missing"),
        ("FRONTBOARD 2343432205", "FRONTBOARD 2343432205"),
    ],
)
def test_text_and_json_tell_the_same_code(line, told):
    assert spoken_termination(line) == told


def test_role_parent_translation_and_codes_are_told():
    body = {
        "procRole": "Background", "parentProc": "launchd", "parentPid": 1, "translated": True, "uptime": 12,
        "exception": {"codes": "0x0000000000000106, 0x10", "subtype": "GUARD_TYPE_VIRT_MEMORY"},
        "termination": {"namespace": "RUNNINGBOARD", "code": 3735883980, "byProc": "runningboardd"},
    }  # fmt: skip
    header = {
        "Role": "Background", "Parent Process": "launchd [1]", "Code Type": "X86-64 (Translated)",
        "Time Awake Since Boot": "12 seconds", "Exception Codes": "0x0000000000000106, 0x10",
        "Exception Subtype": "GUARD_TYPE_VIRT_MEMORY", "Terminating Process": "runningboardd",
        "Termination Reason": "Namespace RUNNINGBOARD, Code 0xdead10cc",
    }  # fmt: skip

    assert of_body(body) == of_header(header) == {
        "role": "Background", "parent_process": "launchd [1]", "translated": True, "uptime_seconds": 12,
        "exception_codes": "0x0000000000000106, 0x10", "termination": "RUNNINGBOARD 0xdead10cc",
        "terminated_by": "runningboardd",
    }  # fmt: skip


def test_what_says_nothing_is_left_out():
    assert of_body({"translated": False, "termination": {"namespace": "SIGNAL", "code": 6}}) == {}
    assert of_header({"Code Type": "ARM-64 (Native)", "Role": "unknown"}) == {}


@pytest.mark.parametrize(
    ("about", "code", "details"),
    [
        ({"exceptionType": 1, "exceptionCode": 1, "signal": 11}, "KERN_INVALID_ADDRESS", {}),
        ({"exceptionType": 10, "exceptionCode": 0, "terminationReason": "Namespace RUNNINGBOARD, Code 0xdead10cc"},
         "RUNNINGBOARD 0xdead10cc", {"termination": "RUNNINGBOARD 0xdead10cc"}),
        ({"exceptionType": 10, "exceptionCode": 0, "terminationReason": "Namespace SIGNAL, Code 0x6"}, "0", {}),
    ],
)  # fmt: skip
def test_metrickit_tells_the_same_code_of_what_ended_a_process(about, code, details):
    tree = {
        "callStacks": [{"threadAttributed": True, "callStackRootFrames": [{"binaryName": "Till", "address": 4096}]}]
    }

    [log] = parse(json.dumps({"diagnosticMetaData": about, "callStackTree": tree, "version": "1.0.0"}).encode())

    assert (log.faults[0].code, dict(log.details)) == (code, details)

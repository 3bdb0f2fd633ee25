"""KSCrash JSON: what is read out of synthetic reports, and which are refused."""

import json
from datetime import UTC, datetime

import pytest

from app.errors import MalformedLog
from app.parsers import kscrash
from app.parsers.document import Document
from app.parsers.values import MAX_FRAMES

SECONDS = 1_741_678_932
FRAME = {
    "instruction_addr": 4112,
    "object_addr": 4096,
    "object_name": "Notes",
    "symbol_addr": 4104,
    "symbol_name": "save",
}
MACH = {
    "type": "mach",
    "address": 8,
    "mach": {"exception": 1, "exception_name": "EXC_BAD_ACCESS", "code": 1, "code_name": "KERN_INVALID_ADDRESS"},
    "signal": {"signal": 11, "name": "SIGSEGV", "code": 0, "code_name": "SEGV_NOOP"},
}


def make_report(error=MACH, **parts):
    thread = {"index": 4, "crashed": True, "backtrace": {"contents": [FRAME], "skipped": 0}}
    report = {"id": "A-1", "type": "standard", "version": "3.2.0", "timestamp": SECONDS, "process_name": "Notes"}
    return {"report": report, "crash": {"error": error, "threads": [{"index": 0}, thread]}, **parts}


def document(value):
    return Document(json.dumps(value).encode())


def read(value):
    [log] = kscrash.parse(document(value))
    return log


def test_a_mach_crash_has_exception_signal_code_and_the_flagged_thread():
    log = read(make_report())

    fault = log.faults[0]
    assert (fault.type, fault.signal, fault.code) == ("EXC_BAD_ACCESS", "SIGSEGV", "KERN_INVALID_ADDRESS at 0x8")
    assert (log.crashed_thread.index, log.crash_frames[0].function, log.crash_frames[0].offset) == (4, "save", 8)
    assert fault.frames == ()


def test_a_signal_without_mach_part_is_named_by_its_signal_even_when_only_the_number_is_there():
    log = read(make_report({"type": "signal", "signal": {"signal": 15, "code": 0}}))

    assert (log.faults[0].type, log.faults[0].signal) == ("SIGTERM", "SIGTERM")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            {"type": "nsexception", "nsexception": {"name": "NSRangeException", "reason": "r"}},
            ("NSRangeException", "r"),
        ),
        (
            {"type": "cpp_exception", "cpp_exception": {"name": "std::bad_alloc"}, "reason": "r"},
            ("std::bad_alloc", "r"),
        ),
        ({"type": "user", "user_reported": {"name": "LuaError"}, "reason": "r"}, ("LuaError", "r")),
        ({"type": "deadlock", "mach": {"exception": 0}, "signal": {"signal": 0}}, ("Deadlock", None)),
        (
            {
                "type": "memory_termination",
                "memory_termination": {"memory_pressure": "critical", "memory_level": "urgent"},
            },
            ("MemoryTermination", "memory pressure critical, memory level urgent"),
        ),
        ({"nsexception": {"name": "NSRangeException"}, "mach": {"exception": 10}}, ("NSRangeException", None)),
        ({"mach": {"exception": 6}}, ("EXC_BREAKPOINT", None)),
    ],
)
def test_each_kind_of_error_has_its_type_and_reason(error, expected):
    fault = read(make_report(error)).faults[0]

    assert (fault.type, fault.message) == expected


def test_reason_prefers_the_error_then_the_image_then_the_diagnosis():
    report = make_report(
        binary_images=[{"image_addr": 1, "name": "/a/b/libswiftCore.dylib", "crash_info_message": "index"}]
    )
    report["crash"]["diagnosis"] = "guess"

    log = read(report)

    assert log.faults[0].message == "index"
    assert "Diagnosis: guess" in log.notes


@pytest.mark.parametrize(
    ("version", "timestamp", "expected"),
    [
        ("3.2.0", SECONDS, datetime(2025, 3, 11, 7, 42, 12, tzinfo=UTC)),
        ("3.3.0", SECONDS * 1_000_000 + 250_000, datetime(2025, 3, 11, 7, 42, 12, 250_000, tzinfo=UTC)),
        ("3.3.0", SECONDS, datetime(2025, 3, 11, 7, 42, 12, tzinfo=UTC)),
        ("3.1.0", SECONDS * 1_000_000, datetime(2025, 3, 11, 7, 42, 12, tzinfo=UTC)),
        ("3.10.0", 1_447_626_000_000, datetime(1970, 1, 17, 18, 7, 6, tzinfo=UTC)),
        ({"major": 2, "minor": 0}, "1970-01-17T18:47:06Z", datetime(1970, 1, 17, 18, 47, 6, tzinfo=UTC)),
        ({"major": 3, "minor": None}, 1_447_626, datetime(1970, 1, 17, 18, 7, 6, tzinfo=UTC)),
        (None, None, None),
        ("3.4.0", 10**40, None),
    ],
)
def test_time_follows_version_and_size(version, timestamp, expected):
    report = make_report()
    report["report"].update(version=version, timestamp=timestamp)

    assert read(report).occurred_at == expected


def test_a_crash_in_the_handler_goes_to_the_notes_and_the_top_level_is_the_crash():
    handler = {"crash": {"error": {"mach": {"exception": 1}}, "crashed_thread": {"backtrace": {"contents": [FRAME]}}}}

    log = read(make_report({"type": "nsexception", "nsexception": {"name": "Boom"}}, recrash_report=handler))

    assert log.faults[0].type == "Boom"
    assert log.notes[0].startswith("The crash handler crashed while it wrote this report: EXC_BAD_ACCESS")


@pytest.mark.parametrize("wrap", [lambda inner: inner, json.dumps])
def test_a_minimal_report_gives_the_original_that_lies_inside_it(wrap):
    original = make_report({"type": "nsexception", "nsexception": {"name": "Original"}})
    minimal = make_report(MACH, recrash_report=wrap(original))
    minimal["report"] |= {"type": "minimal", "id": "B-2"}

    log = read(minimal)

    assert (log.faults[0].type, log.report_id) == ("Original", "A-1")
    assert "EXC_BAD_ACCESS" in log.notes[0]


def test_a_minimal_report_without_original_gives_the_crash_of_the_handler_and_says_so():
    report = make_report()
    report["report"]["type"] = "minimal"
    report["crash"] = {"error": MACH, "crashed_thread": {"index": 7, "backtrace": {"contents": [FRAME]}}}

    log = read(report)

    assert (log.crashed_thread.index, log.faults[0].type) == (7, "EXC_BAD_ACCESS")
    assert "original crash is lost" in log.notes[0]


def test_only_a_recrash_report_is_enough():
    log = read({"recrash_report": make_report()})

    assert (log.report_id, log.faults[0].type) == ("A-1", "EXC_BAD_ACCESS")


@pytest.mark.parametrize("lost", ["report", "user", "system", "binary_images", "process"])
def test_a_missing_or_null_part_does_no_harm(lost):
    report = make_report(user={"a": 1}, system={}, binary_images=[], process={})

    without, null = {key: part for key, part in report.items() if key != lost}, {**report, lost: None}

    assert kscrash.sniff(document(without))
    assert read(without).faults == read(null).faults == read(report).faults


def test_threads_without_an_error_are_still_a_crash():
    report = make_report()
    report["crash"] = {"threads": report["crash"]["threads"], "diagnosis": "Stack overflow in save"}

    log = read(report)

    assert (log.faults[0].type, log.faults[0].message) == (None, "Stack overflow in save")
    assert log.crash_frames[0].function == "save"


def test_a_stack_that_the_app_reported_is_the_faults_own():
    lines = [{"methodName": "press", "file": "app.js", "lineNumber": 12, "column": 9}, "tap@menu.lua:3", 7, None]

    frames = read(make_report({"type": "user", "user_reported": {"name": "E", "backtrace": lines}})).crash_frames

    assert [(frame.function, frame.file, frame.line) for frame in frames] == [
        ("press", "app.js", 12),
        ("tap@menu.lua:3", None, None),
    ]


def test_the_forks_context_scope_and_breadcrumbs_are_read():
    crumbs = [
        {"timestamp": "2025-03-11T07:42:00Z", "category": "touch", "level": "info", "message": "tap", "data": {"x": 1}}
    ]
    scope = {"user": {"id": "u1"}, "tags": {"t": "v"}, "breadcrumbs": crumbs}
    context = {"app": {"app_identifier": "com.example.notes"}, "os": {"name": "iOS", "version": "17.0"}}

    log = read(make_report(sentry_sdk_scope=scope, user={"context": context}, system={"system_name": None}))

    assert (log.app.identifier, log.os.version, log.user_id) == ("com.example.notes", "17.0", "u1")
    assert (log.breadcrumbs[0].message, log.breadcrumbs[0].data, log.custom["tags"]) == ("tap", {"x": 1}, {"t": "v"})


def test_a_handled_error_of_the_bugsnag_fork_says_so():
    log = read(make_report(user={"handledState": {"unhandled": False, "currentSeverity": "info"}}))

    assert (log.faults[0].handled, log.level) == (True, "info")


def test_a_list_of_reports_gives_one_log_each():
    assert len(kscrash.parse(document([make_report(), make_report()]))) == 2


def test_a_very_deep_stack_keeps_its_ends():
    report = make_report()
    report["crash"]["threads"][1]["backtrace"]["contents"] = [{**FRAME, "instruction_addr": n} for n in range(200_000)]

    frames = read(report).crash_frames

    assert (len(frames), frames[0].address, frames[-1].address) == (MAX_FRAMES, 0, 199_999)


@pytest.mark.parametrize("value", [None, True, -1, 10**30, "x\0\ud800", [], {}, [None], [[{}]], {"a": {"b": 1}}])
def test_values_of_a_wrong_type_raise_nothing_but_malformed_log(value):
    report = make_report(user={"a": 1}, system={"machine": "m"}, binary_images=[{"image_addr": 1}], process={"a": 1})
    for key in report:
        for inner in [None, *report[key]] if isinstance(report[key], dict) else [None]:
            changed = {**report, key: value if inner is None else {**report[key], inner: value}}
            try:
                logs = kscrash.parse(document(changed))
            except MalformedLog:
                continue
            assert all("\0" not in str(log) and "\ud800" not in str(log) for log in logs)


@pytest.mark.parametrize("crash", [None, {}, [], "x", {"error": None, "threads": []}])
def test_a_report_that_says_nothing_of_a_crash_is_claimed_and_refused(crash):
    report = make_report(system={}) | {"crash": crash}

    assert kscrash.sniff(document(report))
    with pytest.raises(MalformedLog, match="holds no crash"):
        kscrash.parse(document(report))


def test_a_custom_report_is_refused_with_its_reason():
    report = {"report": {"id": "A", "type": "custom"}, "user": {"a": 1}}

    with pytest.raises(MalformedLog, match="custom"):
        kscrash.parse(document(report))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[]",
        b"[1]",
        b'{"report": {"id": "A", "type": "standard"}, "crash": {"err',
        b'{"exception": {"values": []}, "platform": "cocoa", "threads": []}',
        b'{"report": {"id": 1}, "crash": 5}',
        b'{"crash_info": {"type": "SIGSEGV"}, "threads": [], "system_info": {}}',
    ],
)
def test_other_and_truncated_json_is_not_claimed(raw):
    assert not kscrash.sniff(Document(raw))


@pytest.mark.parametrize(
    ("reason", "kind", "words"),
    [
        ("memory_limit", "Termination: memory limit", "The system ended the app: it used more memory than an app may"),
        ("unexplained", "Termination: unexplained", "The app ended without a crash, and nothing tells why"),
        ("eaten_by_a_later_version", "Termination: eaten by a later version", None),
    ],
)
def test_the_reason_of_a_termination_is_its_type(reason, kind, words):
    report = make_report({"type": "termination", "termination_reason": reason})

    log = read(report)

    assert (log.faults[0].type, log.faults[0].message, log.details.get("termination")) == (kind, None, words)


def test_the_state_of_app_and_device_is_told():
    system = {
        "cpu_arch": "x86", "binary_cpu_type": 0x1000007, "binary_cpu_subtype": 3, "memory": {"free": 4096},
        "application_stats": {"application_in_foreground": False}, "app_memory": {"memory_pressure": "warn"},
    }  # fmt: skip

    log = read(make_report(system=system))

    assert dict(log.details) == {"foreground": False, "free_memory": 4096, "memory_pressure": "warn"}
    assert log.device.arch == "x86_64"

"""The real Measure, Bugsnag and MetricKit logs of the corpus: how many crashes each tells of, with facts read from the files."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from app.errors import MalformedLog
from app.parsers import PARSERS, parse
from app.parsers.document import Document

CORPUS = Path(os.environ.get("CRASHQ_CORPUS") or Path(__file__).parents[4] / "shared" / "corpus")
FOLDERS = ["measure-event", "measure-session", "bugsnag-event", "apple-metrickit"]

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus: set CRASHQ_CORPUS")


def read(folder, name):
    return parse((CORPUS / folder / name).read_bytes())


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_json_file_is_claimed_by_the_parser_of_its_folder_alone(folder):
    for path in sorted((CORPUS / folder).glob("*.json")):
        document = Document(path.read_bytes())

        claims = [name for name, parser in PARSERS.items() if parser.sniff(document)]

        assert claims == ([] if path.name == "tree-garbage.json" else [folder]), path.name


def test_no_file_of_the_corpus_is_claimed_twice():
    for path in sorted(CORPUS.rglob("*")):
        if path.is_file():
            document = Document(path.read_bytes())
            assert len([name for name, parser in PARSERS.items() if parser.sniff(document)]) <= 1, path.name


def test_a_session_holds_as_many_reports_as_it_has_unhandled_exceptions_and_anrs():
    for path in sorted((CORPUS / "measure-session").iterdir()):
        events = json.loads(path.read_text())["events"]
        bodies = [(event["type"], event[event["type"]]) for event in events if event["type"] in ("exception", "anr")]

        found = parse(path.read_bytes())

        assert len(found) == sum(kind == "anr" or body["handled"] is not True for kind, body in bodies), path.name


def test_sessions_hold_from_none_to_ten_crashes_seventy_one_in_all():
    counts = Counter(len(parse(path.read_bytes())) for path in (CORPUS / "measure-session").iterdir())

    assert counts == {0: 3, 1: 46, 6: 1, 9: 1, 10: 1}


def test_every_crash_of_a_session_has_its_time_app_version_and_installation():
    found = [log for path in sorted((CORPUS / "measure-session").iterdir()) for log in parse(path.read_bytes())]

    assert all(log.occurred_at and log.app.identifier and log.app.version and log.device.install_id for log in found)
    assert len({log.device.install_id for log in found}) > 1
    assert all(log.crash_frames and log.faults[0].type for log in found)


def test_a_nested_exception_is_told_from_the_outermost_on():
    [log] = read("measure-event", "nested_exception_one.json")

    assert [(fault.type, fault.relation, fault.parent) for fault in log.faults] == [
        ("java.lang.RuntimeException", None, None),
        ("java.lang.reflect.InvocationTargetException", "cause", 0),
        ("java.io.IOException", "cause", 1),
        ("sh.measure.sample.CustomException", "cause", 2),
    ]


def test_an_apple_frame_has_its_image_and_address():
    [log] = read("measure-event", "apple_one.json")

    frame = log.crash_frames[0]
    assert (log.faults[0].type, log.faults[0].signal, frame.image) == (
        "NSRangeException",
        "SIGABRT",
        "libsystem_kernel.dylib",
    )
    assert (frame.image_address, frame.address, frame.offset) == (0x1044F4000, 0x1044FD108, 37128)
    assert log.crash_frames[2].function == "uncaught_exception_handler"
    assert (log.crash_frames[2].line, log.crash_frames[0].line) == (361, None)


def test_the_bugsnag_events_tell_type_place_device_and_install():
    [cocoa] = read("bugsnag-event", "BugsnagEvent1.json")
    [native] = read("bugsnag-event", "android_native_crash.json")

    assert (cocoa.faults[0].type, cocoa.platform, cocoa.grouping_hint) == (
        "NSInvalidArgumentException",
        "apple",
        ("customGroupingHash",),
    )
    assert (cocoa.crash_frames[0].function, cocoa.crash_frames[0].image) == ("__exceptionPreprocess", "CoreFoundation")
    assert cocoa.occurred_at.isoformat() == "2021-01-19T11:16:25+00:00"
    assert (native.faults[0].type, native.faults[0].signal, native.faults[0].handled) == ("SIGSEGV", "SIGSEGV", False)
    frame = native.crash_frames[0]
    assert (frame.function, frame.image, frame.line) == ("crash_write_read_only", "libentrypoint.so", None)
    assert (native.app.identifier, native.app.build, native.device.arch) == (
        "com.example.bugsnag.android",
        "1",
        "arm64",
    )
    assert native.device.install_id == "da515088-7506-42e5-a054-bd7946514025"


def test_a_call_stack_tree_gives_its_frames_from_the_root_on_and_invents_no_type():
    [log] = read("apple-metrickit", "per-thread.json")

    assert [(frame.image, frame.address) for frame in log.crash_frames] == [
        ("Sentry", 4312798220),
        ("iOS-Swift", 4310988076),
        ("iOS-Swift", 4310988026),
    ]
    assert (log.faults[0].type, log.occurred_at, log.app.identifier, log.device.model) == (None, None, None, None)


def test_of_a_tree_of_samples_the_heaviest_branch_is_shown_and_said_to_be():
    [log] = read("apple-metrickit", "per-thread-flamegraph.json")

    assert [frame.address for frame in log.crash_frames] == [0, 1, 3]
    assert any("sampled most often" in note for note in log.notes)


def test_a_tree_that_is_cut_off_is_refused_with_the_place():
    with pytest.raises(MalformedLog, match="cut short at line 24"):
        read("apple-metrickit", "tree-garbage.json")

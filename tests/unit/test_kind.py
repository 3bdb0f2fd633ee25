"""The kind of an occurrence is told by how its fault was caught, by who ended the process, and by the format alone."""

import json

import pytest

from app.crashes.facts import MAX_LENGTH, MAX_TAG_NAME, MAX_TAGS, circumstances, tags_text
from app.crashes.kind import KINDS
from app.crashes.log import CrashLog, Fault
from app.parsers import parse
from app.samples import samples


def told(fault: Fault | None = None, name: str = "sentry-event", **more: object) -> tuple[str | None, bool | None]:
    found = circumstances(CrashLog(format=name, faults=(fault,) if fault else (), **more))  # type: ignore[arg-type]
    return found.kind, found.handled


@pytest.mark.parametrize(
    ("fault", "more", "expected"),
    [
        (Fault(handled=False), {}, ("crash", False)),
        (Fault(), {"level": "fatal"}, ("crash", False)),
        (Fault("panic", mechanism="panic"), {}, ("crash", False)),
        (Fault("EXC_BAD_ACCESS"), {"name": "apple-ips", "platform": "apple"}, ("crash", False)),
        (Fault("Report", mechanism="user"), {"name": "kscrash-json", "platform": "apple"}, (None, None)),
        (Fault(handled=True), {}, ("non_fatal", True)),
        (Fault(message="slow"), {"level": "warning"}, ("non_fatal", True)),
        (Fault("ValueError"), {"level": "error"}, (None, None)),
        (Fault("SIGSEGV", signal="SIGSEGV", handled=False), {"platform": "native"}, ("native", False)),
        (Fault("SIGSEGV", signal="SIGSEGV", handled=False), {"platform": "java"}, ("native", False)),
        (Fault("ANR", mechanism="AppExitInfo", handled=False), {}, ("anr", False)),
        (Fault("App Hang", mechanism="appHang", handled=True), {}, ("anr", True)),
        (Fault(code="FRONTBOARD 0x8badf00d"), {"name": "apple-text", "platform": "apple"}, ("anr", False)),
        (Fault(mechanism="jetsam", handled=False), {}, ("out_of_memory", False)),
        (Fault("java.lang.OutOfMemoryError", handled=False), {}, ("out_of_memory", False)),
        (Fault("java.lang.OutOfMemoryError", handled=True), {}, ("non_fatal", True)),
        (None, {}, (None, None)),
    ],
)
def test_the_kind_and_whether_the_program_caught_it(fault, more, expected):
    assert told(fault, **more) == expected


def test_the_kind_of_nearly_every_sample_is_known():
    kinds = {path: [circumstances(log).kind for log in parse(path.read_bytes())] for path in samples()}

    assert {kind for found in kinds.values() for kind in found if kind} == set(KINDS)
    unknown = {path.parent.name for path, found in kinds.items() if None in found}
    assert unknown <= {"apple-metrickit", "java-trace", "json-lines", "sentry-event", "stack-trace"}


def test_tags_are_few_and_short_and_plain():
    many = {f"tag-{number:02}": number for number in range(99)}
    others = {"long" * MAX_LENGTH: "a", "b": "c" * (MAX_LENGTH + 1), "list": ["d"], "empty": "", "flag": True}

    assert json.loads(tags_text(many) or "") == {f"tag-{number:02}": str(number) for number in range(MAX_TAGS)}
    assert tags_text(others) == '{"flag":"true"}'
    assert tags_text({"n" * MAX_TAG_NAME: "v" * MAX_LENGTH}) is not None
    assert tags_text({"list": []}) is None

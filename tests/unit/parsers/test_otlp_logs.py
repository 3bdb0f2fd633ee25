"""Log records of OpenTelemetry, and stacks as languages print them."""

import json

import pytest

from app.errors import MalformedLog
from app.parsers import parse
from app.parsers.printed_stacks import read_printed

TIME = "1714987200000000000"


def told(**attributes: str) -> list[dict]:
    return [{"key": key.replace("__", "."), "value": {"stringValue": value}} for key, value in attributes.items()]


def request(*records: dict, **resource: str) -> bytes:
    scope = {"scopeLogs": [{"logRecords": list(records)}]}
    return json.dumps({"resourceLogs": [{"resource": {"attributes": told(**resource)}, **scope}]}).encode()


def record(number: int = 0, **attributes: str) -> dict:
    return {"timeUnixNano": TIME, "severityNumber": number, "attributes": told(**attributes)}


def test_of_many_records_those_with_an_exception_are_reports():
    logs = parse(request(record(9), record(17, exception__type="E"), record(), record(exception__message="m")))

    assert [(log.faults[0].type, log.faults[0].message) for log in logs] == [("E", None), (None, "m")]


@pytest.mark.parametrize(
    ("number", "attributes", "handled", "level"),
    [
        (17, {}, True, "error"),
        (21, {}, None, "fatal"),
        (0, {}, None, None),
        (13, {"event__name": "device.crash"}, False, "fatal"),
        (17, {"event__name": "device.anr"}, False, "fatal"),
    ],
)
def test_a_record_below_fatal_was_handled_and_an_event_of_a_crash_was_not(number, attributes, handled, level):
    [log] = parse(request(record(number, exception__type="E", **attributes)))

    assert (log.faults[0].handled, log.level) == (handled, level)


def test_an_exception_that_escaped_was_not_handled():
    escaped = {"key": "exception.escaped", "value": {"boolValue": True}}
    told_of = record(17, exception__type="E")
    told_of["attributes"].append(escaped)

    [log] = parse(request(told_of))

    assert log.faults[0].handled is False


def test_a_crash_of_another_sdk_is_read_by_its_own_names():
    tree = {
        "callStacks": [{"threadAttributed": True, "callStackRootFrames": [{"binaryName": "Notes", "address": 8192}]}]
    }
    whole = [
        {"key": f"crash.{key}", "value": {"intValue": value}}
        for key, value in (("signal", "11"), ("exception_type", "1"))
    ]
    crash = {
        "eventName": "device.crash",
        "attributes": [*whole, *told(crash__stacktrace=json.dumps({"callStackTree": tree}))],
    }

    [log] = parse(request(crash, telemetry__sdk__language="swift"))

    assert (log.faults[0].type, log.faults[0].signal, log.crash_frames[0].image) == (
        "EXC_BAD_ACCESS",
        "SIGSEGV",
        "Notes",
    )


def test_an_anr_has_the_stack_that_is_joined_without_at():
    anr = record(
        event__name="device.anr", exception__stacktrace="a.b.C.d(C.java:1)\njava.lang.Thread.run(Thread.java:2)\n"
    )

    [log] = parse(request(anr, telemetry__sdk__language="java"))

    assert (log.faults[0].type, [frame.function for frame in log.crash_frames]) == ("ANR", ["d", "run"])


def test_a_stack_of_a_language_that_is_not_read_is_kept_as_text():
    [log] = parse(
        request(record(exception__stacktrace="goroutine 1 [running]:\nmain.main()"), telemetry__sdk__language="go")
    )

    assert log.custom["stacktrace"] == "goroutine 1 [running]:\nmain.main()"


@pytest.mark.parametrize("logs", [[record(9)], [record(event__name="device.hang", exception__stacktrace="x")], [{}]])
def test_records_without_a_crash_are_refused(logs):
    with pytest.raises(MalformedLog, match="hold no record of an exception"):
        parse(request(*logs))


@pytest.mark.parametrize("value", [{"resourceLogs": []}, {"resourceLogs": {}}, {"resourceLogs": [{"scopeLogs": [7]}]}])
def test_what_holds_no_record_is_claimed_by_nobody(value):
    with pytest.raises(MalformedLog, match="no known crash report format"):
        parse(json.dumps(value).encode())


STACKS = {
    "python": 'Traceback (most recent call last):\n  File "a.py", line 2, in f\n    g()\n  File "b.py", line 1, in g\nE: m\nn\n',
    "javascript": "E: m\nn\n    at g (b.js:1:5)\n    at a.js:2:1\n",
    "gecko": "g@b.js:1:5\n@a.js:2:1\n",
    "csharp": "E: m\n   at N.B.g(String a) in /src/b.cs:line 1\n   at N.A.f()\n",
    "dart": "#0      g (package:notes/b.dart:1:5)\n#1      f (package:notes/a.dart:2)\n",
    "go": "panic: m\n\ngoroutine 1 [running]:\nmain.g(...)\n\t/src/b.go:1 +0x5\nmain.f()\n\t/src/a.go:2 +0x9\n",
    "java": "E: m\n\tat n.B.g(B.java:1)\n\tat n.A.f(A.java:2)\n",
}


@pytest.mark.parametrize("name", STACKS)
def test_the_language_of_a_stack_is_told_by_its_look(name):
    found = read_printed(STACKS[name])

    assert found.platform == {"gecko": "javascript"}.get(name, name)
    assert (len(found.faults[0].frames), found.faults[0].frames[0].function, found.faults[0].frames[0].line) == (
        2,
        "g",
        1,
    )
    if name not in ("gecko", "dart", "go"):
        assert found.faults[0].type == "E"


def test_an_inner_exception_of_dotnet_has_the_frames_before_its_end():
    text = (
        "N.Outer: o\n ---> N.Inner: i\n   at N.B.g()\n   --- End of inner exception stack trace ---\n   at N.A.f()\n"
        "   at N.A.Main()\n"
    )

    outer, inner = read_printed(text, "dotnet").faults

    assert (outer.type, [frame.function for frame in outer.frames]) == ("N.Outer", ["f", "Main"])
    assert (inner.type, inner.message, [frame.function for frame in inner.frames]) == ("N.Inner", "i", ["g"])
    assert (inner.relation, inner.parent) == ("cause", 0)


NO_STACKS = ("", " ", "{", "{}", '{"callStacks":[{"callStackFrames":[7]}]}', "Traceback (most recent call last):")


@pytest.mark.parametrize("text", NO_STACKS)
@pytest.mark.parametrize("language", [None, "python", "java", "dotnet", "nodejs", "dart", "cobol"])
def test_a_stack_of_nothing_has_no_frames_to_speak_of(text, language):
    found = read_printed(text, language)

    assert [frame.function for fault in found.faults for frame in fault.frames] == []


def test_what_sent_the_records_is_read_once_for_all_of_them_and_anew_for_another_sender():
    exception = record(exception__type="E")
    one, other = (json.loads(request(exception, exception, service__name=name)) for name in ("shop", "cart"))
    one["resourceLogs"] += other["resourceLogs"]

    logs = parse(json.dumps(one).encode())

    assert [log.app.name for log in logs] == ["shop", "shop", "cart", "cart"]
    assert logs[0].app is logs[1].app

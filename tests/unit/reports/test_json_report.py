"""The JSON report: its schema, its strictness, its stream."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from app.crashes.fingerprint import VERSION
from app.crashes.log import CrashLog, Fault, Frame, Thread
from app.reports import REPORTS, json_report

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "report.schema.json").read_text(encoding="utf-8"))


def written(report) -> dict:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(b"".join(json_report.write(report)).decode("utf-8"), parse_constant=refuse)


def test_all_four_formats_are_found_by_listing_the_folder():
    found = {name: (module.MEDIA_TYPE, module.EXTENSION) for name, module in REPORTS.items()}

    assert found == {
        "html": ("text/html; charset=utf-8", "html"),
        "json": ("application/json", "json"),
        "txt": ("text/plain; charset=utf-8", "txt"),
        "zip": ("application/zip", "zip"),
    }


def test_a_full_report_keeps_to_the_published_schema(make_report):
    jsonschema.validate(written(make_report()), SCHEMA, format_checker=jsonschema.FormatChecker())


def test_a_log_that_knows_nothing_keeps_to_the_schema_too(make_report):
    bare = CrashLog("test", faults=(Fault(frames=(Frame(),)),), threads=(Thread(0),))

    document = written(make_report(bare))

    jsonschema.validate(document, SCHEMA)
    assert document["os"] == {"name": None, "version": None, "build": None}
    assert document["exceptions"][0]["type"] is None
    assert document["threads"][0]["frames"] == []


def test_the_schema_refuses_what_it_does_not_know(make_report):
    document = written(make_report())
    document["threads"][1]["frames"][0]["surprise"] = 1

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA)


def test_ids_crash_and_fingerprint_are_told(make_report):
    report = make_report()

    document = written(report)

    assert (document["schema"], document["schema_version"]) == ("crashq-report", 1)
    assert document["occurrence"]["id"] == "7-1536840000-logs-00003-crash-1"
    assert document["occurrence"]["date"] == "2018-09-13"
    assert document["crash"]["identifier"] == report.crash_identifier
    assert document["crash"]["fingerprint"] == {
        "value": report.fingerprint.value,
        "version": VERSION,
        "rule": "in-app frames",
        "parts": ["type: NSRangeException", "frame: -[Cart pay:]"],
    }


def test_times_are_utc_whatever_zone_they_come_in(make_report):
    document = written(make_report())

    assert document["occurrence"]["occurred_at"] == "2018-09-13T12:00:00.120000Z"
    assert document["process"]["started_at"] == "2018-09-13T12:00:00.120000Z"


def test_addresses_are_hex_text_because_javascript_cannot_hold_64_bits(make_report):
    thread = written(make_report())["threads"][1]

    assert thread["frames"][1]["address"] == "0xffffffffffffffff"
    assert thread["frames"][1]["image_address"] == "0x100000000"
    assert thread["frames"][1]["symbol_address"] is None
    assert thread["registers"] == {"x0": "0x0", "pc": "0xffffffffffffffff"}


def test_every_frame_tells_whether_it_is_the_apps_own(make_report):
    thread = written(make_report())["threads"][1]

    assert [frame["in_app"] for frame in thread["frames"]] == [False, True, True]


def test_exceptions_tell_what_they_hang_on(make_report):
    faults = (
        Fault("A", frames=(Frame("f", module="a.B"),)),
        Fault("B", relation="cause", parent=0, frames=(Frame("g", module="a.C", file="C.java", line=3, note="n"),)),
    )

    exceptions = written(make_report(CrashLog("test", "java", faults=faults)))["exceptions"]

    assert [(one["index"], one["relation"], one["parent"]) for one in exceptions] == [(0, None, None), (1, "cause", 0)]
    assert exceptions[1]["frames"][0]["line"] == 3
    assert exceptions[1]["frames"][0]["note"] == "n"


def test_large_integers_stay_and_what_json_cannot_say_becomes_null(make_report, apple_log):
    custom = {"big": 2**70, "nan": float("nan"), "deep": [{"inf": float("-inf")}], "half": 0.5}

    document = written(make_report(replace(apple_log, custom=custom)))

    assert document["custom"] == {"big": 2**70, "nan": None, "deep": [{"inf": None}], "half": 0.5}


def test_hostile_text_comes_back_as_it_was(make_report, apple_log):
    text = '"\\</script>\x00\x1f\u2028\u202e\n😀'
    frames = (Frame(text, module=text, file=text, image=text, note=text),)

    document = written(make_report(replace(apple_log, threads=(Thread(0, name=text, frames=frames),))))

    frame = document["threads"][0]["frames"][0]
    assert document["threads"][0]["name"] == text
    assert {frame[key] for key in ("function", "module", "file", "image", "note")} == {text}


def test_lone_surrogates_do_not_break_the_encoding(make_report, apple_log):
    document = written(make_report(replace(apple_log, user_id="a\ud800b", custom={"\udfff": "\ud800"})))

    assert document["occurrence"]["user_id"] == "a?b"
    assert document["custom"] == {"?": "?"}


def test_who_freed_the_memory_and_what_else_the_log_says_is_told(make_report):
    document = written(make_report())

    assert document["details"] == {"role": "Foreground", "translated": False, "free_memory": 4096}
    [stack] = document["related_stacks"]
    assert (stack["kind"], stack["description"]) == ("deallocation", "deallocated by thread 9")
    assert [frame["function"] for frame in stack["frames"]] == ["free"]


def test_one_frame_stands_on_one_line(make_report):
    lines = b"".join(json_report.write(make_report())).decode().splitlines()

    assert sum(line.lstrip().startswith('{"function": ') for line in lines) == 5


def test_the_same_report_gives_the_same_bytes_in_many_chunks(make_report, apple_log):
    threads = tuple(replace(apple_log.threads[1], index=number) for number in range(50))
    report = make_report(replace(apple_log, threads=threads))

    chunks = list(json_report.write(report))

    assert b"".join(chunks) == b"".join(json_report.write(report))
    assert max(map(len, chunks)) < len(b"".join(chunks)) / 20

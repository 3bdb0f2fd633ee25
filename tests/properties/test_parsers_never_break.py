"""Whatever bytes are sent in, a log is refused as malformed or all its reports can be made."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.crashes.fingerprint import crash_identifier, fingerprint
from app.crashes.log import CrashLog
from app.crashes.title import title
from app.errors import MalformedLog
from app.parsers import parse
from app.reports import REPORTS, Report
from app.samples import samples

SAMPLES = {f"{path.parent.name}/{path.name}": path.read_bytes() for path in samples()}
JSON_SAMPLES = {name: raw for name, raw in SAMPLES.items() if name.endswith(".json")}
NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70), st.sampled_from([0, 1, -1, 2**31, 2**63, 2**64, 10**300]), st.floats(allow_nan=True)
)
TEXT = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["", "\0", "\ud800", "0x", "0xffffffffffffffffff", "-1", "nan", "2018-02-31T25:61:00Z", "9999-99-99",
                     "A" * 5_000]),
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
NEEDLES = [b"{", b"}", b"[", b"]", b'"', b",", b":", b"\n", b"\r", b"\t", b"\0", b"\xff", b"\xed\xa0\x80", b"0x", b"-", b"  at ",
           b"Caused by: ", b"Thread 0 Crashed:\n", b"Binary Images:\n", b"1" * 400, b"1e999", b"NaN", b"\\ud800"]  # fmt: skip


def report_of(log: CrashLog, raw: bytes) -> Report:
    made = fingerprint(log)
    return Report(
        occurrence_id="7-1536840000-logs-00003-crash-1",
        log_id="7-1536840000-logs-00003",
        date=datetime(2018, 9, 13, tzinfo=UTC).date(),
        crash_identifier=crash_identifier("a1b2", made),
        crash_title=title(log),
        app_identifier="a1b2",
        app_name="Shop",
        log=log,
        raw=raw,
        raw_filename="7-1536840000-logs-00003.log",
        generated_by="crashq",
        fingerprint=made,
    )


def ends_well(raw: bytes) -> bool:
    """True when a crash was found; fails unless the log is refused or all its reports can be made."""
    try:
        logs = parse(raw)
    except MalformedLog:
        return False
    for log in logs:
        report = report_of(log, raw)
        assert 0 < len(report.crash_title) <= 200
        report.crash_title.encode()
        assert "\0" not in report.crash_title
        documents = {name: b"".join(writer.write(report)) for name, writer in REPORTS.items()}
        json.loads(documents["json"], parse_constant=_not_strict)
        assert all(documents.values())
    return bool(logs)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_yields_a_crash_and_all_its_reports(name):
    assert ends_well(SAMPLES[name])


@given(st.binary(max_size=300))
def test_any_bytes_end_well(raw):
    ends_well(raw)


@given(st.lists(st.one_of(TEXT, st.sampled_from(["\n", "\tat a.b.C.d(E.java:1)", "Thread 0:", "Exception Type: x"]))))
def test_any_text_ends_well(parts):
    ends_well("".join(parts).encode("utf-8", "surrogatepass"))


@given(JSON)
@example({"crash": {"error": None}, "report": {}})
def test_any_json_ends_well(value):
    ends_well(json.dumps(value).encode())


@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_a_sample_with_pieces_cut_doubled_or_put_in_ends_well(name, data):
    raw = SAMPLES[name]
    for _ in range(data.draw(st.integers(1, 4), label="edits")):
        start = data.draw(st.integers(0, len(raw)), label="at")
        end = min(len(raw), start + data.draw(st.integers(0, 60), label="bytes"))
        inserted = data.draw(
            st.one_of(st.just(b""), st.just(raw[start:end] * 2), st.sampled_from(NEEDLES)), label="new"
        )
        raw = raw[:start] + inserted + raw[end:]

    ends_well(raw)


@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_a_sample_with_lines_in_another_order_ends_well(name, data):
    lines = SAMPLES[name].splitlines(keepends=True)
    picked = data.draw(st.lists(st.integers(0, len(lines) - 1), max_size=30))

    ends_well(b"".join(lines[number] for number in picked))


@given(st.sampled_from(sorted(JSON_SAMPLES)), st.data())
def test_a_json_sample_with_values_replaced_ends_well(name, data):
    document = json.loads(JSON_SAMPLES[name])
    for _ in range(data.draw(st.integers(1, 3), label="edits")):
        places = list(_places(document))
        holder, key = places[data.draw(st.integers(0, len(places) - 1), label="place")]
        holder[key] = data.draw(JSON, label="value")

    ends_well(json.dumps(document).encode())


@given(st.data())
def test_an_ips_sample_with_values_replaced_ends_well(data):
    raw = SAMPLES[data.draw(st.sampled_from(sorted(name for name in SAMPLES if name.endswith(".ips"))))]
    head, _, body = raw.partition(b"\n")
    parts: list[Any] = [json.loads(head), json.loads(body)]
    for _ in range(data.draw(st.integers(1, 3), label="edits")):
        places = [place for part in parts for place in _places(part)]
        holder, key = places[data.draw(st.integers(0, len(places) - 1), label="place")]
        holder[key] = data.draw(JSON, label="value")

    ends_well(b"\n".join(json.dumps(part).encode() for part in parts))


def _places(value: Any) -> Any:
    """(container, key) of every value inside."""
    for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


def _not_strict(word: str) -> None:
    raise AssertionError(f"{word} is not JSON")

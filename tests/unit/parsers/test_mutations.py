"""What happens to files on their way never changes what a sample says: line ends, encodings, order of keys, cuts."""

import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.errors import MalformedLog
from app.parsers import parse
from app.parsers.document import Document
from app.samples import samples

FRAMED = "sentry-envelope"  # its items are counted in bytes
TEXTS = [
    sample for sample in samples() if Document(sample.read_bytes()).text is not None and sample.parent.name != FRAMED
]
JSONS = [sample for sample in TEXTS if Document(sample.read_bytes()).json is not None]
NUMBERS = [2**70, 2**64, 2**63, -1, 1e300, 0.5]
_COUNTED = ("exceptionType", "sampleCount")  # by which MetricKit tells the type, and which of two calls counts
EDGES = [2**64 - 1, 2**63, -1, 0, 1e300, "", None, [], {}, True]
_FULL_TIME = re.compile(r"(?<=\d{4}-)\d\d-\d\d[ T]\d\d:\d\d:\d\d")
_ARABIC = {ord(str(digit)): chr(0x660 + digit) for digit in range(10)}
CUTS = 40  # of each sample

REWRITTEN: dict[str, Callable[[str], bytes]] = {
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "CR": lambda text: text.replace("\n", "\r").encode(),
    "a byte order mark": lambda text: text.encode("utf-8-sig"),
    "CR CR LF": lambda text: text.replace("\n", "\r\r\n").encode(),
    "a blank line behind each": lambda text: text.replace("\n", "\n\n").encode(),
    "blanks at the ends of lines": lambda text: text.replace("\n", "  \n").encode(),
    "decimal commas in times": lambda text: re.sub(r"(\d\d:\d\d:\d\d)\.(?=\d)", r"\1,", text).encode(),
    "Arabic digits in times": lambda text: _FULL_TIME.sub(lambda time: time[0].translate(_ARABIC), text).encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "blank lines around": lambda text: f"\n\n{text}\n\n".encode(),
    "zeros at the end": lambda text: text.encode() + bytes(64),
}


def ids(sample: Path) -> str:
    return f"{sample.parent.name}/{sample.name}"


def told(raw: bytes) -> list[dict[str, Any]]:
    return [dataclasses.asdict(dataclasses.replace(log, walk=None)) for log in parse(raw)]


@pytest.mark.parametrize("sample", TEXTS, ids=ids)
@pytest.mark.parametrize("way", REWRITTEN)
def test_line_ends_and_encodings_change_nothing(sample: Path, way: str):
    raw = sample.read_bytes()

    assert told(REWRITTEN[way](Document(raw).text or "")) == told(raw)


@pytest.mark.parametrize("sample", [sample for sample in TEXTS if sample not in JSONS], ids=ids)
def test_what_stands_twice_in_a_text_does_not_change_the_first(sample: Path):
    raw = sample.read_bytes()

    first, twice = parse(raw)[0], parse(raw + b"\n" + raw)[0]

    assert dataclasses.replace(twice, notes=()) == dataclasses.replace(first, notes=())


@pytest.mark.parametrize("sample", JSONS, ids=ids)
def test_the_order_of_keys_changes_nothing(sample: Path):
    raw = sample.read_bytes()

    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in reversed(value)}
        return [turned(each) for each in value] if isinstance(value, list) else value

    assert told(json.dumps(turned(json.loads(raw))).encode()) == told(raw)


@pytest.mark.parametrize("sample", JSONS, ids=ids)
def test_whole_numbers_written_with_a_point_change_nothing(sample: Path):
    raw = sample.read_bytes()

    def floats(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: floats(each) for key, each in value.items()}
        if isinstance(value, list):
            return [floats(each) for each in value]
        return float(value) if type(value) is int and abs(value) < 2**50 else value

    written = [
        dataclasses.replace(log, custom={}, breadcrumbs=())
        for log in parse(json.dumps(floats(json.loads(raw))).encode())
    ]

    assert written == [dataclasses.replace(log, custom={}, breadcrumbs=()) for log in parse(raw)]


@pytest.mark.parametrize("sample", JSONS, ids=ids)
def test_a_number_at_an_edge_leaves_types_and_functions_as_they_are(sample: Path):
    value = json.loads(sample.read_bytes())
    before = _blamed(json.dumps(value).encode())
    changed = []

    for number, (container, key) in enumerate(_places(value)):
        if type(container[key]) in (int, float) and key not in _COUNTED:
            kept, container[key] = container[key], NUMBERS[number % len(NUMBERS)]
            changed += [key] if _blamed(json.dumps(value).encode()) != before else []
            container[key] = kept

    assert changed == []


@pytest.mark.parametrize("sample", samples(), ids=ids)
def test_a_cut_sample_is_read_or_refused_with_a_reason(sample: Path):
    raw = sample.read_bytes()
    reasons = [_reason(raw[: len(raw) * number // CUTS]) for number in range(1, CUTS)]

    assert "" not in reasons


@pytest.mark.parametrize("sample", JSONS, ids=ids)
def test_values_at_the_edges_are_read_or_refused_with_a_reason(sample: Path):
    value = json.loads(sample.read_bytes())
    reasons = []

    for number, (container, key) in enumerate(_places(value)):
        kept, container[key] = container[key], EDGES[number % len(EDGES)]
        reasons.append(_reason(json.dumps(value).encode()))
        container[key] = kept

    assert "" not in reasons


def _blamed(raw: bytes) -> list[Any]:
    """Types and functions of each report."""
    return [
        ([(fault.type, [frame.function for frame in fault.frames]) for fault in log.faults],
         [[frame.function for frame in thread.frames] for thread in log.threads])
        for log in parse(raw)
    ]  # fmt: skip


def _reason(raw: bytes) -> str | None:
    """Why the log is refused; None when it is read."""
    try:
        parse(raw)
    except MalformedLog as error:
        return error.message
    return None


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each container with each of its keys, at most 200, so that a test takes milliseconds."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting and len(found) < 200:
        container = waiting.pop(0)
        keys = list(container) if isinstance(container, dict) else range(len(container))
        for key in keys:
            found.append((container, key))
            if isinstance(container[key], (dict, list)):
                waiting.append(container[key])
    yield from found[:200]

"""Logs as people paste them: indented, quoted, cut, doubled, with other line ends. What is still readable is read the
same.
"""

import pytest

from app.crashes.fingerprint import fingerprint
from app.errors import MalformedLog
from app.parsers import parse
from app.samples import FOLDER

FILES = sorted((FOLDER / "stack-trace").iterdir())
APPLE = (FOLDER / "apple-text" / "bad-access-macos.crash").read_bytes()
JAVA = (FOLDER / "java-trace" / "suppressed-plain.txt").read_bytes()
TOMBSTONE = (FOLDER / "android-tombstone" / "native-android-14.txt").read_bytes()
PYTHON = (FOLDER / "stack-trace" / "python-chained.log").read_bytes()
LOGS = pytest.mark.parametrize("raw", [APPLE, JAVA, TOMBSTONE, PYTHON], ids=["Apple", "Java", "tombstone", "Python"])


def indented(raw: bytes, margin: bytes) -> bytes:
    return b"\n".join(margin + line if line else line for line in raw.split(b"\n"))


@LOGS
@pytest.mark.parametrize("margin", [b"    ", b"\t", b"> ", b">> "], ids=["blanks", "tab", "quoted", "quoted twice"])
def test_an_indented_log_is_read_as_if_it_were_not(raw, margin):
    assert parse(indented(raw, margin)) == parse(raw)


def test_words_around_an_indented_log_do_no_harm():
    report, *_ = parse(APPLE)

    (found,) = parse(b"It crashed again:\n\n" + indented(APPLE, b"    ") + b"\nAny idea?\n")

    assert (found.faults[0].type, found.crash_frames) == (report.faults[0].type, report.crash_frames)


@LOGS
@pytest.mark.parametrize("end", [b"\r\n", b"\r"], ids=["CR LF", "CR"])
def test_other_line_ends_change_nothing(raw, end):
    assert parse(raw.replace(b"\n", end)) == parse(raw)


@pytest.mark.parametrize("size", range(200, len(JAVA), 97))
def test_a_java_log_that_is_cut_keeps_what_stands_before(size):
    (whole,) = parse(JAVA)

    (report,) = parse(JAVA[:size])

    for fault, known in zip(report.faults[:-1], whole.faults, strict=False):
        assert (fault.type, fault.relation, fault.parent) == (known.type, known.relation, known.parent)
    first, known = report.faults[0], whole.faults[0]
    assert first.type == known.type
    assert first.frames[: len(first.frames) - 1] == known.frames[: max(len(first.frames) - 1, 0)]


def test_indented_text_without_a_crash_is_refused():
    with pytest.raises(MalformedLog, match="holds no crash report"):
        parse(b"    one\n    two\n")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
@pytest.mark.parametrize("end", ["\r\n", "\r"], ids=["CR LF", "CR"])
def test_other_line_ends_change_no_printed_trace(path, end):
    text = path.read_text()

    assert parse(text.replace("\n", end).encode()) == parse(text.encode())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_log_twice_over_is_the_same_crash(path):
    (once,) = parse(path.read_bytes())

    found = parse(path.read_bytes() + b"\n" + path.read_bytes())

    assert {fingerprint(report).value for report in found} == {fingerprint(once).value}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_log_cut_behind_any_line_keeps_the_frames_above(path):
    (whole,) = parse(path.read_bytes())
    lines = path.read_text().splitlines(keepends=True)
    all_frames = {frame.function for fault in whole.faults for frame in fault.frames}

    for number in range(len(lines)):
        try:
            reports = parse("".join(lines[:number]).encode())
        except MalformedLog:
            continue
        found = {frame.function for report in reports for fault in report.faults for frame in fault.frames}
        assert found <= all_frames | {None}

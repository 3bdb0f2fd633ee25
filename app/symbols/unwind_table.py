"""Call frame information of one image, ready to be looked up: made of Breakpad's STACK records, which symbolic gives for all.

A row is an address from which on the same rules hold, up to the next row. Functions share few rules, so each stands once.

    "CQUW", version, rows, rules | addresses | numbers of rules | ends of the rules' texts | texts
"""

import mmap
import struct
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from app.crashes.log import BinaryImage, CrashLog
from app.symbols import NotSymbols
from app.symbols.awaited_keys import debug_id

MAX_ROWS = 16_000_000
MAX_RULES = 4_000_000
MAX_LENGTH = 2_000  # characters of the rules of a place
_HEAD = struct.Struct("<4sIII")
_MAGIC, _VERSION = b"CQUW", 1
_LAST = 2**32 - 1


class UnwindTable:
    """An open table; the file is mapped, not read."""

    def __init__(self, file: Path) -> None:
        """Open it. Raises NotSymbols when it is no table."""
        with file.open("rb") as opened:
            head = opened.read(_HEAD.size)
            if len(head) < _HEAD.size:
                raise NotSymbols("Not readable as call frame information")
            magic, version, rows, rules = _HEAD.unpack(head)
            size = _HEAD.size + 4 * (2 * rows + rules)
            if (magic, version) != (_MAGIC, _VERSION) or file.stat().st_size < size:
                raise NotSymbols("Not readable as call frame information")
            whole = memoryview(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ))
        numbers = whole[_HEAD.size : size].cast("I")
        self._addresses, self._numbers, self._ends = numbers[:rows], numbers[rows : 2 * rows], numbers[2 * rows :]
        self._texts = whole[size:]

    def at(self, offset: int) -> str | None:
        """The rules at so many bytes from the start of the image; None where no code lies."""
        row = bisect_right(self._addresses, offset) - 1
        number = self._numbers[row] if row >= 0 else 0
        if number == 0:
            return None
        start = self._ends[number - 2] if number > 1 else 0
        return bytes(self._texts[start : self._ends[number - 1]]).decode("utf-8", "replace")


class _Rules:
    """Texts by number, from 1 on."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._changed: dict[tuple[str, str], str] = {}

    def number(self, text: str) -> int:
        """Its number; 0 for rules that are too long, or too many."""
        known = self._numbers.get(text)
        if known is None:
            if len(text) > MAX_LENGTH or len(self._numbers) >= MAX_RULES:
                return 0
            known = self._numbers[text] = len(self._numbers) + 1
        return known

    def changed(self, text: str, change: str) -> str:
        """The rules after a record changed some of them."""
        known = self._changed.get((text, change))
        if known is None:
            known = " ".join(f"{name} {rule}" for name, rule in {**_each(text), **_each(change)}.items())
            self._changed[text, change] = known
        return known

    @property
    def texts(self) -> list[bytes]:
        """All, in order."""
        return [text.encode() for text in self._numbers]


def make_table(lines: Iterable[bytes], file: Path) -> bool:
    """Write the table of Breakpad's STACK records; False, and no file, when there are none. Other records are passed over."""
    rules = _Rules()
    spans: list[tuple[int, int, int]] = []  # start, end, number of the rules
    programs: list[tuple[int, int, int]] = []  # the same of STACK WIN with a program, which tell more than others
    text, at, end = "", 0, 0
    for line in lines:
        if len(spans) + len(programs) >= MAX_ROWS:
            break
        try:
            words = line.decode("utf-8", "replace").split(None, 5)
            if words[:3] == ["STACK", "CFI", "INIT"]:
                _close(spans, rules, text, at, end)
                at = int(words[3], 16)
                end, text = at + int(words[4], 16), words[5].strip()
            elif words[:2] == ["STACK", "CFI"]:
                _, _, address, change = line.decode("utf-8", "replace").split(None, 3)
                following = int(address, 16)
                if at <= following < end:
                    _close(spans, rules, text, at, following)
                    text, at = rules.changed(text, change.strip()), following
            elif words[:2] == ["STACK", "WIN"]:
                frame = _of_windows(line.decode("utf-8", "replace"))
                (programs if frame.has_program else spans).append((frame.start, frame.end, rules.number(frame.text)))
        except (ValueError, IndexError):
            continue
    _close(spans, rules, text, at, end)
    spans = [span for span in (*spans, *programs) if 0 <= span[0] < span[1] <= _LAST and span[2]]
    if not spans:
        return False
    addresses, numbers = _rows(spans)
    texts = rules.texts
    ends = array("I")
    total = 0
    for one in texts:
        total += len(one)
        ends.append(total)
    with file.open("wb") as out:
        out.write(_HEAD.pack(_MAGIC, _VERSION, len(addresses), len(ends)))
        for part in (addresses, numbers, ends):
            part.tofile(out)
        out.writelines(texts)
    return True


def _close(spans: list[tuple[int, int, int]], rules: _Rules, text: str, start: int, end: int) -> None:
    if text and start < end:
        spans.append((start, end, rules.number(text)))


def _each(text: str) -> dict[str, str]:
    """Name with its colon -> rule."""
    found: dict[str, list[str]] = {}
    name = ""
    for word in text.split():
        if word.endswith(":"):
            name = word
            found[name] = []
        elif name:
            found[name].append(word)
    return {name: " ".join(rule) for name, rule in found.items()}


class _WindowsFrame(NamedTuple):
    start: int
    end: int
    text: str  # as app.parsers.unwind_windows reads it
    has_program: bool


def _of_windows(line: str) -> _WindowsFrame:
    """`STACK WIN type address size prologue epilogue parameters saved locals most has-program program-or-keeps-ebp`."""
    words = line.split(None, 12)
    start, size, parameters, saved, locals_ = (int(words[at], 16) for at in (3, 4, 7, 8, 9))
    has_program = words[11] == "1"
    last = words[12].strip() if len(words) > 12 else ""
    text = f"WIN {parameters} {saved} {locals_} {int(not has_program and last == '1')} {last if has_program else ''}"
    return _WindowsFrame(start, start + size, text.strip(), has_program)


def _rows(spans: list[tuple[int, int, int]]) -> tuple["array[int]", "array[int]"]:
    """Where which rules begin to hold; of spans within one another the innermost counts."""
    addresses, numbers = array("I"), array("I")

    def begin(address: int, number: int) -> None:
        if addresses and addresses[-1] == address:
            numbers[-1] = number
        elif not numbers or numbers[-1] != number:
            addresses.append(address)
            numbers.append(number)

    opened: list[tuple[int, int]] = []  # end, number
    for start, end, number in sorted(spans, key=lambda span: (span[0], -span[1])):
        while opened and opened[-1][0] <= start:
            closed = opened.pop()[0]
            begin(closed, opened[-1][1] if opened else 0)
        begin(start, number)
        opened.append((min(end, opened[-1][0]) if opened else end, number))
    while opened:
        closed = opened.pop()[0]
        begin(closed, opened[-1][1] if opened else 0)
    return addresses, numbers


def unwind_ids(log: CrashLog) -> list[str]:
    """The debug ids of the images that a stack of the report may lie in; none of a log that holds no memory."""
    if log.walk is None:
        return []
    return list(dict.fromkeys(found for image in log.images if (found := _id(image, log))))


def unwound(log: CrashLog, table: Callable[[str], UnwindTable | None], *, only_crash: bool = False) -> CrashLog:
    """The report with its stacks walked again; with `only_crash` only that of the crashed thread."""
    if log.walk is None:
        return log
    tables: dict[int, UnwindTable | None] = {}

    def find(image: BinaryImage) -> UnwindTable | None:
        place = image.address or 0
        if place not in tables:
            found = _id(image, log)
            tables[place] = table(found) if found else None
        return tables[place]

    return replace(log, threads=log.walk(find, only_crash=only_crash))


def _id(image: BinaryImage, log: CrashLog) -> str | None:
    return debug_id(image.debug_id, is_elf=log.platform != "apple") if image.debug_id else None

"""The bytes of one uploaded log, with its text and JSON forms worked out once for all parsers."""

import json
import re
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

T = TypeVar("T")

MAX_DEPTH = 200
"""Deepest JSON nesting that is read. Real reports stay below 30; the C scanner itself gives up near 1,000."""

MAX_UNREAD = 5  # unread parts that are listed

_READABLE = 50  # characters for each that may be broken: logcat cuts lines within a character, apps print raw bytes
_CONTROL = re.compile(r"[\x00-\x06\x0e-\x1a\x1c-\x1f]")

_MARGIN = re.compile(r"(?:[ \t]|> ?){1,80}")  # before the lines of a paste or of a quoted mail
_BEGINS_INDENTED = re.compile(r"\n*+[ \t>]")

_NESTED = frozenset({dict, list})
# Possessive, and to the end of the text where a string is cut: else each quote in it would be tried as a string's begin.
_STRING_OR_TRAILING_COMMA = re.compile(r'("(?:[^"\\]++|\\.)*+(?:"|\\?\Z))|,(?=\s*[}\]])', re.DOTALL)
_JSON_BEGIN = re.compile(
    r"\s*+(?:\{\s*+(?:[\"}]|\Z)|\[\s*+(?:[\[{\"\]]|-?\d[\d.eE+-]{0,400}+\s*+(?:[,\]]|\Z)|(?:true|false|null)\b|\Z))"
)


class Document:
    """One log as uploaded. Every property is computed at most once and never raises."""

    def __init__(self, raw: bytes, *, brief: bool = False, max_unpacked: int | None = None) -> None:
        self.raw = raw
        self.max_unpacked = max_unpacked  # bytes that an archive may unpack to; None leaves it to its ratio
        self.unread: list[str] = []  # parts of the log that could not be read, with the reasons; the first few
        self.unread_count = 0
        self.brief = brief  # only the crash itself is wanted: a parser may leave out breadcrumbs and custom data
        self._kept: dict[str, Any] = {}

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Return what `make` gives; it is called for the first caller of a name only, so that sniffing is no second reading."""
        if name not in self._kept:
            self._kept[name] = make()
        found: T = self._kept[name]
        return found

    def add_unread(self, reason: str) -> None:
        """Note that a part of the log could not be read."""
        self.unread_count += 1
        if len(self.unread) < MAX_UNREAD:
            self.unread.append(reason)

    @cached_property
    def text(self) -> str | None:
        """The log as text with LF line ends, without a paste's margin: UTF-8 (also with BOM), UTF-16 with BOM, else None.

        NUL characters mark binary data, so such a log has no text, unless they stand at its end: file systems leave them
        there when the power is lost. Of UTF-8 a few bytes may be broken: each is U+FFFD.
        """
        is_wide = self.raw[:2] in (b"\xff\xfe", b"\xfe\xff")
        raw = self.raw[: len(self.raw) & ~1] if is_wide else self.raw.rstrip(b"\0")
        try:
            text = raw.decode("utf-16" if is_wide else "utf-8-sig").rstrip("\0")
        except UnicodeDecodeError:
            text = "\0" if is_wide else _mended(raw)
        if "\0" in text:
            return None
        if "\r" in text:
            text = text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")
        text = _single_spaced(_trimmed(text)) if "\n" in text else text
        return _outdented(text) if _BEGINS_INDENTED.match(text) else text

    def outdent(self) -> bool:
        """Take off what a paste has set before most lines, where others stand around it; False when there is nothing."""
        text = _outdented(self.text or "", share=0.5)
        if text == self.text:
            return False
        self.text = text
        self._kept.clear()
        return True

    @cached_property
    def _parsed(self) -> tuple[Any, str | None]:
        text = self.text
        if text is None or text.lstrip()[:1] not in ("{", "["):
            return None, "not JSON"
        return load_json(text)

    @property
    def json(self) -> Any:
        """The log as one JSON value (a dict or list), else None."""
        return self._parsed[0]

    @property
    def json_problem(self) -> str | None:
        """Why `json` is None, as the tail of a sentence; None when there is JSON."""
        return self._parsed[1]

    @property
    def looks_like_json(self) -> bool:
        """True when the text begins as JSON does, whole or not; a line of Chromium's log, `[1:1:0826/10…`, does not."""
        return self.text is not None and bool(_JSON_BEGIN.match(self.text))


def _mended(raw: bytes) -> str:
    """The text of what is nearly UTF-8; a NUL when it is binary data, JSON or all in another encoding.

    What writes JSON does not cut it within characters: it is in another encoding, and its names would be spoiled.
    """
    if b"\0" in raw or raw.lstrip()[:1] in (b"{", b"["):
        return "\0"
    text = raw.decode("utf-8-sig", "replace")
    is_text = text.count("\ufffd") * _READABLE <= len(text) and not _CONTROL.search(text)
    return text if is_text else "\0"


def _trimmed(text: str) -> str:
    """The text without blanks at the ends of lines where most lines have some, as copies of a terminal do."""
    if (text.count(" \n") + text.count("\t\n")) * 2 <= text.count("\n"):
        return text
    return "\n".join(map(str.rstrip, text.split("\n")))


def _single_spaced(text: str) -> str:
    """The text without blank lines where one stands behind each line, as after line ends were converted twice."""
    if text.count("\n\n") * 2 + 2 < text.count("\n"):
        return text
    lines = text.split("\n")
    return "\n".join(lines[::2]) if len(lines) >= 10 and not any(map(str.strip, lines[1::2])) else text


def _outdented(text: str, share: float = 1.0) -> str:
    """The text without the blanks or quote marks that begin this share of its lines, as pastes and mails have them."""
    lines = text.split("\n")
    written = [line for line in lines if line.strip()]
    margins = [found[0] for line in written if (found := _MARGIN.match(line))]
    if not margins or len(margins) < len(written) * share:
        return text
    first, last = min(margins), max(margins)
    common = next((at for at, letter in enumerate(first) if last[at : at + 1] != letter), len(first))
    margin = first[:common]
    return "\n".join(line.removeprefix(margin) for line in lines) if margin else text


def unread_sentence(document: Document) -> str | None:
    """Which parts of a parsed log could not be read, and why; None when all could."""
    if not document.unread:
        return None
    more = document.unread_count - len(document.unread)
    return "; ".join(document.unread) + (f"; and {more} more" if more else "")


def load_json(text: str) -> tuple[Any, str | None]:
    """Read one JSON value; returns (value, None) or (None, the reason).

    A trailing comma before a closing bracket is forgiven: KSCrash's incremental writer leaves one when it is interrupted.
    Of a repeated key the last one counts. Integers of any size are kept, Infinity and NaN read as None.
    """
    try:
        value = _loads(text)
    except RecursionError:
        return None, f"nested deeper than {MAX_DEPTH} levels"
    except ValueError as strict:
        if str(strict).startswith("Extra data"):  # the first value was whole: no comma in it is in the way
            return None, _reason(strict, text)
        try:
            value = _loads(_STRING_OR_TRAILING_COMMA.sub(lambda match: match.group(1) or "", text))
        except RecursionError:
            return None, f"nested deeper than {MAX_DEPTH} levels"
        except ValueError:
            return None, _reason(strict, text)
    may_be_deep = text.count("{") + text.count("[") > MAX_DEPTH  # else each value need not be looked at
    if may_be_deep and _is_deeper_than(value, MAX_DEPTH):
        return None, f"nested deeper than {MAX_DEPTH} levels"
    return value, None


def _loads(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=lambda _: None, parse_float=_finite)
    except json.JSONDecodeError:
        raise
    except ValueError:  # an integer of more digits than Python reads
        return json.loads(text, parse_constant=lambda _: None, parse_float=_finite, parse_int=_bounded_int)


def _finite(digits: str) -> float | None:
    value = float(digits)
    return value if abs(value) != float("inf") else None


def _bounded_int(digits: str) -> int | None:
    return int(digits) if len(digits) <= 400 else None  # Python itself refuses to print more than 4,300 digits


def _reason(error: ValueError, text: str) -> str:
    if isinstance(error, json.JSONDecodeError):
        cut = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
        return f"{'cut short' if cut else 'not valid JSON'} at line {error.lineno}, column {error.colno}"
    return "not valid JSON"


def _is_deeper_than(value: Any, limit: int) -> bool:
    """Of what `_loads` gave, in which every object is a plain dict and every array a plain list."""
    level = [value] if type(value) in _NESTED else []
    for _ in range(limit + 1):
        level = (
            [
                child
                for parent in level
                for child in (parent.values() if type(parent) is dict else parent)
                if type(child) in _NESTED
            ]
            if level
            else []
        )
        if not level:
            return False
    return True

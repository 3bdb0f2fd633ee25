"""Text of a log made safe to print: what could move, hide or reorder other text becomes a visible escape."""

import datetime
import sys
import unicodedata

_KEPT = {"\n", "\t"}
_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")  # Unicode categories: control, format, surrogate, line, paragraph


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65_536 else f"\\U{code:08x}"


_ESCAPES = {
    code: _escape(chr(code))
    for code in range(sys.maxunicode + 1)
    if unicodedata.category(chr(code)) in _HIDDEN and chr(code) not in _KEPT
}
_LINE_ESCAPES = {**_ESCAPES, ord("\n"): "\\n", ord("\t"): " "}
_ZERO_WIDTH_JOINER = 0x200D  # inside emoji; joins its neighbours only
del _ESCAPES[_ZERO_WIDTH_JOINER], _LINE_ESCAPES[_ZERO_WIDTH_JOINER]


def line(text: str | None) -> str:
    """The text on one line: line breaks, control, bidi and invisible characters as visible escapes; None is ""."""
    if not text or text.isprintable():
        return text or ""
    return text.translate(_LINE_ESCAPES)


def block(text: str | None) -> str:
    """The same, but line breaks and tabs stay: the caller has to indent what follows the first line."""
    if not text or text.isprintable():
        return text or ""
    return text.replace("\r\n", "\n").translate(_ESCAPES)


def indented(text: str, indent: str) -> str:
    """The block with every line after the first set in by `indent`, so that no line can pass for one of the report."""
    return block(text).replace("\n", "\n" + indent)


def utc(time: datetime.datetime | None) -> str:
    """The time as a person reads it: `2018-09-13 09:42:53.120 UTC`; None is ""."""
    if time is None:
        return ""
    text = time.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return f"{text[:-3] if time.microsecond else text[:-7]} UTC"


def address(value: int | None) -> str:
    """An address as 0x and at least 8 hex digits, 16 where it needs more than 32 bits; None is ""."""
    if value is None:
        return ""
    return f"0x{value:08x}" if value < 2**32 else f"0x{value:016x}"

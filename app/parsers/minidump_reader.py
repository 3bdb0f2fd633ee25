"""Bounded reading of a minidump: numbers, texts and streams, never beyond the end and never more than a budget of text.

Source: Microsoft's minidumpapiset.h (MINIDUMP_HEADER, MINIDUMP_DIRECTORY, MINIDUMP_STRING, MINIDUMP_LOCATION_DESCRIPTOR).
"""

import struct
from collections.abc import Iterator
from typing import Any

from app.errors import MalformedLog
from app.parsers import values

MAX_STREAMS = 10_000  # of a directory; writers make about twenty
MAX_TEXT = 4_096  # characters of one name
TEXT_BUDGET = 8 * 1024 * 1024  # bytes of text read of one dump: many places may point to one long text
TEXT_COST = 64  # bytes of the budget that each text costs beside its own: a million empty ones are no less to hold

_HEADER = struct.Struct("<4sIIIIIQ")  # signature, version, streams, place of the directory, checksum, time, flags
_ENTRY = struct.Struct("<III")  # type, size, place
_U32 = struct.Struct("<I")


class Dump:
    """A minidump's bytes with its directory. Raises MalformedLog when header or directory cannot be read."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.size = len(raw)
        self._text_left = TEXT_BUDGET
        if self.size < _HEADER.size:
            raise MalformedLog("The minidump is cut short in its header")
        _, version, number, place, _, self.time, _ = _HEADER.unpack_from(raw)
        if version & 0xFFFF != 0xA793:
            raise MalformedLog("The minidump is of an unknown version")
        if number > MAX_STREAMS:
            raise MalformedLog(f"The minidump names more than {MAX_STREAMS} streams")
        if place + number * _ENTRY.size > self.size:
            raise MalformedLog("The minidump is cut short before the end of its directory")
        self._streams: dict[int, tuple[int, int]] = {}
        for index in range(number):
            kind, size, at = _ENTRY.unpack_from(raw, place + index * _ENTRY.size)
            if size:
                self._streams.setdefault(kind, (at, size))

    def stream(self, kind: int) -> tuple[int, int] | None:
        """(place, size) of a stream; None when there is none. Raises MalformedLog when it lies beyond the end."""
        found = self._streams.get(kind)
        if found and found[0] + found[1] > self.size:
            raise MalformedLog(f"The minidump is cut short: its stream {kind:#x} lies beyond the end")
        return found

    def optional_stream(self, kind: int) -> tuple[int, int] | None:
        """The same for what a report can do without: None, too, when it lies beyond the end."""
        at, size = self._streams.get(kind, (0, 0))
        return (at, size) if size and at + size <= self.size else None

    def unpack(self, layout: struct.Struct, at: int) -> tuple[Any, ...] | None:
        """The numbers of this layout there; None beyond the end."""
        return layout.unpack_from(self.raw, at) if 0 <= at <= self.size - layout.size else None

    def entries(
        self, place: tuple[int, int] | None, layout: struct.Struct, limit: int, header: int = 4
    ) -> Iterator[tuple[Any, ...]]:
        """Up to `limit` entries of a list: a count of 32 bits, then the entries, which some writers align to 8 bytes.

        Those that lie beyond the list's size are left out.
        """
        count = self.unpack(_U32, place[0]) if place and place[1] >= header else None
        if place is None or count is None:
            return
        at, size = place
        whole = count[0] * layout.size
        if header == 4 and size >= whole + 8 and size - whole == 8:
            header = 8
        held = min(count[0], (min(size, self.size - at) - header) // layout.size, limit)
        for index in range(held):
            yield layout.unpack_from(self.raw, at + header + index * layout.size)

    def string(self, at: int) -> str | None:
        """The UTF-16 text there, cut to MAX_TEXT characters; None when there is none or the budget is spent."""
        content = self._counted(at, 2 * MAX_TEXT)
        return values.text(content[: len(content) & ~1].decode("utf-16-le", "replace")) if content else None

    def utf8(self, at: int, limit: int = values.MAX_TEXT) -> str | None:
        """The UTF-8 text there, cut to `limit` bytes; None when there is none or the budget is spent."""
        content = self._counted(at, limit)
        return values.text(content.decode("utf-8", "replace").rstrip("\0")) if content else None

    def plain(self, place: tuple[int, int] | None, limit: int) -> bytes:
        """The first `limit` bytes of a place within the dump, within the budget; empty when there is none."""
        if place is None:
            return b""
        at, size = place
        size = max(0, min(size, limit, self.size - at, self._text_left))
        self._text_left -= size + TEXT_COST
        return self.raw[at : at + size]

    def _counted(self, at: int, limit: int) -> bytes:
        length = self.unpack(_U32, at) if at else None
        if length is None or at + 4 + length[0] > self.size:
            return b""
        return self.plain((at + 4, length[0]), limit)

"""Reading protobuf without its schema: the fields of a message by their numbers, within bounds of count and depth.

Source: the wire format of Protocol Buffers: varint, 64-bit, length-delimited and 32-bit fields. Groups, which proto3 does
not have, count as damage. What is damaged or cut short ends its message: the fields before it are kept, and it is reported.
"""

from collections.abc import Iterator

from app.parsers import values

MAX_FIELDS = 500_000  # of a message with all that is inside of it, as far as it is looked into
MAX_DEPTH = 16  # messages inside messages

MAX_PACKED = 4_096  # bytes read of a row of numbers

_MAX_VARINT = 10  # bytes
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

Value = int | memoryview


class Wire:
    """One protobuf document while it is read."""

    def __init__(self, max_fields: int = MAX_FIELDS, max_depth: int = MAX_DEPTH) -> None:
        self.left = max_fields  # fields that may still be read
        self.max_depth = max_depth
        self.damage: str | None = None  # the first part that could not be read, as the tail of a sentence


class _DamagedError(Exception):
    """The bytes are no whole field."""


class ProtobufMessage:
    """The fields of one message, read at once; those inside are read when they are asked for. Nothing here raises."""

    def __init__(self, data: bytes | memoryview, wire: Wire | None = None, depth: int = 0) -> None:
        self.wire = wire or Wire()
        self._depth = depth
        self._fields: dict[int, list[Value]] = {}
        try:
            for number, value in _read(memoryview(data), self.wire):
                self._fields.setdefault(number, []).append(value)
        except _DamagedError as error:
            self.wire.damage = self.wire.damage or str(error)

    def integer(self, number: int) -> int:
        """The field's last value in 0..2**64-1; 0, proto3's default, when there is none."""
        return next((value for value in reversed(self._fields.get(number, [])) if isinstance(value, int)), 0)

    def signed(self, number: int) -> int:
        """The same as a signed 64-bit number."""
        value = self.integer(number)
        return value - 2**64 if value >= 2**63 else value

    def integers(self, number: int) -> list[int]:
        """The numbers of a repeated field, in their order, packed or not."""
        found: list[int] = []
        for value in self._fields.get(number, []):
            if isinstance(value, int):
                found.append(value)
            else:
                found += _packed(value)
        return found

    def parts(self, number: int) -> list[bytes]:
        """The bytes of a field, in their order; empty ones are left out."""
        return [bytes(value) for value in self._fields.get(number, []) if isinstance(value, memoryview) and value]

    def texts(self, number: int) -> list[str]:
        """The values of a field of strings, in their order, cleaned; empty ones are left out."""
        parts = (value for value in self._fields.get(number, []) if isinstance(value, memoryview))
        found = (values.text(_decoded(part)) for part in parts)
        return [text for text in found if text]

    def text(self, number: int) -> str | None:
        """The last of them, or None."""
        found = self.texts(number)
        return found[-1] if found else None

    def messages(self, number: int) -> Iterator["ProtobufMessage"]:
        """The messages of a field, in their order; none below the greatest depth."""
        if self._depth >= self.wire.max_depth:
            self.wire.damage = self.wire.damage or f"it is nested deeper than {self.wire.max_depth} messages"
            return
        for value in self._fields.get(number, []):
            if isinstance(value, memoryview):
                yield ProtobufMessage(value, self.wire, self._depth + 1)

    def message(self, number: int) -> "ProtobufMessage | None":
        """The first of them, or None."""
        return next(self.messages(number), None)


def _decoded(part: memoryview) -> str:
    kept = bytes(part[: values.MAX_TEXT * 4 + 4])
    return kept.decode("utf-8", "replace")


def _read(data: memoryview, wire: Wire) -> Iterator[tuple[int, Value]]:
    """(number, value) of each field in order. Raises _DamagedError where the bytes are no field."""
    at, end = 0, len(data)
    while at < end:
        if wire.left <= 0:
            raise _DamagedError("it holds too many fields")
        wire.left -= 1
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if number == 0 or number >= 1 << 29:
            raise _DamagedError("it is damaged")
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind == _BYTES:
            length, at = _varint(data, at)
        elif kind in (_FIXED32, _FIXED64):
            length = 4 if kind == _FIXED32 else 8
        else:
            raise _DamagedError("it is damaged")
        if length > end - at:
            raise _DamagedError("it is cut short")
        part = data[at : at + length]
        at += length
        yield number, part if kind == _BYTES else int.from_bytes(part, "little")


def _packed(data: memoryview) -> Iterator[int]:
    at = 0
    while at < min(len(data), MAX_PACKED):
        try:
            value, at = _varint(data, at)
        except _DamagedError:
            return
        yield value


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """(value modulo 2**64, where the next byte lies)."""
    value = 0
    for shift in range(_MAX_VARINT):
        if at >= len(data):
            raise _DamagedError("it is cut short")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
    raise _DamagedError("it is damaged")

"""What is kept of an envelope that is larger than a log may be: all but its attachments, of which reports tell nothing.

A dump is an attachment that reports are made of: it stays where there is room for it.
"""

from app.errors import BadParameters, TooLarge
from app.ingest.sentry import MINIDUMP
from app.ingest.unpacking import Readable
from app.parsers.envelope_items import MAX_HEADER, MAX_ITEMS, json_object

TIMES = 5  # the limit of a log: as large an envelope is read, packed or unpacked
CHUNK = 64 * 1024  # bytes


def event_of_large_envelope(stream: Readable, max_bytes: int) -> bytes:
    """The envelope without what is too much of it, at most `max_bytes`; the same for the same envelope.

    Raises TooLarge when no event is left, or what is left is too much, and BadParameters where the framing breaks.
    """
    lines = _Lines(stream, TIMES * max_bytes, f"The log is larger than {max_bytes} bytes")
    kept = bytearray(lines.line() + b"\n")
    has_event = False
    for _ in range(MAX_ITEMS):
        header_line = lines.next_line()
        if header_line is None:
            break
        header = json_object(header_line)
        if header is None:
            raise BadParameters("The envelope has an item without a line of JSON before it")
        length, is_attachment = header.get("length"), header.get("type") == "attachment"
        room = max_bytes - len(kept) - len(header_line) - 2
        if is_attachment and type(length) is int and (header.get("attachment_type") != MINIDUMP or length > room):
            lines.drop(length)
            continue
        payload = lines.take(length, room) if type(length) is int else lines.line()
        has_event = has_event or header.get("type") == "event"
        kept += header_line + b"\n" + payload + b"\n"
        if len(kept) > max_bytes:
            break
    if not has_event or len(kept) > max_bytes:
        raise TooLarge(f"The log is larger than {max_bytes} bytes")
    return bytes(kept)


class _Lines:
    """Reads lines and payloads of a stream, which is never whole in memory. Raises TooLarge or BadParameters."""

    def __init__(self, stream: Readable, most: int, too_large: str) -> None:
        self._stream, self._left, self._too_large = stream, most, too_large
        self._ahead = bytearray()

    def line(self) -> bytes:
        """The next line without its end; what is left when it is the last one."""
        while (end := self._ahead.find(b"\n")) < 0:
            if len(self._ahead) > MAX_HEADER:
                raise TooLarge(self._too_large)
            if not self._more():
                end = len(self._ahead)
                break
        found = bytes(self._ahead[:end])
        del self._ahead[: end + 1]
        return found

    def next_line(self) -> bytes | None:
        """The next line that is not empty; None at the end."""
        while not (found := self.line().strip(b"\r")):
            if not self._ahead and not self._more():
                return None
        return found

    def take(self, length: int, room: int) -> bytes:
        """A payload of that many bytes."""
        if not 0 <= length <= room:
            raise TooLarge(self._too_large)
        while len(self._ahead) < length:
            if not self._more():
                raise BadParameters("The envelope is cut short")
        found = bytes(self._ahead[:length])
        del self._ahead[:length]
        return found

    def drop(self, length: int) -> None:
        """Read past a payload."""
        while length > len(self._ahead):
            length -= len(self._ahead)
            self._ahead.clear()
            if not self._more():
                raise BadParameters("The envelope is cut short")
        del self._ahead[: max(length, 0)]

    def _more(self) -> bool:
        chunk = self._stream.read(CHUNK)
        self._left -= len(chunk)
        if self._left < 0:
            raise TooLarge(self._too_large)
        self._ahead += chunk
        return bool(chunk)

"""What Unreal Engine's crash reporter sends: one file, packed, of a dump, the context of the crash in XML, and logs.

Source: Epic's CrashReportClient (`CR1`, and the form before it, whose header stands at the end too), as Sentry's
symbolic-unreal 12 reads it. Kept are the dump, or Apple's text in its place, and some fields of the context; where there is
no dump, as of an assertion, what the context says.
"""

import hashlib
import html
import json
import re
import struct
from typing import NamedTuple

from app.errors import BadParameters, TooLarge
from app.ingest.senders import envelope_of, log_of_minidump
from app.ingest.unpacking import Readable, unpacking

TIMES = 5  # the limit of a log: as large a file is read, unpacked
MAX_FILES = 100  # of one file; the reporter sends some five
MAX_NAME = 4_096  # bytes of a name
MAX_CONTEXT = 1024 * 1024  # bytes
CONTEXT = "CrashContext.runtime-xml"

_U32 = struct.Struct("<I")
_FIELD = re.compile(r"<(\w{1,64})>([^<>]{1,4000})</")
_FIELDS = {  # of the context -> of a dump's form
    "GameName": "prod",
    "BuildVersion": "ver",
    "MachineId": "guid",
    "UserDescription": "comments",
    "CrashType": "CrashType",
    "ErrorMessage": "ErrorMessage",
    "EngineVersion": "EngineVersion",
    "BuildConfiguration": "BuildConfiguration",
    "CrashGUID": "CrashGUID",
    "PlatformFullName": "PlatformFullName",
    "LanguageLCID": "LanguageLCID",
}


class _Files(NamedTuple):
    dump: bytes | None
    context: dict[str, str]


def log_of_unreal(packed: Readable, max_bytes: int) -> tuple[str, bytes]:
    """(log_id, bytes) of a crash, the same for the same crash. Raises BadParameters or TooLarge."""
    with unpacking(packed, "deflate", TIMES * max_bytes) as stream:
        files = _read(_Bytes(stream, TIMES * max_bytes), max_bytes)
    fields = {name: files.context[field] for field, name in _FIELDS.items() if field in files.context}
    if files.dump is None:
        return _log_of_context(files.context, fields)
    if files.dump.startswith(b"MDMP"):
        log_id, content = log_of_minidump(files.dump, fields)
        return log_id.replace("minidump", "unreal", 1), content
    return f"unreal-{hashlib.sha256(files.dump).hexdigest()[:32]}", files.dump


def _log_of_context(context: dict[str, str], fields: dict[str, str]) -> tuple[str, bytes]:
    message = context.get("ErrorMessage")
    if message is None:
        raise BadParameters("The crash of Unreal Engine holds no minidump, no crash report and no error message")
    exception = {"type": context.get("CrashType", "Crash"), "value": message}
    release = {"release": fields["ver"]} if "ver" in fields else {}
    user = {"user": {"id": fields["guid"]}} if "guid" in fields else {}
    event = {"platform": "native", "level": "fatal", "exception": [exception], "extra": fields, **release, **user}
    content = json.dumps(event, ensure_ascii=False).encode("utf-8", "replace")
    name = hashlib.sha256(content).hexdigest()[:32]
    return f"unreal-{name}", envelope_of(name, content)


def _read(stream: "_Bytes", max_bytes: int) -> _Files:
    is_new = stream.starts_with(b"CR1")
    if is_new:
        stream.take(3)
    for _ in range(2):  # a folder and a name
        stream.take(stream.length(MAX_NAME))
    _, count = stream.number(), stream.number()
    if is_new and count > MAX_FILES:
        raise BadParameters(f"The crash of Unreal Engine has more than {MAX_FILES} files")
    dump: bytes | None = None
    context: dict[str, str] = {}
    for index in range(count if is_new else MAX_FILES):
        if not is_new and not stream.has_more(index):
            break
        stream.number()
        name = stream.take(stream.length(MAX_NAME)).rstrip(b"\0").decode("utf-8", "replace")
        size = stream.number()
        if dump is None and size and stream.starts_with(b"MDMP", b"Incident Identifier:"):
            if size > max_bytes:
                raise TooLarge(f"The log is larger than {max_bytes} bytes")
            dump = stream.take(size)
        elif name == CONTEXT and size <= MAX_CONTEXT:
            context = _context(stream.take(size))
        else:
            stream.drop(size)
    return _Files(dump, context)


def _context(xml: bytes) -> dict[str, str]:
    """The texts of elements that hold nothing else; the first of a name."""
    found: dict[str, str] = {}
    for name, text in _FIELD.findall(xml.decode("utf-8", "replace")):
        if text.strip():
            found.setdefault(name, html.unescape(text).strip())
    return found


class _Bytes:
    """Takes bytes off a stream that is never whole in memory. Raises BadParameters or TooLarge."""

    def __init__(self, stream: Readable, most: int) -> None:
        self._stream, self._left, self._too_large = stream, most, f"The crash unpacks to more than {most} bytes"
        self._ahead = bytearray()

    def take(self, size: int) -> bytes:
        """So many bytes."""
        self._fill(size)
        if len(self._ahead) < size:
            raise BadParameters("The crash of Unreal Engine is cut short, or is none")
        found = bytes(self._ahead[:size])
        del self._ahead[:size]
        return found

    def drop(self, size: int) -> None:
        """Read past so many bytes."""
        while size > len(self._ahead):
            size -= len(self._ahead)
            self._ahead.clear()
            if not self._more():
                raise BadParameters("The crash of Unreal Engine is cut short, or is none")
        del self._ahead[:size]

    def number(self) -> int:
        """An unsigned number of 32 bits."""
        found: int = _U32.unpack(self.take(4))[0]
        return found

    def length(self, most: int) -> int:
        """The same, of a name."""
        found = self.number()
        if found > most:
            raise BadParameters("The crash of Unreal Engine is cut short, or is none")
        return found

    def starts_with(self, *marks: bytes) -> bool:
        """True when the next bytes are one of these."""
        self._fill(max(map(len, marks)))
        return self._ahead.startswith(marks)

    def has_more(self, index: int) -> bool:
        """True when a file of that index follows, and not the header at the end, which begins with the length of a name."""
        self._fill(4)
        return len(self._ahead) >= 4 and _U32.unpack_from(self._ahead)[0] == index

    def _fill(self, size: int) -> None:
        while len(self._ahead) < size and self._more():
            pass

    def _more(self) -> bool:
        chunk = self._stream.read(64 * 1024)
        self._left -= len(chunk)
        if self._left < 0:
            raise TooLarge(self._too_large)
        self._ahead += chunk
        return bool(chunk)

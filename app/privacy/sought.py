"""The user whose data is sought: recognised by what a log says of its user, or by the letters of the id anywhere in its bytes."""

import io
import json
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from urllib.parse import quote

from app.crashes.facts import as_fact
from app.crashes.facts import facts as facts_of
from app.errors import AppError
from app.gunzip import DAMAGE, TooManyMembers, gunzipped
from app.parsers import parse

MOST = 64 * 1024 * 1024  # bytes of what an archive holds that are looked at: more than any log has, less than a bomb
PIECE = 64 * 1024  # bytes
MAX_MEMBERS = 100_000  # of gzip; many more than are read for a crash: what cannot be read is still kept
DEPTH = 3  # a log in gzip in zip
_THRIFTY = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)  # LZMA may ask for 4 GiB to unpack some bytes
_DAMAGED = (*DAMAGE, OSError)

_WORD_BEFORE, _WORD_AFTER = rb"(?<![0-9A-Za-z])", rb"(?![0-9A-Za-z])"


def pieces(raw: bytes, depth: int = 0) -> Iterator[bytes]:
    """The bytes, and those inside gzip, zip and tar, as far as they can be read."""
    yield raw
    if depth == DEPTH:
        return
    if raw.startswith(b"\x1f\x8b"):
        yield from pieces(_gunzipped(raw), depth + 1)
    elif raw.startswith(b"PK\x03\x04"):
        for member in _zipped(raw):
            yield from pieces(member, depth + 1)
    elif raw[257:262] == b"ustar":
        for member in _tarred(raw):
            yield from pieces(member, depth + 1)


def _gunzipped(raw: bytes) -> bytes:
    """As much as can be unpacked: what comes before a broken place counts."""
    content = bytearray()
    with suppress(zlib.error, EOFError, TooManyMembers):
        for chunk in gunzipped(io.BytesIO(raw).read, MAX_MEMBERS):
            content += chunk
            if len(content) >= MOST:
                break
    return bytes(content)


def _zipped(raw: bytes) -> Iterator[bytes]:
    """Names and contents, whatever is wrong with some of the members: those beside them are a log's as well."""
    left = MOST
    with suppress(*_DAMAGED), zipfile.ZipFile(io.BytesIO(raw)) as archive:
        for info in archive.infolist():
            yield info.filename.encode("utf-8", "replace")
            if info.compress_type not in _THRIFTY:
                continue
            content = bytearray()
            with suppress(*_DAMAGED), archive.open(info) as member:
                while len(content) < left and (chunk := member.read(min(PIECE, left - len(content)))):
                    content += chunk
            yield bytes(content)
            left -= max(len(content), min(info.file_size, PIECE))  # what is damaged may have cost that much in vain


def _tarred(raw: bytes) -> Iterator[bytes]:
    """Contents of files; names stand in the tar as they are, and links only lead to other files of it."""
    left = MOST
    with suppress(*_DAMAGED), tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        for info in archive:
            member = archive.extractfile(info) if info.isfile() else None
            if member is not None:
                content = member.read(left)
                yield content
                left -= len(content)


class Sought:
    """One user id, and the ways in which it may be written."""

    def __init__(self, user_id: str, *, scan: bool) -> None:
        self.user_id = user_id
        self.fact = as_fact(user_id)
        self.scan = scan

    def is_named_in(self, raw: bytes) -> bool:
        """True when the log is one of that user's: it says so, or the id stands in it and letters count."""
        return self.stands_in(raw) or self._is_user_of(raw)

    def stands_in(self, raw: bytes) -> bool:
        """True when letters count and the id stands in the bytes: not within a longer run of letters and digits.

        As UTF-8, as JSON or a URL escapes it, and as UTF-16; inside gzip, zip and tar too.
        """
        return self.scan and any(self._stands_in(piece) for piece in pieces(raw))

    def stands_in_text(self, *texts: str | None) -> bool:
        """The same for texts of rows."""
        return any(self.stands_in(text.encode("utf-8", "replace")) for text in texts if text)

    @property
    def in_tags(self) -> str | None:
        """What stands in the tags of an occurrence that name the user; None where letters do not count."""
        return json.dumps(as_fact(self.user_id), ensure_ascii=False)[1:-1] if self.scan else None

    def _is_user_of(self, raw: bytes) -> bool:
        try:
            return any(facts_of(report).user_id == self.fact for report in parse(raw))
        except AppError:
            return False  # in no format that tells of a user

    def _stands_in(self, raw: bytes) -> bool:
        if not any(form in raw for form in self._forms):  # ten times as fast as a pattern
            return False
        return self._pattern.search(raw) is not None

    @cached_property
    def _forms(self) -> list[bytes]:
        return [*self._narrow, self._wide]

    @cached_property
    def _narrow(self) -> list[bytes]:
        quoted = json.dumps(self.user_id)[1:-1]
        readable = json.dumps(self.user_id, ensure_ascii=False)[1:-1]
        forms = (self.user_id, quoted, readable, quoted.replace("/", "\\/"), quote(self.user_id, safe=""))
        return sorted({form.encode("utf-8", "replace") for form in forms})

    @cached_property
    def _wide(self) -> bytes:
        return self.user_id.encode("utf-16-le", "replace")

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        words = [_WORD_BEFORE + re.escape(form) + _WORD_AFTER for form in self._narrow]
        return re.compile(b"|".join([*words, re.escape(self._wide)]))

"""A mapping of R8 or ProGuard with an index of its classes: a report reads those it names, whatever the size of the file."""

import hashlib
import mmap
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from uuid import NAMESPACE_DNS, UUID, uuid5

from app.symbols.objects import NotSymbols

MAGIC = b"crashq mapping 1\n"
MAX_CLASSES = 1_000_000  # of one mapping: its index takes 40 bytes for each, and some times that while it is made
MAX_LINE = 1024 * 1024  # bytes
MAX_BLOCK = 1024 * 1024  # bytes that one class is described by; larger ones are not looked into
MAX_HEAD = 4_096  # bytes of comments at the beginning that are kept in view

NAMESPACE = uuid5(NAMESPACE_DNS, "guardsquare.com")  # from which senders make the uuid that they name a mapping by
_CLASS = re.compile(rb"([^\s#]\S*) -> (\S+):\s*")
_MEMBER = re.compile(rb"\s+\S.* -> \S+\s*")
_RECORD = struct.Struct(">QQI")  # hash of a name, where its block begins, bytes of it
_FOOT = struct.Struct(">QII16s")  # where the mapping ends; records by obfuscated and by own names; uuid


class Mapping:
    """An open mapping with its index; the file is mapped, not read."""

    def __init__(self, file: Path) -> None:
        """Open what `make_mapping` has made. Raises NotSymbols when it is something else."""
        with file.open("rb") as opened:
            if opened.read(len(MAGIC)) != MAGIC:
                raise NotSymbols("Not readable as a mapping with an index")
            self._bytes = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        at = len(self._bytes) - _FOOT.size
        self._end, self._by_short, self._by_own, uuid = _FOOT.unpack_from(self._bytes, at)
        self.uuid = UUID(bytes=uuid)
        head = self._bytes[len(MAGIC) : min(self._end, len(MAGIC) + MAX_HEAD)]
        lines = head.splitlines(keepends=True)
        comments = next((at for at, line in enumerate(lines) if line[:1] != b"#"), len(lines))
        self.head = b"".join(lines[:comments])

    def block(self, short: str) -> bytes | None:
        """All lines about the class of this obfuscated name."""
        return self._search(short, self._end, self._by_short, 2)

    def block_of(self, own: str) -> bytes | None:
        """All lines about the class of this name in the source."""
        return self._search(own, self._end + self._by_short * _RECORD.size, self._by_own, 1)

    def _search(self, name: str, table: int, count: int, group: int) -> bytes | None:
        wanted, text = _hash(name.encode(errors="replace")), name.encode(errors="replace")
        low, high = 0, count
        while low < high:
            middle = (low + high) // 2
            if _RECORD.unpack_from(self._bytes, table + middle * _RECORD.size)[0] < wanted:
                low = middle + 1
            else:
                high = middle
        for at in range(low, count):
            found, begin, size = _RECORD.unpack_from(self._bytes, table + at * _RECORD.size)
            if found != wanted:
                return None
            block = self._bytes[begin : begin + min(size, MAX_BLOCK)] if size <= MAX_BLOCK else b""
            line = _CLASS.match(block)
            if line and line[group] == text:
                return block
        return None


def make_mapping(file: Path, into: Path) -> None:
    """Write a mapping and its index into one file; lines are read one by one. Raises NotSymbols when it maps nothing."""
    with file.open("rb") as source, into.open("wb") as out:
        short, own, uuid = _copied(source, out)
        end = out.tell()
        for table in (short, own):
            table.sort()
            out.writelines(table)
        out.write(_FOOT.pack(end, len(short), len(own), uuid.bytes))


def is_mapping(file: Path) -> bool:
    """True for what `make_mapping` has written."""
    with file.open("rb") as opened:
        return opened.read(len(MAGIC)) == MAGIC


def _copied(source: BinaryIO, out: BinaryIO) -> tuple[list[bytes], list[bytes], UUID]:
    digest = hashlib.sha1(NAMESPACE.bytes, usedforsecurity=False)  # that is how uuids of version 5 are made
    out.write(MAGIC)
    short: list[bytes] = []
    own: list[bytes] = []
    begun: tuple[int, bytes, bytes] | None = None
    has_member, at = False, len(MAGIC)

    def close() -> None:
        if begun is not None:
            begin, own_name, short_name = begun
            own.append(_RECORD.pack(_hash(own_name), begin, min(at - begin, 2**32 - 1)))
            short.append(_RECORD.pack(_hash(short_name), begin, min(at - begin, 2**32 - 1)))

    for line in _lines(source):
        found = _CLASS.fullmatch(line)
        if found:
            close()
            begun = (at, found[1], found[2])
            if len(short) >= MAX_CLASSES:
                raise NotSymbols(f"The mapping has more than {MAX_CLASSES} classes")
        has_member = has_member or (begun is not None and _MEMBER.fullmatch(line) is not None)
        digest.update(line)
        out.write(line)
        at += len(line)
    close()
    if not has_member:
        raise NotSymbols("Not readable as a mapping of R8 or ProGuard: no class with a member is mapped")
    return short, own, UUID(bytes=digest.digest()[:16], version=5)


def _lines(source: BinaryIO) -> Iterator[bytes]:
    while line := source.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE:
            raise NotSymbols(f"Not readable as a mapping: it has a line of more than {MAX_LINE} bytes")
        yield line


def _hash(name: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "big")

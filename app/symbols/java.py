"""Names that R8 or ProGuard has taken from Java and Kotlin code, given back by a mapping file with an index of its classes."""

import hashlib
import mmap
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, NamedTuple
from uuid import NAMESPACE_DNS, UUID, uuid5

from symbolic.exceptions import SymbolicError
from symbolic.proguard import JavaStackFrame, ProguardMapper

from app.crashes.log import Frame
from app.symbols import NotSymbols
from app.symbols.objects import bounded, outer_and_inner

MAGIC = b"crashq mapping 1\n"
MAX_CLASSES = 1_000_000  # of one mapping: its index takes 40 bytes for each, and some times that while it is made
MAX_LINE = 1024 * 1024  # bytes
MAX_BLOCK = 1024 * 1024  # bytes that one class is described by; larger ones are not looked into
MAX_HEAD = 4_096  # bytes of comments at the beginning that are kept in view

NAMESPACE = uuid5(NAMESPACE_DNS, "guardsquare.com")  # from which senders make the uuid that they name a mapping by
_CLASS = re.compile(rb"([^\s#]\S*) -> (\S+):\s*")
_MEMBER_LINE = re.compile(rb"\s+\S.* -> \S+\s*")
_RECORD = struct.Struct(">QQI")  # hash of a name, where its block begins, bytes of it
_FOOT = struct.Struct(">QII16s")  # where the mapping ends; records by obfuscated and by own names; uuid
INLINED = "inlined"
AMBIGUOUS = "ambiguous"
SHOWN = 5  # methods that one obfuscated name may stand for
IN_VIEW = (
    2 * 1024 * 1024
)  # bytes of a mapping that are read at a time: as symbolic holds them, they take some 25 times that
_MEMBER = re.compile(r"\s+(\d+:\d+:)?\S+ (\S+)\(.*\)(?::\d+(?::\d+)?)? -> (\S+)\s*")


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
        has_member = has_member or (begun is not None and _MEMBER_LINE.fullmatch(line) is not None)
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


class _View(NamedTuple):
    """The classes of a mapping that reports have named so far."""

    blocks: dict[str, bytes]  # obfuscated name -> lines about it; b"": the mapping does not know it
    mapper: ProguardMapper | None  # that knows these


class JavaNames:
    """An open mapping. Only the classes that are asked for are read, and those that they tell of."""

    def __init__(self, file: Path) -> None:
        """Open a mapping, with its index or without. Raises NotSymbols when it maps nothing."""
        if is_mapping(file):
            self._mapping = Mapping(file)
        else:
            with NamedTemporaryFile(prefix="crashq-mapping-") as made:
                make_mapping(file, Path(made.name))
                self._mapping = Mapping(Path(made.name))
        self._view = _View({}, None)

    @property
    def uuid(self) -> UUID:
        """By which senders name the mapping: derived from its content."""
        return self._mapping.uuid

    def look_at(self, classes: Iterable[str]) -> None:
        """Read what is needed for these classes, by their obfuscated names; asking for one by one costs more."""
        self._seen({one for one in classes if one})

    def type_name(self, name: str) -> str:
        """The class as the source calls it; the name itself when the mapping does not know it."""
        view = self._seen({name})
        return bounded((view.mapper.remap_class(name) if view.mapper else None) or name)

    def frames(self, frame: Frame) -> list[Frame]:
        """The calls that a frame stands for, innermost first; the frame itself when the mapping does not know it.

        Where no line tells which of several methods it is, they are listed, and the note is `ambiguous`.
        """
        if not frame.module or not frame.function:
            return [frame]
        view = self._seen({frame.module})
        if view.mapper is None or not view.blocks.get(frame.module):
            return [frame]
        found = view.mapper.remap_frame(frame.module, frame.function, frame.line or 0)
        if frame.line and any(one.line for one in found):
            return _inlined(frame, found)
        own = replace(frame, module=self.type_name(frame.module))
        methods = sorted({(bounded(one.class_name), bounded(one.method)) for one in found}) or [
            (own.module or "", bounded(name)) for name in _methods(view.blocks[frame.module], frame.function)
        ]
        if not methods:
            return [own]
        file = next((bounded(one.file) for one in found if one.file), frame.file)
        if len(methods) == 1:
            return [replace(frame, module=methods[0][0], function=methods[0][1], file=file)]
        names = " | ".join(name for _, name in methods[:SHOWN]) + (" | …" if len(methods) > SHOWN else "")
        return [replace(own, function=names, file=file, note=AMBIGUOUS)]

    def _seen(self, classes: set[str]) -> _View:
        """A view with these classes in it; one that has grown too large begins anew."""
        view = self._view
        new = {name: self._mapping.block(name) or b"" for name in classes if name not in view.blocks}
        if not new:
            return view
        blocks = {**view.blocks, **new}
        if sum(map(len, blocks.values())) + 100 * len(blocks) > IN_VIEW:
            blocks = new | {name: view.blocks[name] for name in classes if name in view.blocks}
        mapper = view.mapper if blocks.items() >= view.blocks.items() and not any(new.values()) else self._made(blocks)
        self._view = _View(blocks, mapper)
        return self._view

    def _made(self, blocks: dict[str, bytes]) -> ProguardMapper | None:
        kept = [block for block in blocks.values() if block]
        if not kept:
            return None
        heads = {
            name: _head(self._mapping.block_of(name) or b"")
            for block in kept
            for name in _foreign(block.decode(errors="replace"))
        }
        own = {block.partition(b" ")[0] for block in kept}
        more = [head for name, head in sorted(heads.items()) if name.encode() not in own]
        with NamedTemporaryFile(prefix="crashq-mapping-") as file:
            file.writelines([self._mapping.head, *kept, *more])
            file.flush()
            try:
                return ProguardMapper.open(file.name)
            except SymbolicError as error:
                raise NotSymbols(f"Not readable as a mapping: {error}") from error


def _inlined(frame: Frame, found: list[JavaStackFrame]) -> list[Frame]:
    found = outer_and_inner(found)
    last = len(found) - 1
    return [
        replace(
            frame,
            module=bounded(one.class_name),
            function=bounded(one.method),
            file=bounded(one.file) if one.file else frame.file,
            line=one.line or None,
            note=frame.note if number == last else INLINED,
        )
        for number, one in enumerate(found)
    ]


def _methods(block: bytes, short: str) -> list[str]:
    """The class's own methods that may have this obfuscated name, whatever the line.

    Of the methods that share a range of lines, which stand one after another, the last one holds the others inlined.
    """
    found: dict[str, str] = {}  # range, or where it stands -> method
    for at, line in enumerate(block.decode(errors="replace").splitlines()):
        member = _MEMBER.fullmatch(line)
        if member and member[3] == short:
            found[member[1] or str(at)] = member[2]
    return sorted({method for method in found.values() if "." not in method})


def _foreign(block: str) -> set[str]:
    """Other classes whose methods were inlined into this one, as the source calls them."""
    members = map(_MEMBER.fullmatch, block.splitlines())
    return {one[2].rpartition(".")[0] for one in members if one and "." in one[2]}


def _head(block: bytes) -> bytes:
    """The lines about a class itself, which name its file; not those about its members."""
    lines = block.splitlines(keepends=True)
    last = next((at for at, line in enumerate(lines[1:], 1) if line[:1] != b"#"), len(lines))
    return b"".join(lines[:last])

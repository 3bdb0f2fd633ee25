"""The streams of a minidump that tell of the process: system, threads, modules, memory, exception, times and ids.

Source: Microsoft's minidumpapiset.h; Breakpad's minidump_format.h for its own streams, CodeView records and platforms.
"""

import re
import struct
from bisect import bisect_right
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple
from uuid import UUID

from app.crashes.log import BinaryImage, OsInfo
from app.errors import MalformedLog
from app.parsers import values
from app.parsers.minidump_reader import Dump

MAX_THREADS = 1_000
MAX_MODULES = 5_000
MAX_REGIONS = 50_000  # ranges of memory
MAX_MAPS = 1024 * 1024  # bytes read of Linux's list of mappings

THREADS, MODULES, MEMORY, EXCEPTION, SYSTEM, MEMORY_64, MISC, MEMORY_INFO, THREAD_NAMES = 3, 4, 5, 6, 7, 9, 15, 16, 24
BREAKPAD, ASSERTION, LINUX_STATUS, LINUX_MAPS = 0x47670001, 0x47670002, 0x47670004, 0x47670009

_THREAD = struct.Struct("<I12xQQIIII")  # id, TEB, stack: start, size, place; context: size, place
_MODULE = struct.Struct("<QIIII52xII24x")  # base, size, checksum, time, name; CodeView record: size, place
_REGION = struct.Struct("<QII")  # start, size, place
_REGION_64 = struct.Struct("<QQ")  # start, size
_REGIONS_64 = struct.Struct("<QQ")  # number of regions, place of the first
_EXCEPTION = struct.Struct("<I4xIIQQI4x15QII")  # thread; code, flags, next, address, number of info, info; context
_SYSTEM = struct.Struct(
    "<HHHBBIIIII"
)  # processor, level, revision, number, product; major, minor, build, platform; CSD
_MEMORY_INFO_HEAD = struct.Struct("<IIQ")  # sizes of this and of an entry, entries
_MEMORY_INFO = struct.Struct("<Q16xQII8x")  # start, size, state, protection
_COMMITTED, _EXECUTABLE = 0x1000, 0xF0  # MEM_COMMIT, PAGE_EXECUTE…
_MISC = struct.Struct("<IIIII8x")  # size, flags, process id, start
_BREAKPAD = struct.Struct("<III")  # which are valid, dumping thread, requesting thread
_THREAD_NAME = struct.Struct("<IQ")
_PDB70, _PDB20, _ELF = 0x53445352, 0x3031424E, 0x4270454C  # "RSDS", "NB10", "BpEL"
_U32 = struct.Struct("<I")

_SYSTEMS = {
    **dict.fromkeys((0, 1, 2, 3), ("windows", "Windows")),
    0x8101: ("apple", "macOS"), 0x8102: ("apple", "iOS"), 0x8201: ("linux", "Linux"), 0x8202: ("", "Solaris"),
    0x8203: ("linux", "Android"), 0x8204: ("", "PS3"), 0x8205: ("linux", "NaCl"), 0x8206: ("", "Fuchsia"),
}  # fmt: skip
_UNAME = re.compile(r"Linux (?P<release>\S{1,100}) (?P<build>#?\S.{0,300}?)(?: (?:x86_64|i\d86|arm\w*|aarch64\w*))?$")
_MAPPING = re.compile(rb"^([0-9a-f]{1,16})-([0-9a-f]{1,16}) ..x", re.MULTILINE)
_PID = re.compile(rb"^Pid:\s{0,20}(\d{1,10})$", re.MULTILINE)


_LOADERS = ("dyld", "dyld_sim")


class System(NamedTuple):
    """The machine; `family` is "windows", "linux", "apple" or "" for another or an unknown one."""

    cpu: int
    family: str
    os: OsInfo


class RawThread(NamedTuple):
    """A thread; a stack and a context are (start, size, place) and (place, size)."""

    id: int
    stack: tuple[int, int, int]
    context: tuple[int, int]


class RawException(NamedTuple):
    """The exception record and whose it is."""

    thread: int
    code: int
    flags: int
    address: int
    info: tuple[int, ...]
    context: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Regions:
    """The ranges of memory in the dump, by their start."""

    ordered: list[tuple[int, int, int]]  # start, size, place

    def around(self, address: int) -> tuple[int, int, int] | None:
        """The range that holds the address."""
        at = bisect_right(self.ordered, address, key=itemgetter(0)) - 1
        return self.ordered[at] if at >= 0 and address < sum(self.ordered[at][:2]) else None


def system(dump: Dump) -> System:
    """Processor and operating system; of a dump without the stream all is unknown."""
    place = dump.stream(SYSTEM)
    read = dump.unpack(_SYSTEM, place[0]) if place and place[1] >= _SYSTEM.size else None
    if read is None:
        return System(0xFFFF, "", OsInfo())
    cpu, _, _, _, _, major, minor, build, platform, csd = read
    family, name = _SYSTEMS.get(platform, ("", None))
    version = f"{major}.{minor}.{build}" if (major, minor, build) != (0, 0, 0) else None
    extra = dump.string(csd)
    kernel = _UNAME.match(extra or "") if version is None else None
    if kernel:
        return System(cpu, family, OsInfo(name=name, version=kernel["release"], build=kernel["build"]))
    return System(cpu, family, OsInfo(name=name, version=version or extra, build=extra if version else None))


def threads(dump: Dump) -> list[RawThread]:
    """The threads in their order, MAX_THREADS at most."""
    return [
        RawThread(number, (start, size, at), (context_at, context_size))
        for number, _, start, size, at, context_size, context_at in dump.entries(
            dump.stream(THREADS), _THREAD, MAX_THREADS
        )
    ]


def thread_names(dump: Dump) -> dict[int, str]:
    """Thread id -> name."""
    listed = dump.entries(dump.optional_stream(THREAD_NAMES), _THREAD_NAME, MAX_THREADS)
    return {number: name for number, at in listed if (name := dump.string(at))}


def exception(dump: Dump) -> RawException | None:
    """The exception; None when there is none. Raises MalformedLog when it is cut short."""
    place = dump.stream(EXCEPTION)
    if place is None:
        return None
    read = dump.unpack(_EXCEPTION, place[0]) if place[1] >= _EXCEPTION.size else None
    if read is None:
        raise MalformedLog("The minidump's exception stream is too small to be one")
    thread, code, flags, _, address, number, *info, context_size, context_at = read
    return RawException(thread, code, flags, address, tuple(info[: min(number, 15)]), (context_at, context_size))


def modules(dump: Dump, arch: str | None) -> tuple[BinaryImage, ...]:
    """The executables and libraries in their order, MAX_MODULES at most; the program itself is the first."""
    found = []
    for base, size, _, _, name, record_size, record_at in dump.entries(dump.stream(MODULES), _MODULE, MAX_MODULES):
        path = dump.string(name)
        found.append(
            BinaryImage(
                name=values.basename(path),
                path=path,
                debug_id=_debug_id(dump, record_at, record_size),
                arch=arch,
                address=base,
                size=size,
            )
        )
    return tuple(found)


def program(images: tuple[BinaryImage, ...]) -> str | None:
    """The name of the program: the first image, but not the loader, which a simulator lists before it."""
    names = [image.name for image in images[:8] if image.name]
    return next((name for name in names if name not in _LOADERS), names[0] if names else None)


def _debug_id(dump: Dump, at: int, size: int) -> str | None:
    """What the CodeView record names the image by, as Breakpad writes it, or ELF's build id in hex."""
    content = dump.plain((at, size), 256) if at and at + size <= dump.size else b""
    if len(content) < 16:
        return None
    kind = _U32.unpack_from(content)[0]
    if kind == _PDB70 and len(content) >= 24 and any(content[4:20]):
        return _guid_and_age(content[4:20], _U32.unpack_from(content, 20)[0])
    if kind == _PDB20:
        _, timestamp, age = struct.unpack_from("<III", content, 4)
        return f"{timestamp:08X}{age:x}"
    build_id = content[4:68]
    if kind == _ELF and any(build_id):
        # of a UUID's length it would be taken for one, which is spelled in another order
        return _guid_and_age(build_id, 0) if len(build_id) == 16 else build_id.hex()
    return None


def _guid_and_age(guid: bytes, age: int) -> str:
    return f"{UUID(bytes_le=guid).hex.upper()}{age:x}"


def regions(dump: Dump) -> Regions:
    """The memory in the dump, MAX_REGIONS ranges at most."""
    found = list(dump.entries(dump.optional_stream(MEMORY), _REGION, MAX_REGIONS))
    place = dump.optional_stream(MEMORY_64)
    head = dump.unpack(_REGIONS_64, place[0]) if place and place[1] >= _REGIONS_64.size else None
    if place and head:
        at = head[1]
        held = min(head[0], (place[1] - _REGIONS_64.size) // _REGION_64.size, MAX_REGIONS)
        for index in range(held):
            start, size = _REGION_64.unpack_from(dump.raw, place[0] + _REGIONS_64.size + index * _REGION_64.size)
            found.append((start, size, at))
            at += size
    return Regions(sorted((start, size, at) for start, size, at in found if size and at < dump.size))


def executable(dump: Dump) -> list[tuple[int, int]]:
    """The ranges of executable memory, by Linux's list of mappings or Windows' of regions; empty when the dump has none."""
    maps = dump.plain(dump.optional_stream(LINUX_MAPS), MAX_MAPS)
    found = [(int(start, 16), int(end, 16)) for start, end in _MAPPING.findall(maps)]
    place = dump.optional_stream(MEMORY_INFO)
    head = dump.unpack(_MEMORY_INFO_HEAD, place[0]) if place and place[1] >= _MEMORY_INFO_HEAD.size else None
    if place and head and head[1] >= _MEMORY_INFO.size:
        for index in range(min(head[2], (place[1] - head[0]) // head[1], MAX_REGIONS)):
            region = dump.unpack(_MEMORY_INFO, place[0] + head[0] + index * head[1])
            if region and region[2] == _COMMITTED and region[3] & _EXECUTABLE:
                found.append((region[0], region[0] + region[1]))
    return found


def process(dump: Dump) -> tuple[int | None, int | None]:
    """(process id, its start in seconds since 1970), each None when it is unknown."""
    place = dump.optional_stream(MISC)
    read = dump.unpack(_MISC, place[0]) if place and place[1] >= 16 else None
    number, start = None, None
    if read:
        _, flags, number, start, _ = read
        number, start = (number if flags & 1 else None), (start if flags & 2 and start else None)
    if number is None:
        match = _PID.search(dump.plain(dump.optional_stream(LINUX_STATUS), 4_096))
        number = int(match[1]) if match else None
    return number, start


def requesting_thread(dump: Dump) -> int | None:
    """The thread that Breakpad wrote the dump of."""
    place = dump.optional_stream(BREAKPAD)
    read = dump.unpack(_BREAKPAD, place[0]) if place and place[1] >= _BREAKPAD.size else None
    return read[2] if read and read[0] & 2 else None


def assertion(dump: Dump) -> str | None:
    """The assertion of a C runtime that failed, as Breakpad keeps it: expression and function."""
    content = dump.plain(dump.optional_stream(ASSERTION), 3 * 256)
    texts = [content[at : at + 256].decode("utf-16-le", "replace").partition("\0")[0] for at in (0, 256)]
    return values.text(" in ".join(text for text in texts if text)) if len(content) == 3 * 256 else None

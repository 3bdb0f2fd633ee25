"""Minidumps made of numbers: what the tests and the samples are written with.

`.venv/bin/python -m tests.minidumps` writes the samples anew.
"""

import struct
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from app.samples import FOLDER

LINUX, ANDROID, WINDOWS, MACOS = 0x8201, 0x8203, 2, 0x8101
X86, ARM, X86_64, ARM64 = 0, 5, 9, 12
TIME = 1_536_840_000  # 2018-09-13T12:00:00Z
GUID = UUID("0f3a51c2-7b64-4d1e-9c58-3e2a7d9b1c40")


@dataclass
class Module:
    base: int
    size: int
    path: str
    record: bytes = b""  # CodeView


@dataclass
class DumpThread:
    id: int
    context: bytes = b""
    stack_at: int = 0
    words: tuple[int, ...] = ()
    name: str | None = None


@dataclass
class Spec:
    cpu: int = X86_64
    platform: int = LINUX
    version: tuple[int, int, int] = (6, 1, 0)
    csd: str = "#1 SMP"
    modules: list[Module] = field(default_factory=list)
    threads: list[DumpThread] = field(default_factory=list)
    exception: tuple[int, int, int, int, tuple[int, ...]] | None = None  # thread, code, flags, address, info
    width: int = 8  # bytes of a word on the stacks
    stacks_in_list: bool = False  # in the list of memory alone, not with the threads
    streams: dict[int, bytes] = field(default_factory=dict)  # more of them
    crashpad: dict[str, str] | None = None  # simple annotations
    process: tuple[int, int] | None = (4711, TIME - 60)  # id, start


def pdb70(name: bytes = b"shop.pdb", guid: UUID = GUID, age: int = 3) -> bytes:
    return b"RSDS" + guid.bytes_le + struct.pack("<I", age) + name + b"\0"


def elf(build_id: bytes) -> bytes:
    return b"LEpB" + build_id


def context(cpu: int, **registers: int) -> bytes:
    """A context with these registers, the others 0."""
    sizes = {X86: 716, ARM: 368, X86_64: 1232, ARM64: 912}
    places = {
        X86: {"ebp": 180, "eip": 184, "esp": 196},
        ARM: {"r7": 4 + 28, "r11": 4 + 44, "sp": 4 + 52, "lr": 4 + 56, "pc": 4 + 60},
        X86_64: {"rax": 120, "rsp": 152, "rbp": 160, "rip": 248},
        ARM64: {"x0": 8, "fp": 8 + 29 * 8, "lr": 8 + 30 * 8, "sp": 8 + 31 * 8, "pc": 8 + 32 * 8},
    }
    made = bytearray(sizes[cpu])
    for name, value in registers.items():
        struct.pack_into("<I" if cpu in (X86, ARM) else "<Q", made, places[cpu][name], value)
    return bytes(made)


class _File:
    def __init__(self) -> None:
        self.content = bytearray(32)

    def put(self, piece: bytes) -> int:
        self.content += bytes(-len(self.content) % 8)
        self.content += piece
        return len(self.content) - len(piece)

    def string(self, text: str) -> int:
        encoded = text.encode("utf-16-le")
        return self.put(struct.pack("<I", len(encoded)) + encoded + b"\0\0")

    def utf8(self, text: str) -> int:
        return self.put(struct.pack("<I", len(text.encode())) + text.encode() + b"\0")


def dump(spec: Spec) -> bytes:
    """The bytes of the minidump."""
    file, streams, memory, threads = _File(), dict(spec.streams), [], []
    contexts = {}
    for thread in spec.threads:
        words = struct.pack(f"<{len(thread.words)}{'Q' if spec.width == 8 else 'I'}", *thread.words)
        stack_at = file.put(words) if words else 0
        contexts[thread.id] = (len(thread.context), file.put(thread.context) if thread.context else 0)
        if words:
            memory.append(struct.pack("<QII", thread.stack_at, len(words), stack_at))
        own = (0, 0) if spec.stacks_in_list else (len(words), stack_at)
        threads.append(struct.pack("<IIIIQQIIII", thread.id, 0, 0, 0, 0, thread.stack_at, *own, *contexts[thread.id]))
    streams[3] = struct.pack("<I", len(threads)) + b"".join(threads)
    streams[5] = struct.pack("<I", len(memory)) + b"".join(memory)
    modules = []
    for module in spec.modules:
        record = (len(module.record), file.put(module.record)) if module.record else (0, 0)
        name = file.string(module.path)
        modules.append(struct.pack("<QIIII52xIIII16x", module.base, module.size, 0, TIME, name, *record, 0, 0))
    streams[4] = struct.pack("<I", len(modules)) + b"".join(modules)
    if spec.exception:
        thread_id, code, flags, address, info = spec.exception
        padded = (*info, *[0] * (15 - len(info)))
        raised = struct.pack("<IIQQI4x15Q", code, flags, 0, address, len(info), *padded)
        streams[6] = struct.pack("<I4x", thread_id) + raised + struct.pack("<II", *contexts.get(thread_id, (0, 0)))
    streams[7] = struct.pack(
        "<HHHBBIIIII28x", spec.cpu, 6, 0, 8, 1, *spec.version, spec.platform, file.string(spec.csd)
    )
    if spec.process:
        streams[15] = struct.pack("<IIIIII", 24, 3, *spec.process, 0, 0)
    named = [struct.pack("<IQ", each.id, file.string(each.name)) for each in spec.threads if each.name]
    if named:
        streams[24] = struct.pack("<I", len(named)) + b"".join(named)
    if spec.crashpad is not None:
        pairs = [struct.pack("<II", file.utf8(key), file.utf8(value)) for key, value in spec.crashpad.items()]
        simple = struct.pack("<I", len(pairs)) + b"".join(pairs)
        place = file.put(simple)
        streams[0x43500001] = struct.pack("<I16s16sIIII", 1, GUID.bytes_le, GUID.bytes_le, len(simple), place, 0, 0)
    directory = [struct.pack("<III", kind, len(content), file.put(content)) for kind, content in streams.items()]
    place = file.put(b"".join(directory))
    struct.pack_into("<4sIIIIIQ", file.content, 0, b"MDMP", 0xA793, len(directory), place, 0, TIME, 0)
    return bytes(file.content)


def linux_spec() -> Spec:
    """A null write in a Linux program: two frames by frame pointer, one more found on the stack."""
    stack = 0x7FFC_0000_1000
    words = (
        0, stack + 0x20, 0x5566_0000_1010, 0,  # at +0: rsp; +8: first record
        stack + 0x2000, 0x5566_0000_1230,  # at +0x20: a frame pointer that leads out of the stack
        7, 0x7F12_0000_2345, 0x7F12_0000_0000,  # by search; the start of an image is no return address
    )  # fmt: skip
    return Spec(
        modules=[
            Module(0x5566_0000_0000, 0x4000, "/opt/shop/bin/shopd", elf(bytes(range(1, 21)))),
            Module(0x7F12_0000_0000, 0x8000, "/usr/lib/libc.so.6", elf(bytes(range(41, 61)))),
        ],
        threads=[
            DumpThread(4712, context(X86_64, rip=0x7F12_0000_3000, rsp=stack + 0x4000, rbp=0)),
            DumpThread(
                4711, context(X86_64, rip=0x5566_0000_1100, rsp=stack, rbp=stack + 8, rax=0), stack, words, "checkout"
            ),
        ],
        exception=(4711, 11, 1, 0x10, ()),
        crashpad={"prod": "Shop", "ver": "2.4.1", "channel": "beta"},
        streams={
            0x47670009: b"556600001000-556600002000 r-xp 00001000 08:01 17 /opt/shop/bin/shopd\n"
            b"7f1200002000-7f1200004000 r-xp 00002000 08:01 18 /usr/lib/libc.so.6\n"
            b"7ffc00000000-7ffc00010000 rw-p 00000000 00:00 0 [stack]\n",
            0x63710001: b'{"guid":"6d0c2f1a","comment":"at the till"}',
        },
    )


def windows_spec() -> Spec:
    """An access violation of a 32-bit Windows program."""
    stack = 0x0012_F000
    return Spec(
        cpu=X86, platform=WINDOWS, version=(10, 0, 19045), csd="", width=4,
        modules=[
            Module(0x0040_0000, 0x20000, "C:\\Program Files\\Shop\\shop.exe", pdb70()),
            Module(0x7600_0000, 0x10000, "C:\\Windows\\System32\\kernel32.dll", pdb70(b"kernel32.pdb", age=1)),
        ],
        threads=[
            DumpThread(
                900, context(X86, eip=0x0040_1234, esp=stack, ebp=stack + 4), stack,
                (1, stack + 0x10, 0x0040_2222, 5, 0, 0x7600_1111),
            ),
        ],
        exception=(900, 0xC0000005, 0, 0x0040_1234, (1, 0xFFFF_FFFF_0000_0045)),
    )  # fmt: skip


def streams_of(raw: bytes | bytearray) -> list[tuple[int, int]]:
    """(type, place) of the streams of a dump, in the order of its directory."""
    number, directory = struct.unpack_from("<II", raw, 8)
    return [(kind, at) for kind, _, at in struct.iter_unpack("<III", raw[directory : directory + 12 * number])]


SAMPLES = {"linux-null-write.dmp": linux_spec, "windows-access-violation.dmp": windows_spec}


if __name__ == "__main__":
    folder: Path = FOLDER / "minidump"
    folder.mkdir(exist_ok=True)
    for name, spec in SAMPLES.items():
        (folder / name).write_bytes(dump(spec()))

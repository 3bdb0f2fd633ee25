"""Files of symbols that are made to do harm, and an ELF file with the DWARF sections that a test gives."""

import struct
import zlib

BREAKPAD = b"MODULE Linux x86_64 0102030405060708090A0B0C0D0E0F100 cart\nFILE 0 /src/cart.c\nINLINE_ORIGIN 0 total\n"
COMPRESSED = 0x800
NAME, LOW, HIGH, LINES, ORIGIN, CALL_FILE, CALL_LINE = 0x03, 0x11, 0x12, 0x10, 0x31, 0x58, 0x59
STRING, ADDRESS, DATA1, DATA8, REF4, OFFSET = 0x08, 0x01, 0x0B, 0x07, 0x13, 0x17


def elf(*sections: tuple[str, bytes, int]) -> bytes:
    """An ELF file of a build id and these sections: name, bytes, flags."""
    note = struct.pack("<III", 4, 20, 3) + b"GNU\0" + bytes(range(20))
    listed = [
        ("", b"", 0, 0),
        (".note.gnu.build-id", note, 7, 0),
        *((name, raw, 1, flags) for name, raw, flags in sections),
    ]
    names = b"".join(name.encode() + b"\0" for name, *_ in listed)
    listed.append((".shstrtab", names + b".shstrtab\0", 3, 0))
    out, heads, at = bytearray(64), b"", 0
    for name, raw, kind, flags in listed:
        heads += struct.pack("<IIQQQQIIQQ", at, kind, flags, 0, len(out), len(raw), 0, 0, 1, 0)
        at += len(name) + 1
        out += raw + bytes(-len(raw) % 8)
    head = struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0x1000, 0, len(out), 0, 64, 0, 0, 64, len(listed), len(listed) - 1)
    out[:64] = b"\x7fELF\2\1\1" + bytes(9) + head
    return bytes(out + heads)


def _abbreviation(code: int, tag: int, *attributes: tuple[int, int]) -> bytes:
    return bytes([code, tag, 1, *(byte for pair in attributes for byte in pair), 0, 0])


ABBREVIATIONS = (
    _abbreviation(1, 0x11, (NAME, STRING), (LINES, OFFSET), (LOW, ADDRESS), (HIGH, DATA8))
    + _abbreviation(2, 0x2E, (NAME, STRING), (LOW, ADDRESS), (HIGH, DATA8))
    + _abbreviation(3, 0x1D, (ORIGIN, REF4), (LOW, ADDRESS), (HIGH, DATA8), (CALL_FILE, DATA1), (CALL_LINE, DATA1))
    + _abbreviation(4, 0x2E, (ORIGIN, REF4), (LOW, ADDRESS), (HIGH, DATA8))
    + b"\0"
)
UNIT = b"\1cart.c\0" + struct.pack("<IQQ", 0, 0x1000, 0xFFFFFF)
SPAN = struct.pack("<QQ", 0x1000, 0xFFFF)
FUNCTION = b"\2total\0" + SPAN
FIRST = 11 + len(UNIT)  # where the first function of a unit stands
ROWS = b"\0\x09\x02" + struct.pack("<Q", 0x1000) + b"\x20\x21\x22\x02\x10\0\1\1"


def unit(entries: bytes) -> bytes:
    """A unit of DWARF 4 with these entries."""
    body = struct.pack("<HIB", 4, 0, 8) + UNIT + entries + b"\0\0"
    return struct.pack("<I", len(body)) + body


def lines(program: bytes) -> bytes:
    """A table of lines, of this program."""
    head = b"\1\1\1\xfb\x0e\x0d" + bytes([0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1]) + b"\0cart.c\0\0\0\0\0"
    body = struct.pack("<HI", 4, len(head)) + head + program
    return struct.pack("<I", len(body)) + body


def dwarf(entries: bytes = FUNCTION + b"\0", program: bytes = ROWS, units: int = 1) -> bytes:
    """An ELF file with DWARF of these entries."""
    return elf(
        (".debug_info", unit(entries) * units, 0),
        (".debug_abbrev", ABBREVIATIONS, 0),
        (".debug_line", lines(program), 0),
    )


def packed(unpacked: int, told: int) -> bytes:
    """An ELF file whose entries are compressed zeros, and say that they unpack to `told` bytes."""
    packer = zlib.compressobj(9)
    raw = b"".join(packer.compress(bytes(2**20)) for _ in range(unpacked >> 20)) + packer.flush()
    head = struct.pack("<IIQQ", 1, 0, told, 1)
    return elf(
        (".debug_info", head + raw, COMPRESSED), (".debug_abbrev", ABBREVIATIONS, 0), (".debug_line", lines(ROWS), 0)
    )


def inlined(depth: int) -> bytes:
    """A Breakpad file of a function in which calls are inlined so many deep."""
    calls = b"".join(b"INLINE %d 1 0 0 1000 100\n" % level for level in range(depth))
    return BREAKPAD + b"FUNC 1000 100 0 main\n" + calls + b"1000 100 1 0\n"


def circle(entries: int) -> bytes:
    """Functions each of which says that it comes of the next one, the last one of the first."""
    size = 22
    return dwarf(
        b"".join(b"\4" + struct.pack("<I", FIRST + (at + 1) % entries * size) + SPAN + b"\0" for at in range(entries))
    )


def source_map_of(mappings: bytes = b"AAAA", more: bytes = b"") -> bytes:
    """A source map with these mappings, and what else stands in its object."""
    return b'{"version":3,"file":"main.js","sources":["a"],"names":[],"mappings":"' + mappings + b'"' + more + b"}"


DEADLY = {
    "inlined calls 200,000 deep": lambda: inlined(200_000),
    "functions 100,000 deep": lambda: dwarf(FUNCTION * 100_000),
    "inlined entries 100,000 deep": lambda: dwarf(
        FUNCTION + (b"\3" + struct.pack("<I", FIRST) + SPAN + b"\1\1") * 100_000
    ),
    "a chain of 100,000 origins": lambda: circle(100_000),
    "entries that say they unpack to 2^40 bytes": lambda: packed(2**20, 2**40),
    "entries that say they unpack to 2^62 bytes": lambda: packed(2**20, 2**62),
    "entries that unpack to 512 MiB": lambda: packed(2**29, 2**29),
    "a table of 10 million lines": lambda: dwarf(program=ROWS[:11] + b"\x21" * 10_000_000 + b"\0\1\1"),
    "20 million empty objects in a source map": lambda: source_map_of(more=b',"x":[' + b"{}," * 20_000_000 + b"0]"),
    "11 million places in a source map": lambda: source_map_of(b"A," * 11_000_000),
}
"""What ended the process that reads it, or made it take some hundred times the file's size."""

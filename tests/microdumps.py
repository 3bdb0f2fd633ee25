"""Microdumps made of numbers: what the tests and the sample are written with.

`.venv/bin/python -m tests.microdumps` writes the sample anew.
"""

import struct

from app.samples import FOLDER
from tests.minidumps import ARM64, context

NOTES, LIBC = 0x7A10400000, 0x7A10800000
STACK = 0x7FD0001000
IDS = {
    "app_process64": "7C1E4F2A3B5D60718293A4B5C6D7E8F90",
    "libnotes.so": "0F3A51C27B644D1E9C583E2A7D9B1C400",
    "libc.so": "5B2C7D1E8F90413AB6C4D5E6F708192A0",
}
FINGERPRINT = "acme/tablet/tab7:14/UP1A.231005.007/1234:user/release-keys"


def chunks(start: int, content: bytes, size: int = 384) -> list[str]:
    return [f"S {start + at:016X} {content[at : at + size].hex().upper()}" for at in range(0, len(content), size)]


def lines(reason: str | None = "R 0000000B SIGSEGV 0000000000000010", words: dict[int, int] | None = None) -> list[str]:
    """A crash in libnotes.so, which libc called: by the registers, the link register, a frame pointer and a word on the stack."""
    on_stack = {0x20: 0x40, 0x28: NOTES + 0x3ABC, 0x40: 0, 0x48: 0, **(words or {0x60: LIBC + 0x7F10})}
    memory = bytearray(512)
    for at, word in on_stack.items():
        struct.pack_into("<Q", memory, at, STACK + word if at == 0x20 else word)
    registers = context(ARM64, pc=NOTES + 0x1234, lr=NOTES + 0x2340, sp=STACK + 0x10, fp=STACK + 0x20, x0=0x10)
    return [
        "-----BEGIN BREAKPAD MICRODUMP-----",
        "V Notes:2.4.1",
        f"O A arm64 08 aarch64 {FINGERPRINT}",
        "P browser",
        *([reason] if reason else []),
        "G UNKNOWN",
        f"S 0 {STACK + 0x10:016X} {STACK:016X} {len(memory):016X}",
        *chunks(STACK, bytes(memory)),
        f"C {registers.hex().upper()}",
        f"M {0x5500000000:016X} {0:016X} {0x8000:016X} {IDS['app_process64']} app_process64",
        f"M {NOTES:016X} {0:016X} {0x10000:016X} {IDS['libnotes.so']} libnotes.so",
        f"M {LIBC:016X} {0:016X} {0xC0000:016X} {IDS['libc.so']} libc.so",
        "-----END BREAKPAD MICRODUMP-----",
    ]


def in_logcat(texts: list[str], pid: int = 4711) -> str:
    """As `logcat -v threadtime -v year -v UTC` prints them, with lines of another program between."""
    made = []
    for number, text in enumerate(texts):
        made.append(f"2018-09-13 12:00:00.{number:03d} +0000  {pid}  {pid} F google-breakpad: {text}")
        if number % 4 == 1:
            made.append(f"2018-09-13 12:00:00.{number:03d} +0000  900   901 I shop    : M 1 of 7 orders")
    return "\n".join(made) + "\n"


if __name__ == "__main__":
    folder = FOLDER / "microdump"
    folder.mkdir(exist_ok=True)
    (folder / "null-read.txt").write_text(in_logcat(lines()))

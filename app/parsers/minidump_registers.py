"""The registers of a thread in a minidump: CONTEXT of x86, x86-64, ARM and ARM64.

Source: winnt.h (CONTEXT) and the layouts that Breakpad and Crashpad write; ARM64 in both of Breakpad's, which differ only
in their flags. Left out on purpose: floating point and vector registers, segment and debug registers.
"""

import struct
from typing import NamedTuple


class Cpu(NamedTuple):
    """How a processor's context and stack are read."""

    name: str
    width: int  # bytes of a word
    pc: str
    sp: str
    fp: str
    lr: str | None  # the register that holds the return address, where there is one
    places: tuple[tuple[str, int], ...]  # register name -> where it stands in the context
    saved: tuple[str, ...] = ()  # that a function leaves as they were


def _in_row(names: str, first: int, width: int) -> tuple[tuple[str, int], ...]:
    return tuple((name, first + index * width) for index, name in enumerate(names.split()))


_X86 = Cpu(
    "x86", 4, "eip", "esp", "ebp", None,
    (*_in_row("edi esi ebx edx ecx eax ebp eip", 156, 4), ("eflags", 192), ("esp", 196)),
    ("ebx", "esi", "edi", "ebp"),
)  # fmt: skip
_X86_64 = Cpu(
    "x86_64", 8, "rip", "rsp", "rbp", None,
    _in_row("rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15 rip", 120, 8),
    ("rbx", "rbp", "r12", "r13", "r14", "r15"),
)  # fmt: skip
_ARM_NAMES = " ".join(f"r{number}" for number in range(13)) + " sp lr pc cpsr"
_ARM = Cpu("arm", 4, "pc", "sp", "r11", "lr", _in_row(_ARM_NAMES, 4, 4), tuple(f"r{number}" for number in range(4, 12)))
_ARM64_NAMES = " ".join(f"x{number}" for number in range(29)) + " fp lr sp pc"
_ARM64_SAVED = (*(f"x{number}" for number in range(19, 29)), "fp")
_ARM64 = Cpu("arm64", 8, "pc", "sp", "fp", "lr", _in_row(_ARM64_NAMES, 8, 8), _ARM64_SAVED)

_BY_NUMBER = {0: _X86, 5: _ARM, 9: _X86_64, 12: _ARM64, 0x8003: _ARM64}
_WORDS = {4: struct.Struct("<I"), 8: struct.Struct("<Q")}


def cpu_of(number: int, *, is_apple: bool) -> Cpu | None:
    """The processor by its number in the system information; None for one whose registers are not read."""
    cpu = _BY_NUMBER.get(number)
    return cpu._replace(fp="r7") if cpu is _ARM and is_apple else cpu


def cpu_named(name: str) -> Cpu | None:
    """The same by its name."""
    return next((cpu for cpu in _BY_NUMBER.values() if cpu.name == name), None)


def read_registers(raw: bytes, cpu: Cpu | None, place: tuple[int, int]) -> dict[str, int]:
    """Register name -> value out of the context at (place, size); empty when it is missing, too small or cut short."""
    at, size = place
    if cpu is None or at + size > len(raw) or size < max(there for _, there in cpu.places) + cpu.width:
        return {}
    word = _WORDS[cpu.width]
    return {name: word.unpack_from(raw, at + there)[0] for name, there in cpu.places}

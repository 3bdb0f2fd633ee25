"""The calls on a minidump's stacks: the registers first, then frame pointers, then words that look like return addresses.

There are no unwind tables in a minidump, so each frame's note says how it was found. Words are taken for return addresses
only where they point into a loaded image, and, where the dump holds Linux's list of mappings, into executable memory.
"""

import struct
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter

from app.crashes.log import BinaryImage, Frame
from app.parsers import values
from app.parsers.minidump_registers import Cpu

BY_REGISTERS = "from the registers"
BY_LINK = "by the link register: may be of an earlier call"
BY_POINTER = "by frame pointer"
BY_SEARCH = "found by searching the stack: may be of an earlier call"

MAX_WALKED = 10_000  # frames of one stack, of which values.bounded keeps the ends
MAX_SEARCHED = 64  # frames of one stack that were found by searching
SEARCH_WORDS = 256  # words without a return address after which a search ends
HEADER = 0x100  # bytes at the start of an image that are never code: ELF's, PE's and Mach-O's headers are larger
BUDGET = 200_000  # words read of all stacks: many threads may name one stack

_WORDS = {4: struct.Struct("<I"), 8: struct.Struct("<Q")}
Range = tuple[int, int]


class Code:
    """Where the code of the process lies."""

    def __init__(
        self, cpu: Cpu, images: tuple[BinaryImage, ...], executable: list[Range], *, is_windows: bool = False
    ) -> None:
        # There, and in 32 bits, functions without a frame pointer use its register for anything: 0 ends no chain.
        self.may_end_by_zero = not (is_windows and cpu.name == "x86")
        self._images = sorted(
            ((image.address, image.address + image.size, image) for image in images if image.address and image.size),
            key=itemgetter(0, 1),
        )
        self._executable = sorted(executable)
        highest = max((end for _, end, _ in self._images), default=0)
        # ARM64 signs return addresses in the bits above those that addresses have; ARM marks Thumb code in the lowest.
        self._mask = (1 << highest.bit_length()) - 1 if cpu.name == "arm64" and highest else values.MAX_ADDRESS
        if cpu.name == "arm":
            self._mask &= ~1

    def place(self, word: int) -> int:
        """The address in a word that is a return address."""
        return word & self._mask

    def image(self, address: int) -> BinaryImage | None:
        """The image that holds the address."""
        at = bisect_right(self._images, address, key=itemgetter(0)) - 1
        return self._images[at][2] if at >= 0 and address < self._images[at][1] else None

    def holds(self, address: int) -> bool:
        """True where a call may return to."""
        image = self.image(address)
        if image and address - (image.address or 0) < HEADER:
            return False
        if not self._executable:
            return image is not None
        at = bisect_right(self._executable, address, key=itemgetter(0)) - 1
        return at >= 0 and address < self._executable[at][1]

    def frame(self, address: int, note: str) -> Frame:
        """The frame at that address."""
        image, guess = self.image(address), True if note == BY_SEARCH else None
        if image is None or image.address is None:
            return Frame(address=address, note=note, is_guess=guess)
        return Frame(
            image=image.name,
            address=address,
            image_address=image.address,
            offset=address - image.address,
            note=note,
            is_guess=guess,
        )


@dataclass
class StackBudget:
    """Words that may still be read."""

    words: int = BUDGET


class Stack:
    """The memory of one stack: `size` bytes from the address `start`, which lie at `at` in the bytes."""

    def __init__(self, raw: bytes, width: int, start: int, size: int, at: int, budget: StackBudget) -> None:
        self._raw, self._start, self._at, self._budget = raw, start, at, budget
        self._size = min(size, max(0, len(raw) - at))
        self._word, self._width = _WORDS[width], width

    def word(self, address: int) -> int | None:
        """The word at that address; None outside of the stack, and when the budget is spent."""
        within = address - self._start
        if within < 0 or within + self._width > self._size or self._budget.words <= 0:
            return None
        self._budget.words -= 1
        found: int = self._word.unpack_from(self._raw, self._at + within)[0]
        return found


def walk(cpu: Cpu, registers: Mapping[str, int], stack: Stack | None, code: Code) -> tuple[Frame, ...]:
    """The frames of a thread, the innermost first; `stack` None leaves those that the registers tell."""
    pc, sp, fp = registers[cpu.pc], registers[cpu.sp], registers[cpu.fp]
    frames = [code.frame(pc, BY_REGISTERS)]
    link = code.place(registers[cpu.lr]) if cpu.lr else 0
    if link and link != pc and code.holds(link):
        frames.append(code.frame(link, BY_LINK))
    if stack is None:
        return tuple(frames)
    if not cpu.lr and not code.holds(pc):  # a call to nowhere has made no frame of its own
        back = stack.word(sp)
        if back is not None and code.holds(code.place(back)):
            frames.append(code.frame(code.place(back), BY_SEARCH))
            sp += cpu.width
    searched = 0
    while len(frames) < MAX_WALKED:
        saved, word = (stack.word(fp), stack.word(fp + cpu.width)) if fp >= sp else (None, None)
        if saved is not None and word is not None:
            back = code.place(word)
            if code.holds(back):
                if back != frames[-1].address or frames[-1].note != BY_LINK:
                    frames.append(code.frame(back, BY_POINTER))
                sp, fp = fp + 2 * cpu.width, saved
                if saved == 0 and code.may_end_by_zero:
                    break
                continue
            if frames[-1].note == BY_POINTER and not (saved and word) and (code.may_end_by_zero or not word):
                break  # the outermost call: nothing called it
        at = _search(stack, sp, cpu.width, code) if searched < MAX_SEARCHED else None
        if at is None:
            break
        searched += 1
        frames.append(code.frame(code.place(stack.word(at) or 0), BY_SEARCH))
        sp = at + cpu.width
        below = stack.word(at - cpu.width)  # where a function keeps its caller's frame pointer, if it does
        if below is not None and below > at and stack.word(below) is not None:
            fp = below
    return values.bounded(frames)


def _search(stack: Stack, start: int, width: int, code: Code) -> int | None:
    """Where the next word stands that points into code."""
    start = -(-start // width) * width
    for at in range(start, start + SEARCH_WORDS * width, width):
        word = stack.word(at)
        if word is None:
            return None
        if code.holds(code.place(word)):
            return at
    return None

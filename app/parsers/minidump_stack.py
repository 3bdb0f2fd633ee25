"""The calls on a minidump's stacks: the registers first, then call frame information, frame pointers, a search of the stack.

There are no unwind tables in a minidump, so each frame's note says how it was found. Where the app's symbols have call frame
information of the image that a frame is in, it tells the caller (`find`; a digest walks a second time with it). Else words
are taken for return addresses only where they point into code: into a loaded image, into executable memory where the dump
lists that, and into a function where the image's call frame information lists those.
"""

import struct
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import itemgetter

from app.crashes.log import BinaryImage, CallFrameRules, Frame
from app.parsers import values
from app.parsers.minidump_registers import Cpu
from app.parsers.unwind_rules import Outermost, caller
from app.parsers.unwind_windows import BEGINNING, frame_of, windows_caller

BY_REGISTERS = "from the registers"
BY_RULES = "by call frame information"
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
FindRules = Callable[[BinaryImage], CallFrameRules | None]


class Code:
    """Where the code of the process lies."""

    def __init__(
        self,
        cpu: Cpu,
        images: tuple[BinaryImage, ...],
        executable: list[Range],
        find: FindRules | None = None,
        *,
        is_windows: bool = False,
    ) -> None:
        # There, and in 32 bits, functions without a frame pointer use its register for anything: 0 ends no chain.
        self.may_end_by_zero = not (is_windows and cpu.name == "x86")
        self._images = sorted(
            ((image.address, image.address + image.size, image) for image in images if image.address and image.size),
            key=itemgetter(0, 1),
        )
        self._executable = sorted(executable)
        self._find = find
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
        table = self._find(image) if image and self._find else None
        if image and table and table.at(address - 1 - (image.address or 0)) is None:
            return False
        if not self._executable:
            return image is not None
        at = bisect_right(self._executable, address, key=itemgetter(0)) - 1
        return at >= 0 and address < self._executable[at][1]

    def rules(self, address: int) -> str | None:
        """How the frame of the instruction at that address is left, where that is known."""
        image = self.image(address)
        table = self._find(image) if image and self._find else None
        return table.at(address - (image.address or 0)) if image and table else None

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


def walk_stack(cpu: Cpu, registers: Mapping[str, int], stack: Stack | None, code: Code) -> tuple[Frame, ...]:
    """The frames of a thread, the innermost first; `stack` None leaves those that the registers tell."""
    return _Walk(cpu, registers, stack, code).frames()


class _Walk:
    """The walk of one stack."""

    def __init__(self, cpu: Cpu, registers: Mapping[str, int], stack: Stack | None, code: Code) -> None:
        self._cpu, self._stack, self._code = cpu, stack, code
        self._sp, self._fp = registers[cpu.sp], registers[cpu.fp]
        self._known: Mapping[str, int] | None = registers  # of the last frame, as far as they are known for certain
        self._pushed = 0  # bytes of parameters for the function that the last frame has called, on 32-bit Windows
        self._frames = [code.frame(registers[cpu.pc], BY_REGISTERS)]
        self._searched = 0
        self._is_outermost = False

    def frames(self) -> tuple[Frame, ...]:
        """The frames, the innermost first."""
        if not self._by_rules() and not self._is_outermost:
            self._begin()
        ways = (self._by_rules, self._by_pointer, self._by_search)
        while self._stack and len(self._frames) < MAX_WALKED:
            if self._is_outermost or not any(not self._is_outermost and way() for way in ways):
                break
        return values.bounded(self._frames)

    def _add(self, address: int, note: str) -> None:
        self._frames.append(self._code.frame(address, note))

    def _by_rules(self) -> bool:
        """The caller of the last frame by call frame information; sets `_is_outermost` where it says that there is none."""
        if self._known is None:
            return False
        known, cpu, stack = self._known, self._cpu, self._stack
        is_first = len(self._frames) == 1
        rules = self._code.rules(known[cpu.pc] - (not is_first))
        if rules is None:
            return False
        read = stack.word if stack else _no_word
        try:
            if rules.startswith(BEGINNING):
                frame = frame_of(rules) if cpu.name == "x86" else None
                found = windows_caller(frame, known, self._pushed, read, self._code.holds) if frame else None
                pushed = frame.parameters if frame else 0
            else:
                found, pushed = caller(cpu, rules, known, read), 0
        except Outermost:
            self._is_outermost = True
            return False
        if found is None:
            return False
        back, sp = self._code.place(found[cpu.pc]), found[cpu.sp]
        is_leaf = is_first and cpu.lr is not None and sp == known[cpu.sp]
        if not (sp > known[cpu.sp] or is_leaf) or not self._code.holds(back):
            return False
        self._add(back, BY_RULES)
        self._known, self._pushed = {**found, cpu.pc: back}, pushed
        self._sp, self._fp = sp, found.get(cpu.fp, 0)
        return True

    def _begin(self) -> None:
        """What the registers tell of the first frame's caller."""
        cpu, known = self._cpu, self._known or {}
        pc = known[cpu.pc]
        link = self._code.place(known[cpu.lr]) if cpu.lr else 0
        if link and link != pc and self._code.holds(link):
            self._add(link, BY_LINK)
            self._known = None
        if self._stack and not cpu.lr and not self._code.holds(pc):  # a call to nowhere has made no frame of its own
            back = self._stack.word(self._sp)
            if back is not None and self._code.holds(self._code.place(back)):
                self._add(self._code.place(back), BY_SEARCH)
                self._sp += cpu.width
                self._known = {**known, cpu.pc: self._code.place(back), cpu.sp: self._sp}

    def _by_pointer(self) -> bool:
        """The caller by the frame pointer; sets `_is_outermost` where the chain ends."""
        cpu, stack, code, last = self._cpu, self._stack, self._code, self._frames[-1]
        if stack is None or self._fp < self._sp:
            return False
        saved, word = stack.word(self._fp), stack.word(self._fp + cpu.width)
        if saved is None or word is None:
            return False
        back = code.place(word)
        if code.holds(back):
            if back != last.address or last.note != BY_LINK:
                self._add(back, BY_POINTER)
            self._sp, self._fp = self._fp + 2 * cpu.width, saved
            self._known, self._pushed = {cpu.pc: back, cpu.sp: self._sp, cpu.fp: saved}, 0
            self._is_outermost = saved == 0 and code.may_end_by_zero
            return True
        if last.note in (BY_POINTER, BY_RULES) and not (saved and word) and (code.may_end_by_zero or not word):
            self._is_outermost = True  # nothing called it
        return False

    def _by_search(self) -> bool:
        """The next word of the stack that points into code."""
        cpu, stack, code = self._cpu, self._stack, self._code
        at = _search(stack, self._sp, cpu.width, code) if stack and self._searched < MAX_SEARCHED else None
        if stack is None or at is None:
            return False
        self._searched += 1
        back = code.place(stack.word(at) or 0)
        self._add(back, BY_SEARCH)
        self._sp = at + cpu.width
        below = stack.word(at - cpu.width)  # where a function keeps its caller's frame pointer, if it does
        if below is not None and below > at and stack.word(below) is not None:
            self._fp = below
        self._known, self._pushed = {cpu.pc: back, cpu.sp: self._sp, cpu.fp: self._fp}, 0
        return True


def _no_word(_address: int) -> int | None:
    return None


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

"""The lines of an Apple text report: frames, registers, binary images. Source and fields: see apple_text.py."""

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import replace

from app.crashes.log import BinaryImage, Frame
from app.parsers import values
from app.parsers.apple_names import known

_MAX_LINE = 4_000  # characters of one line that are read
_INDEX = re.compile(r"\s{0,40}(\d{1,9})\s")
_ADDRESS = re.compile(r"(?<=\s)0x([0-9a-fA-F]{1,16})(?!\S)")
_LOADED = re.compile(r"(?:0x([0-9a-fA-F]{1,16})|0(?= ))(?: \+ (0x[0-9a-fA-F]{1,16}|\d{1,19}))?(?: +\((.*)\))?$")
_BARE_ADDRESS = re.compile(r"[0-9a-fA-F]{16}|[0-9a-fA-F]{8}")
_FULL_SYMBOL = re.compile(r"[ \t]{1,16}Full symbol:(.*)")  # Measure shortens names and sets the whole one below
_COMMENT = re.compile(r"\s//\s")  # some tools set the function behind the place: 0x1000 + 0x54	// -[Foo bar] + 0x8
_INNER_OFFSET = re.compile(r"\+ \d{1,19} (?=\()")  # symbolicatecrash leaves the image's: Cart::pay+ 24056 (int) + 12
_REGISTER = re.compile(r"(?<!\S)(\w{1,16}):\s{1,8}0x([0-9a-fA-F]{1,16})(?!\S)")
_RANGE = re.compile(r"\s{0,40}0x([0-9a-fA-F]{1,16}) {1,40}- {1,40}0x([0-9a-fA-F]{1,16})\s{1,8}\+?(.*)")
_DEBUG_ID = re.compile(r"<([0-9A-Fa-f]{32}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[0-9A-Fa-f]{40})>")
_ARCH = re.compile(r"armv\d\w{0,3}|arm64\w{0,3}|i386|x86_64h?|ppc\w{0,6}|unknown-arch")
_RAW_ADDRESS = re.compile(r"0x[0-9a-fA-F]{1,16}")


def frame_lines(lines: list[str]) -> tuple[Frame, ...]:
    """The frames among the lines; other lines are passed over, but for the whole name of the frame above."""
    frames: list[Frame] = []
    for line in _kept(lines):
        whole = _FULL_SYMBOL.match(line[:_MAX_LINE])
        if whole and frames and (frames[-1].function or "").endswith("..."):
            frames[-1] = replace(frames[-1], function=values.text(whole[1].strip()))
        elif frame := read_frame(line):
            frames.append(frame)
    return tuple(frames)


def _kept(lines: list[str]) -> list[str]:
    half = values.MAX_FRAMES // 2
    return lines if len(lines) <= values.MAX_FRAMES else lines[:half] + lines[-half:]


def read_frame(line: str) -> Frame | None:
    """One frame, or None when the line is none.

    Index, image (maybe with spaces, or ???), address, then `symbol + offset`, `load address + offset` or both.
    """
    line = line[:_MAX_LINE]
    index, at = _INDEX.match(line), None
    if index:
        at = _ADDRESS.search(line, index.end() - 1)
    if not index or not at:
        return None
    image = known(line[index.end() : at.start()])
    address = int(at[1], 16)
    rest = line[at.end() :].strip()
    comment = _COMMENT.search(rest)
    spoken = rest[comment.end() :].strip() if comment else None
    loaded = _LOADED.fullmatch(rest[: comment.start()].strip() if comment else rest)
    if not loaded:
        return _named(Frame(image=image, address=address), spoken or rest)
    base = int(loaded[1] or "0", 16)
    frame = Frame(image=image, address=address, image_address=base or None)
    spoken = loaded[3] or spoken
    return _named(frame, spoken) if spoken else replace(frame, offset=_number(loaded[2]))


def _named(frame: Frame, spoken: str) -> Frame:
    note = "inlined" if "[inlined]" in spoken else None
    spoken, file, line = _place(spoken.replace("[inlined]", "").strip())
    before, inside, after = spoken.partition(" (in ")
    if inside and ")" in after:
        spoken = before + after.partition(")")[2]  # atos and Xcode add the name of the image
    name, plus, digits = spoken.rpartition(" + ")
    offset = _number(digits) if plus else None
    function = known(_INNER_OFFSET.sub("", name if offset is not None else spoken, count=1))
    if function and _BARE_ADDRESS.fullmatch(function):
        return replace(frame, file=file, line=line)  # Measure's text sets the address where no name is known
    if function and function == frame.image and offset is not None and frame.address is not None:
        base = frame.address - offset  # the image stands for a function that was not found
        return replace(frame, image_address=base if base > 0 else None, offset=offset)
    start = frame.address - offset if frame.address is not None and offset is not None and function else -1
    return replace(
        frame,
        function=values.clean(function) if function else None,
        file=file,
        line=line,
        symbol_address=start if start >= 0 else None,
        offset=offset,
        note=note,
    )


def _number(digits: str | None) -> int | None:
    """A count in decimal, or in hex behind 0x."""
    found = values.address(digits)
    return found if found is not None and found < 2**63 else None


def _place(spoken: str) -> tuple[str, str | None, int | None]:
    opening = spoken.rfind("(")
    if not spoken.endswith(")") or opening < 0:
        return spoken, None, None
    file, colon, digits = spoken[opening + 1 : -1].rpartition(":")
    if not colon or not digits.isdecimal() or len(digits) > 9 or not file:
        return spoken, None, None
    return spoken[:opening].rstrip(), known(file), int(digits) or None


class Places:
    """Which image holds an address, by the list of images of one report."""

    def __init__(self, images: tuple[BinaryImage, ...]) -> None:
        located = sorted((image.address, number) for number, image in enumerate(images) if image.address is not None)
        self._images = [images[number] for _, number in located]
        self._starts = [start for start, _ in located]

    def place(self, frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
        """The frames with file name and load address of their image where the list tells them.

        macOS lists images by bundle identifier and cuts long names; the address finds the whole name.
        """
        return tuple(self._placed(frame) for frame in frames)

    def at(self, addresses: str) -> tuple[Frame, ...]:
        """The frames of a list "(0x1852b4000 0x1851b4000)"."""
        return self.place(tuple(Frame(address=int(word, 16)) for word in _kept(_RAW_ADDRESS.findall(addresses))))

    def _placed(self, frame: Frame) -> Frame:
        position = bisect_right(self._starts, frame.address) - 1 if frame.address is not None else -1
        if frame.address is None or position < 0:
            return frame
        image, base = self._images[position], self._starts[position]
        if frame.address - base >= (image.size or 0):
            return frame
        placed = replace(frame, image=image.name or frame.image, image_address=base)
        if frame.function is None or frame.function == image.name:  # a nameless one, whatever it was counted from
            return replace(placed, function=None, symbol_address=None, offset=frame.address - base)
        if frame.offset == frame.address - base:  # symbolicatecrash keeps the offset in the image beside the name
            return replace(placed, symbol_address=None, offset=None)
        return placed


def read_registers(lines: Iterable[str]) -> dict[str, int]:
    """Register name -> value out of the lines of a thread state."""
    return {name: int(digits, 16) for line in lines for name, digits in _REGISTER.findall(line[:_MAX_LINE])}


def read_image(line: str) -> BinaryImage | None:
    """One binary image, or None when the line is none. A list of images has it as `start - end name arch <id> path`."""
    found = _RANGE.match(line[:_MAX_LINE])
    if not found:
        return None
    start, end, rest = int(found[1], 16), int(found[2], 16), found[3]
    debug_id = _DEBUG_ID.search(rest)
    slash = rest.find(" /")
    middle = rest[: debug_id.start()] if debug_id else rest[:slash] if slash >= 0 else rest
    path = known(rest[debug_id.end() :] if debug_id else rest[slash + 1 :] if slash >= 0 else None)
    name, arch = _name_and_arch(middle.split("<")[0].strip())
    return BinaryImage(
        name=values.basename(path) or name,
        path=path if path and "/" in path else None,
        debug_id=debug_id[1] if debug_id else None,
        arch=arch,
        address=start,
        size=end - start + 1 if end >= start else None,
    )


def _name_and_arch(middle: str) -> tuple[str | None, str | None]:
    arch = None
    before, bracket, inner = middle.rpartition(" (")
    if bracket and inner.endswith(")"):
        middle = before.strip()
        arch = inner[:-1] if _ARCH.fullmatch(inner[:-1]) else None
    before, _, last = middle.rpartition(" ")
    if before and _ARCH.fullmatch(last):
        middle, arch = before, last
    return known(middle), None if arch == "unknown-arch" else arch

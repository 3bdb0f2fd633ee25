"""Threads, frames, registers and images of an .ips body. Source and what is left out: see apple_ips.py."""

from typing import Any

from app.crashes.log import BinaryImage, Frame, Thread
from app.parsers import values
from app.parsers.apple_names import known
from app.parsers.values import items, mapping


def read_thread(
    entry: dict[str, Any], position: int, is_crashed: bool, legacy: dict[str, Any], images: tuple[BinaryImage, ...]
) -> Thread:
    """One thread. `legacy` holds the queue of the crashed one, which its own entry may lack."""
    also = legacy if is_crashed else {}
    return Thread(
        index=position,
        name=known(entry.get("name")) or known(also.get("name")),
        queue=known(entry.get("queue")) or known(also.get("queue")),
        is_crashed=is_crashed,
        frames=read_frames(entry.get("frames"), images),
        registers=_registers(mapping(entry.get("threadState"))),
    )


def _registers(state: dict[str, Any]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, entry in state.items():
        numbered = enumerate(entry) if isinstance(entry, list) else [("", entry)]
        for number, register in numbered:
            value = values.address(mapping(register).get("value"))
            if value is not None:
                found[values.clean(f"{name}{number}")] = value
    return found


def read_frames(entries: Any, images: tuple[BinaryImage, ...]) -> tuple[Frame, ...]:
    """The frames of a list, at most values.MAX_FRAMES. Address = base of the image + offset in it."""
    frames, half = items(entries), values.MAX_FRAMES // 2
    kept = frames if len(frames) <= values.MAX_FRAMES else frames[:half] + frames[-half:]
    return tuple(_frame(entry, images) for entry in kept if isinstance(entry, dict) and entry)


def _frame(entry: dict[str, Any], images: tuple[BinaryImage, ...]) -> Frame:
    position, offset = values.integer(entry.get("imageIndex")), values.address(entry.get("imageOffset"))
    image = images[position] if position is not None and 0 <= position < len(images) else BinaryImage()
    at = None if offset is None else values.address((image.address or 0) + offset)
    function, location = known(entry.get("symbol")), values.address(entry.get("symbolLocation"))
    if function and function == image.name and location == offset:
        function = None  # the image stands for a function that was not found
    start = at - location if function and at is not None and location is not None else -1
    return Frame(
        function=function,
        file=known(entry.get("sourceFile")),
        line=values.integer(entry.get("sourceLine")) or None,
        image=image.name,
        address=at,
        image_address=image.address or None,
        symbol_address=start if start >= 0 else None,
        offset=location if function else offset,
        note="inlined" if entry.get("inline") is True else None,
    )


def read_image(value: Any) -> BinaryImage:
    """One entry of `usedImages`; an empty BinaryImage keeps its place, for frames refer to images by position."""
    entry = mapping(value)
    path = known(entry.get("path"))
    return BinaryImage(
        name=values.basename(path) or known(entry.get("name")),
        path=path,
        debug_id=known(entry.get("uuid")),
        arch=known(entry.get("arch")),
        address=values.address(entry.get("base")),
        size=values.address(entry.get("size")),
    )

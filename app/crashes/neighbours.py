"""Names of functions that only begin where a call was to return to."""

from dataclasses import replace

from app.crashes.log import Frame


def known_names(frames: tuple[Frame, ...], begin: int) -> tuple[Frame, ...]:
    """The frames from `begin` on, without the names of neighbours.

    A call that never returns may be the last of its function. Its return address is then the start of the next one,
    whose name a symbolicator that does not step back gives it. Where every offset is 0, none was known.
    """
    below = frames[begin:]
    if not any(frame.function and _offset(frame) for frame in frames):
        return below
    return tuple(
        _unnamed(frame) if at and frame.function and _offset(frame) == 0 and _is_call(below, at) else frame
        for at, frame in enumerate(below)
    )


def _unnamed(frame: Frame) -> Frame:
    return replace(frame, function=None, module=None, file=None, line=None, symbol_address=None, offset=None)


def _offset(frame: Frame) -> int | None:
    if frame.address is not None and frame.symbol_address:
        return frame.address - frame.symbol_address
    return frame.offset


def _is_call(frames: tuple[Frame, ...], at: int) -> bool:
    """True unless the frame is of the very instruction that crashed: the frames above it were inlined into it."""
    frame = frames[at]
    if "inline" in (frame.note or ""):
        return False
    return frame.address is None or any(one.address != frame.address for one in frames[:at])

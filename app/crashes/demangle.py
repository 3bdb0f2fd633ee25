"""Function names as people write them, for those that compilers of C++, Rust and Swift have mangled."""

import re
from dataclasses import replace
from functools import lru_cache

from multi_demangle import DemangleOptions, demangle_symbol

from app.crashes.log import CrashLog, Frame

MAX_MANGLED = 2_048  # characters; longer names stay as they are
REMEMBERED = 2_048  # names

_MANGLED = re.compile(r"_{1,3}Z[\w$.]|_{1,2}R[A-Z]|_?\$[sSe]\w|_{1,2}T[0FtTW]\w|\?\w")
_SWIFT = re.compile(r"_?\$|_{1,2}T")
_NAME_ONLY = DemangleOptions.name_only()
_WITH_PARAMETERS = DemangleOptions(return_type=False, parameters=True)


def demangled(log: CrashLog, *, only_crash: bool = False) -> CrashLog:
    """The same report with readable function names; with `only_crash` other threads than the crashed one stay as they are."""
    return replace(
        log,
        faults=tuple(replace(one, frames=_readable(one.frames)) for one in log.faults),
        threads=tuple(
            one if only_crash and not one.is_crashed else replace(one, frames=_readable(one.frames))
            for one in log.threads
        ),
    )


def readable(name: str) -> str:
    """`cart::total(int)` for `_ZN4cart5totalEi`, `Till.print()` for `$s4Cafe4TillC5printyyF`; any other name as it is.

    Swift is written as Apple's reports do it, without modules and types.
    """
    return _demangle(name) if _MANGLED.match(name) and len(name) <= MAX_MANGLED else name


@lru_cache(REMEMBERED)
def _demangle(name: str) -> str:
    try:
        return demangle_symbol(name, _NAME_ONLY if _SWIFT.match(name) else _WITH_PARAMETERS) or name
    except Exception:
        return name


def _readable(frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
    if not any(frame.function and _MANGLED.match(frame.function) for frame in frames):
        return frames
    return tuple(
        replace(frame, function=readable(frame.function))
        if frame.function and _MANGLED.match(frame.function)
        else frame
        for frame in frames
    )

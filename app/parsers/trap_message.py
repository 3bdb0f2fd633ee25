"""The reasons that clang's verbose traps leave as names of inlined frames: libc++'s hardened containers, the
sanitizers.

Source: LLVM 19 `__builtin_verbose_trap` (`__clang_trap_msg$CATEGORY$REASON`), libc++'s `_LIBCPP_ASSERT`; Xcode 16
prints the reason alone.
"""

import re
from dataclasses import replace

from app.crashes.log import CrashLog, Frame

_TRAP = re.compile(
    r"(?P<mark>__clang_trap_msg\$(?P<category>[^$]{0,100})\$)?(?:(?P<file>\S.{0,1000}?):(?P<line>\d{1,9}): )?"
    r"(?P<reason>assertion .{1,1000}? failed(?:: .{0,1000})?|.{1,1000})$",
    re.DOTALL,
)


def with_trap_message(log: CrashLog) -> CrashLog:
    """The report with the reason of a trap for a message, and the frame below it at the reason's place."""
    thread = log.crashed_thread
    if not log.faults or thread is None or not thread.frames:
        return log
    message, frames = _split(thread.frames)
    if message is None:
        return log
    threads = tuple(replace(each, frames=frames) if each is thread else each for each in log.threads)
    fault = replace(log.faults[0], message=log.faults[0].message or message)
    return replace(log, faults=(fault, *log.faults[1:]), threads=threads)


def _split(frames: tuple[Frame, ...]) -> tuple[str | None, tuple[Frame, ...]]:
    first = frames[0]
    found = _TRAP.match((first.function or "").strip())
    if not found or not (found["mark"] or (found["file"] and found["reason"].startswith("assertion "))):
        return None, frames
    rest = frames[1:]
    if rest and found["file"] and rest[0].file is None and rest[0].address == first.address:
        rest = (replace(rest[0], file=found["file"], line=int(found["line"]) or None), *rest[1:])
    return found["reason"].strip(), rest or (replace(first, function=None),)

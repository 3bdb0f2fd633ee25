"""What makes two occurrences the same crash: the parts of a log that stay alike on every device and in every build."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from app.crashes.credible import credible
from app.crashes.frame_name import NAMELESS, StableName, stable_image, stable_name
from app.crashes.in_app import InApp, language_family
from app.crashes.log import CrashLog, Fault, Frame
from app.crashes.rules import (
    CHECKED,
    ENTRY_POINTS,
    OVERFLOW_TYPES,
    PLUMBING,
    SAME_TYPE,
    SANITIZERS,
    SWIFT_PLUMBING,
    THROWING,
    TRAMPOLINES,
)
from app.crashes.stable_text import stable_text

VERSION = 2
"""Raised whenever a rule changes what is hashed; every stored fingerprint tells the version that made it."""

MAX_FRAMES = 8  # in-app frames that count, nearest to the crash first, each name once
MAX_SYSTEM_FRAMES = 5  # frames that count when no frame is the app's own
RUNAWAY = 16  # times that a function stands on a stack before the stack is called a runaway recursion

Parts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The grouping key of a crash, with what it was made of."""

    value: str  # 32 lower-case hex digits
    version: int
    parts: Parts  # what was hashed, in order
    rule: str  # the name of the rule that gave the parts


def fingerprint(log: CrashLog) -> Fingerprint:
    """The fingerprint of a log by the first rule that applies; the last one always does."""
    for name, rule in RULES:
        parts = rule(log)
        if parts:
            return Fingerprint(_digest([VERSION, *parts])[:32], VERSION, parts, name)
    raise AssertionError("the last rule always gives parts")


def refined(made: Fingerprint, more: Parts) -> Fingerprint:
    """The fingerprint of those in a group that something more sets apart."""
    parts = (*made.parts, *more)
    return Fingerprint(_digest([made.version, *parts])[:32], made.version, parts, f"{made.rule}, split")


def crash_identifier(app_identifier: str, fingerprint: Fingerprint) -> str:
    """The identifier of an app's crash: 24 lower-case hex digits, the same wherever and whenever it is worked out."""
    return _digest([app_identifier, fingerprint.version, fingerprint.value])[:24]


def _digest(values: list[str | int]) -> str:
    return hashlib.sha256(json.dumps(values).encode("ascii")).hexdigest()


def _senders_hint(log: CrashLog) -> Parts | None:
    """The sender's own wish; `{{ default }}` in it stands for what the other rules give."""
    words = [word.strip() for word in log.grouping_hint if word.strip()]
    if not words or all(_variable(word) == "default" for word in words):
        return None
    parts: list[str] = []
    for word in words:
        parts += _computed(log) if _variable(word) == "default" else [f"hint: {_filled(word, log)}"]
    return tuple(parts)


def _variable(word: str) -> str | None:
    return word[2:-2].strip() if word.startswith("{{") and word.endswith("}}") else None


def _filled(word: str, log: CrashLog) -> str:
    fault = log.faults[0] if log.faults else Fault()
    frame = _top_frame(log)
    values = {
        "type": fault.type,
        "error.type": fault.type,
        "value": fault.message and stable_text(fault.message),
        "message": fault.message and stable_text(fault.message),
        "function": frame and frame.function,
        "module": frame and frame.module,
        "level": log.level,
    }
    return values.get(_variable(word) or "") or word


def _top_frame(log: CrashLog) -> Frame | None:
    in_app = InApp(log)
    return next((frame for frame in log.crash_frames if in_app(frame)), next(iter(log.crash_frames), None))


def _computed(log: CrashLog) -> Parts:
    return next(parts for name, rule in RULES if rule is not _senders_hint and (parts := rule(log)))


def _runaway_recursion(log: CrashLog) -> Parts | None:
    """A stack overflow: the functions that call each other. Where in the circle the stack ended is chance."""
    fault = log.faults[0] if log.faults else Fault()
    if _type(fault) not in OVERFLOW_TYPES and "overflow" not in (fault.message or "").lower():
        return None
    family, in_app = language_family(log), InApp(log)
    frames = telling_frames(log)
    for chosen in ([frame for frame in frames if in_app(frame)], list(frames)):
        names = (stable_name(frame, family) for frame in chosen)
        counts = Counter(name.text for name in names if name.is_named)
        highest = max(counts.values(), default=0)
        if highest >= RUNAWAY:
            circle = sorted(name for name, count in counts.items() if count * 4 >= highest and count >= RUNAWAY / 2)
            return (*_types(log), *(f"recursion: {name}" for name in circle[:MAX_FRAMES]))
    return None


def _in_app_frames(log: CrashLog) -> Parts | None:
    """Type, root cause type, and the app's own functions from the crash outwards."""
    names = _own_names(log)
    if not any(name.is_named for name in names):
        return None
    return (*_types(log), *(f"frame: {name.text}" for name in names[:MAX_FRAMES]))


def _nameless_frames(log: CrashLog) -> Parts | None:
    """No function of the app has a name: its images, the system code around them, and the message."""
    names = _own_names(log)
    around = _around_own_frames(log) if names else ()
    if not _tell(names) and not around:
        return None
    images = tuple(f"image: {name.text}" for name in names[:MAX_FRAMES])
    return (*_types(log), *images, *around, *_message(log))


def _system_frames(log: CrashLog) -> Parts | None:
    """No frame is the app's own: the frames nearest to the crash, whosoever they are."""
    names = _each_once(log, credible(telling_frames(log), language_family(log)), with_entries=True)
    if not _tell(names):
        return None
    message = () if any(name.is_named for name in names) else _message(log)
    return (*_types(log), *(f"system frame: {name.text}" for name in names[:MAX_SYSTEM_FRAMES]), *message)


def _type_and_message(log: CrashLog) -> Parts | None:
    """No frames at all, or none that has a name or an image: type and message, without what varies in it.

    Of frames that tell nothing and no message either, the process is what is left to tell two crashes apart.
    """
    message = _message(log)
    if not message and log.process and log.crash_frames:
        message = (f"process: {stable_image(log.process)}",)
    return (*_types(log), *message) or None


def _header(log: CrashLog) -> Parts | None:
    """Nothing is known of the crash itself: the program it happened in."""
    fault = log.faults[0] if log.faults else Fault()
    program = log.app.identifier or log.process or ""
    return (f"platform: {log.platform or ''}", f"program: {program}", f"code: {fault.code or ''}")


RULES: tuple[tuple[str, Callable[[CrashLog], Parts | None]], ...] = (
    ("sender's hint", _senders_hint),
    ("runaway recursion", _runaway_recursion),
    ("in-app frames", _in_app_frames),
    ("in-app frames without names", _nameless_frames),
    ("system frames", _system_frames),
    ("type and message", _type_and_message),
    ("header", _header),
)
"""In this order; the first that gives parts decides."""


def _chain(log: CrashLog) -> list[Fault]:
    """The crash and its causes, root cause last; suppressed exceptions are no part of it."""
    if not log.faults:
        return []
    chain, at = [log.faults[0]], 0
    for index, fault in enumerate(log.faults):
        if index and fault.relation == "cause" and fault.parent == at:
            chain.append(fault)
            at = index
    return chain


def _type(fault: Fault) -> str:
    kind = " ".join((fault.type or fault.signal or "").split())
    return SAME_TYPE.get(kind.removesuffix(")").replace(" (", "/"), kind)


def _types(log: CrashLog) -> Parts:
    chain = _chain(log)
    outer, root = (_type(chain[0]), _type(chain[-1])) if chain else ("", "")
    return (*((f"type: {outer}",) if outer else ()), *((f"root cause: {root}",) if root not in ("", outer) else ()))


def _message(log: CrashLog) -> Parts:
    message = next((fault.message for fault in log.faults if fault.message), None)
    return (f"message: {stable_text(message)}",) if message else ()


def telling_frames(log: CrashLog) -> tuple[Frame, ...]:
    """The crashed stack from where it went wrong: without signal handlers and what throws and aborts."""
    frames = log.crash_frames
    is_sanitizers = bool(log.faults) and "Sanitizer" in (log.faults[0].type or "")
    for index in range(len(frames) - 2, -1, -1):
        if frames[index].function in TRAMPOLINES:
            frames = frames[index + 1 :]
            break
    start = 0
    for index, frame in enumerate(frames):
        function = (frame.function or "").strip()
        if function.startswith(THROWING) or (is_sanitizers and _is_checked(function)):
            start = index + 1
        elif function and not NAMELESS.fullmatch(function):
            break
    return frames[start:] or frames


def _is_checked(function: str) -> bool:
    """True for what a sanitizer, or bionic's fortify, put between the program and the error that it found."""
    return function.startswith(SANITIZERS) or function.lstrip("_").removeprefix("wrap_").removesuffix("_chk") in CHECKED


def _tell(names: list[StableName]) -> bool:
    """True unless no frame has a name or an image."""
    return any(name.text != "?" for name in names)


def _own_names(log: CrashLog) -> list[StableName]:
    """The app's own frames of the root cause, else of the cause nearest to it that has any, else of the crash."""
    in_app, family = InApp(log), language_family(log)
    stacks = [fault.frames for fault in reversed(_chain(log)[1:])]
    for frames in (*stacks, telling_frames(log)):
        names = _each_once(log, credible((frame for frame in frames if in_app(frame)), family))
        if names:
            return names
    return []


def _each_once(log: CrashLog, frames: Iterable[Frame], *, with_entries: bool = False) -> list[StableName]:
    """Each name once, at its first place, so that the depth of a recursion does not count.

    Bridges join their host. Library templates count only when there is nothing else with a name, entry points (`main`)
    only when there is nothing else at all and `with_entries` asks for them.
    """
    family = language_family(log)
    names: dict[str, StableName] = {}
    entries: dict[str, StableName] = {}
    last_host = ""
    for frame in frames:
        name = stable_name(frame, family)
        if not name.text:
            continue
        if not (name.is_bridge and name.host == last_host):
            (entries if name.text in ENTRY_POINTS else names).setdefault(name.text, name)
        last_host = name.host
        if family == "java" and name.text.endswith(".<clinit>"):
            break  # who touches a class first, and so has its fields set, is chance
    plumbing = PLUMBING + SWIFT_PLUMBING if family == "image" else PLUMBING
    own = {text: name for text, name in names.items() if not text.startswith(plumbing)}
    names = own if any(name.is_named for name in own.values()) else names
    return list((names or (entries if with_entries else {})).values())


def _around_own_frames(log: CrashLog) -> Parts:
    """The system code that the app had called and that had called the app.

    By function, but in minidumps by library: symbol servers know some functions of one machine, not of another.
    """
    in_app, family = InApp(log), language_family(log)
    frames = telling_frames(log)
    first = next((index for index, frame in enumerate(frames) if in_app(frame)), len(frames))
    below = [frame for frame in frames[first:] if not (in_app(frame) or frame.is_guess)]
    parts = []
    for label, side in (("stopped in", frames[:first]), ("called by", below)):
        if log.platform == "native":
            text = side[0].image if side else None
        else:
            text = next((name.text for frame in side if (name := stable_name(frame, family)).is_named), None)
        if text:
            parts.append(f"{label}: {text}")
    return tuple(parts)

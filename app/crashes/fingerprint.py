"""What makes two occurrences the same crash: the parts of a log that stay alike on every device and in every build."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from app.crashes.blame import Blame, NamedFrame, is_far
from app.crashes.frame_name import stable_image
from app.crashes.log import CrashLog, Fault
from app.crashes.rules import OVERFLOW_TYPES, SAME_TYPE
from app.crashes.stable_text import stable_text, without_stack
from app.crashes.termination import code_name, termination

VERSION = 3
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


def fingerprint(log: CrashLog, blame: Blame | None = None) -> Fingerprint:
    """The fingerprint of a log by the first rule that applies; the last one always does."""
    blame = blame or Blame(log)
    for name, rule in RULES:
        parts = rule(blame)
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


def _senders_hint(blame: Blame) -> Parts | None:
    """The sender's own wish; `{{ default }}` in it stands for what the other rules give."""
    words = [word.strip() for word in blame.log.grouping_hint if word.strip()]
    if not words or all(_variable(word) == "default" for word in words):
        return None
    parts: list[str] = []
    for word in words:
        parts += _computed(blame) if _variable(word) == "default" else [f"hint: {_filled(word, blame)}"]
    return tuple(parts)


def _variable(word: str) -> str | None:
    return word[2:-2].strip() if word.startswith("{{") and word.endswith("}}") else None


def _filled(word: str, blame: Blame) -> str:
    log = blame.log
    fault = log.faults[0] if log.faults else Fault()
    frame = next((frame for frame in log.crash_frames if blame.in_app(frame)), next(iter(log.crash_frames), None))
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


def _computed(blame: Blame) -> Parts:
    return next(parts for name, rule in RULES if rule is not _senders_hint and (parts := rule(blame)))


def _runaway_recursion(blame: Blame) -> Parts | None:
    """A stack overflow: the functions that call each other. Where in the circle the stack ended is chance."""
    fault = blame.log.faults[0] if blame.log.faults else Fault()
    if _type(fault) not in OVERFLOW_TYPES and "overflow" not in (fault.message or "").lower():
        return None
    for chosen in ([frame for frame in blame.frames if blame.in_app(frame)], list(blame.frames)):
        names = (blame.name(frame) for frame in chosen)
        counts = Counter(name.text for name in names if name.is_named)
        highest = max(counts.values(), default=0)
        if highest >= RUNAWAY:
            circle = sorted(name for name, count in counts.items() if count * 4 >= highest and count >= RUNAWAY / 2)
            return (*_types(blame), *(f"recursion: {name}" for name in circle[:MAX_FRAMES]))
    return None


def _in_app_frames(blame: Blame) -> Parts | None:
    """Type, root cause type, and the app's own functions from the crash outwards.

    Where these are far away from the address, or a library template alone, what is around them tells more.
    """
    own = blame.own
    named = [one for one in own if one.name.is_named]
    if not named:
        return None
    more: Parts = ()
    if all(is_far(one.frame) for one in named):
        more = _around(blame)
    elif len(named) == 1 and blame.is_template(named[0].name):
        more = _sides(("calling", blame.calling(named[0].frame)), ("raised by", blame.raised_by))
    return (*_types(blame), *_texts("frame", own, MAX_FRAMES), *more)


def _nameless_frames(blame: Blame) -> Parts | None:
    """No function of the app has a name: its images, the system code around them, and the message.

    In logs that tell the build of an image, the places in it are all that tells two functions apart.
    """
    own = blame.own
    around = _around(blame) if own else ()
    images = _texts("image", own, MAX_FRAMES)
    if not images and not around:
        return None
    spots = (f"at: {spot.image} {spot.debug_id} + {spot.offset}" for spot in blame.spots)
    return (*_types(blame), *images, *spots, *around, *_message(blame.log))


def _system_frames(blame: Blame) -> Parts | None:
    """No frame is the app's own: the frames nearest to the crash, whosoever they are."""
    nearest = blame.nearest
    told = _texts("system frame", nearest, MAX_SYSTEM_FRAMES)
    if not told:
        return None
    message = () if any(one.name.is_named for one in nearest) else _message(blame.log)
    return (*_types(blame), *told, *message)


def _type_and_message(blame: Blame) -> Parts | None:
    """No frames at all, or none that has a name or an image: type and message, without what varies in it.

    Of frames that tell nothing and no message either, the process is what is left to tell two crashes apart.
    """
    log = blame.log
    message = _message(log)
    if not message and log.process and log.crash_frames:
        message = (f"process: {stable_image(log.process)}",)
    return (*_types(blame), *message) or None


def _header(blame: Blame) -> Parts | None:
    """Nothing is known of the crash itself: the program it happened in."""
    log = blame.log
    fault = log.faults[0] if log.faults else Fault()
    program = log.app.identifier or log.process or ""
    return (f"platform: {log.platform or ''}", f"program: {program}", f"code: {fault.code or ''}")


RULES: tuple[tuple[str, Callable[[Blame], Parts | None]], ...] = (
    ("sender's hint", _senders_hint),
    ("runaway recursion", _runaway_recursion),
    ("in-app frames", _in_app_frames),
    ("in-app frames without names", _nameless_frames),
    ("system frames", _system_frames),
    ("type and message", _type_and_message),
    ("header", _header),
)
"""In this order; the first that gives parts decides."""


def _type(fault: Fault) -> str:
    """What all names of a fault have in common. EXC_CRASH only says that there was a signal: that is the type then."""
    kind = " ".join((fault.type or fault.signal or "").split())
    short = kind.removesuffix(")").replace(" (", "/")
    if short.partition("/")[0] == "EXC_CRASH":
        kind = short = (short.partition("/")[2] or fault.signal or short).split()[0]
    return SAME_TYPE.get(short, kind)


def _types(blame: Blame) -> Parts:
    """What was thrown and what caused it, and what ended the process."""
    chain = blame.chain
    outer, root = (_type(chain[0]), _type(chain[-1])) if chain else ("", "")
    ended = termination(blame.log)
    code = code_name(chain[0]) if chain else None
    return (
        *((f"type: {outer}",) if outer else ()),
        *((f"root cause: {root}",) if root not in ("", outer) else ()),
        *((f"code: {code}",) if code else ()),
        *((f"ended by: {ended.part}",) if ended else ()),
    )


def _message(log: CrashLog) -> Parts:
    message = next((fault.message for fault in log.faults if fault.message), None)
    return (f"message: {stable_text(without_stack(message))}",) if message else ()


def _texts(label: str, named: Iterable[NamedFrame], most: int) -> Parts:
    """What is known of the frames, without those that tell nothing."""
    return tuple(f"{label}: {one.name.text}" for one in named if one.name.text != "?")[:most]


def _around(blame: Blame) -> Parts:
    stopped, called = blame.around()
    return _sides(("stopped in", stopped), ("raised by", blame.raised_by), ("called by", called))


def _sides(*told: tuple[str, NamedFrame | str | None]) -> Parts:
    return tuple(f"{label}: {one if isinstance(one, str) else one.name.text}" for label, one in told if one)

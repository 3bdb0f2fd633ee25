"""Who is to blame for a crash: which frames of its stack count, and which of them are the app's own.

Fingerprint and title are both made of this. The words are in rules/blame.toml; docs/grouping.md tells the rules.
"""

from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

from app.crashes.credible import credible
from app.crashes.frame_name import StableName, is_nameless, plain_name, stable_name
from app.crashes.in_app import InApp, is_of_library, is_reporters, language_family, reports
from app.crashes.log import CrashLog, Fault, Frame
from app.crashes.neighbours import known_names
from app.crashes.rules import (
    ALIKE,
    ALIKE_WHOLE,
    CAUSES,
    CHECKED,
    ENDING,
    ENTRY_POINTS,
    FRONT_ENDS,
    HANDLERS,
    PLUMBING,
    RAISING,
    REPORTING,
    SAME_TYPE,
    SEEING,
    SWIFT_PLUMBING,
    Words,
)
from app.crashes.spots import Spot, spots

REPORTED_WITHIN = 20  # frames from the top that a reporter of crashes may stand on a stack with
ENDED_WITHIN = 60  # frames from the top that `abort` is sought in
RAISED = ("abort", "trap")  # types of faults that a program brings about itself
ACCESSED = ("bad memory access", "EXCEPTION_ACCESS_VIOLATION")  # types of faults whose place is where it happened
LOGGED_WITHIN = 6  # frames below what raised that a logger of errors, which had it raised, is sought in
FAR = 512  # bytes before an address that a function begins at, from which on it may be the nearest exported one only
SWIFT_MAIN = ".$main"  # what `@main` makes
_NO_SOURCE = ("image", "java")  # families whose frames name no file that tells whose it is
_NATIVE = ("image", "java", "go", None)  # families on whose stacks functions of the system raise


class NamedFrame(NamedTuple):
    """A frame and what it adds to a fingerprint."""

    name: StableName
    frame: Frame


class Blame:
    """What can be said of the stack of one crash."""

    def __init__(self, log: CrashLog) -> None:
        self.log = log
        self.family = language_family(log)
        self.in_app = InApp(log)
        self.chain = chain(log)
        self.raised_by: str | None = None  # what the runtime called instead of the app's code: `_purecall`
        self._names: dict[tuple[str | None, ...], StableName] = {}
        self.frames = self._telling(log.crash_frames)

    @cached_property
    def own(self) -> list[NamedFrame]:
        """The app's own frames, each name once."""
        return self.each_once(self._own_frames)

    @cached_property
    def _own_frames(self) -> list[Frame]:
        """Those of the root cause, else of the cause nearest to it that has any, else of the crash.

        A library that its sender calls the app's is not to blame where the app's own source stands further down.
        """
        stacks = [fault.frames for fault in reversed(self.chain[1:])]
        of_library: list[Frame] = []
        for frames in (*map(self._telling, stacks), self.frames):
            own = credible((frame for frame in frames if self.is_own(frame)), self.family)
            below = own[next((at for at, frame in enumerate(own) if not self._is_of_library(frame)), len(own)) :]
            if self.each_once(below):
                return below
            of_library = of_library or (own if self.each_once(own) else [])
        return of_library

    def _is_of_library(self, frame: Frame) -> bool:
        return frame.in_app is True and self.family not in _NO_SOURCE and is_of_library(frame)

    def name(self, frame: Frame) -> StableName:
        """What the frame adds to a fingerprint."""
        key = (frame.function, frame.module, frame.image, frame.file)
        known = self._names.get(key)
        if known is None:
            known = self._names[key] = stable_name(frame, self.family)
        return known

    def is_own(self, frame: Frame) -> bool:
        """True for the app's own code, `_purecall` and its like aside."""
        return self.in_app(frame) and self._name(frame) not in CAUSES

    @cached_property
    def nearest(self) -> list[NamedFrame]:
        """The frames nearest to the crash, whosoever they are."""
        return self.each_once(credible(self.frames, self.family), with_entries=True)

    def around(self) -> tuple[NamedFrame | None, NamedFrame | None]:
        """The system code that the app had called, and that had called the app.

        By function, but in minidumps by library: symbol servers know some functions of one machine, not of another.
        """
        first = next((index for index, frame in enumerate(self.frames) if self.is_own(frame)), len(self.frames))
        below = [frame for frame in self.frames[first:] if not (self.is_own(frame) or frame.is_guess)]
        return self._side(self.frames[:first]), self._side(below)

    @cached_property
    def spots(self) -> list[Spot]:
        """Where the app's own frames without a name are, nearest first."""
        return spots(self._own_frames, self.log)

    def calling(self, own: Frame) -> NamedFrame | None:
        """The system code that a frame of the app, or one without a name above it, has called."""
        at = next((index for index, frame in enumerate(self.frames) if frame is own), 0)
        return self._side(frame for frame in self.frames[:at][::-1] if not self.is_own(frame))

    def _side(self, frames: Iterable[Frame]) -> NamedFrame | None:
        for frame in frames:
            name = self.name(frame)
            if self.log.platform == "native" and frame.image:
                return NamedFrame(StableName(frame.image, False), frame)
            if self.log.platform != "native" and name.is_named:
                return NamedFrame(name, frame)
        return None

    def each_once(self, frames: Iterable[Frame], *, with_entries: bool = False) -> list[NamedFrame]:
        """Each name once, at its first place, so that the depth of a recursion does not count.

        Bridges join their host. Unnamed frames count above the first that has a name; those of JavaScript, which tell
        the file, all. Library templates count only when there is nothing else with a name, and then those that stand
        together nearest to the crash. Entry points (`main`) count only when there is nothing else at all and
        `with_entries` asks for them.
        """
        names: dict[str, NamedFrame] = {}
        entries: dict[str, NamedFrame] = {}
        last_host, was_named = "", False
        templates: set[str] = set()
        is_template_open = True
        for frame in frames:
            name = self.name(frame)
            if not name.text:
                continue
            is_template = name.is_named and self.is_template(name)
            if is_template and is_template_open:
                templates.add(name.text)
            is_template_open = is_template_open and (is_template or not templates)
            is_bridge_of_last = name.is_bridge and name.host == last_host
            last_host = name.host
            if is_bridge_of_last or (was_named and not name.is_named and self.family != "javascript"):
                continue
            is_entry = name.text in ENTRY_POINTS or name.text.endswith(SWIFT_MAIN)
            was_named = was_named or (name.is_named and not is_entry and not is_template)
            (entries if is_entry else names).setdefault(name.text, NamedFrame(name, frame))
            if self.family == "java" and name.text.endswith(".<clinit>"):
                break  # who touches a class first, and so has its fields set, is chance
        own = {text: one for text, one in names.items() if not self.is_template(one.name)}
        if not any(one.name.is_named for one in own.values()):
            own = {text: one for text, one in names.items() if text in own or text in templates}
        return list((own or (entries if with_entries else {})).values())

    def is_template(self, name: StableName) -> bool:
        """True for library code that was compiled into the app."""
        return name.text.startswith(self._plumbing)

    @property
    def _plumbing(self) -> tuple[str, ...]:
        return PLUMBING + SWIFT_PLUMBING if self.family == "image" else PLUMBING

    def _telling(self, frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
        """A stack from where it went wrong: without reporters, signal handlers and what throws, asserts and aborts."""
        if not frames:
            return ()
        begin = self._after_handlers(frames)
        below = known_names(frames, begin)
        below = tuple(frame for frame in below if not is_reporters(frame)) or below
        start = self._after_raising(below, self._after_reporters(below))
        return below[start:] or below

    def _after_handlers(self, frames: tuple[Frame, ...]) -> int:
        """The place below the last signal handler."""
        found = (at for at in range(len(frames) - 2, -1, -1) if (frames[at].function or "") in HANDLERS)
        return next(found, -1) + 1

    def _after_reporters(self, frames: tuple[Frame, ...]) -> int:
        """The place below the reporters that stand on top, with what the system put between them."""
        start = 0
        for at, frame in enumerate(frames[:REPORTED_WITHIN]):
            if reports(frame):
                start = at + 1
            elif self.in_app(frame) and not is_nameless(frame):
                break
        reporting = (at for at in range(min(len(frames), REPORTED_WITHIN)) if self._last_name(frames[at]) in REPORTING)
        return max([start, *(at + 1 for at in reporting)])

    def _after_raising(self, frames: tuple[Frame, ...], start: int) -> int:
        """The place below all that raises, aborts, asserts or logs an error."""
        if self.family not in _NATIVE:
            return self._after_machinery(frames, start)
        fault = self.log.faults[0] if self.log.faults else Fault()
        kind = (fault.type or fault.signal or "").removesuffix(")").replace(" (", "/")
        kind = SAME_TYPE.get(kind, kind)
        if kind not in ACCESSED:
            start = self._after_last(frames, start, ENDED_WITHIN, ENDING)
        while True:
            below = self._after_machinery(frames, start)
            if below > 0 or kind in RAISED:
                below = self._after_last(frames, below, below + LOGGED_WITHIN, FRONT_ENDS)
            if below == start:
                return start
            start = below

    def _after_last(self, frames: tuple[Frame, ...], start: int, end: int, words: Words) -> int:
        """The place below the last of these functions between two places; `start` where there is none."""
        found = (at for at in range(min(len(frames), end) - 1, start - 1, -1) if self._name(frames[at]) in words)
        return next(found, start - 1) + 1

    def _after_machinery(self, frames: tuple[Frame, ...], start: int) -> int:
        """The place below what stands together from `start` on and only reports what went wrong further down."""
        is_native = self.family in _NATIVE
        is_sanitizers = any("Sanitizer" in (fault.type or "") for fault in self.log.faults[:1])
        for at in range(start, len(frames)):
            frame, name = frames[at], self._name(frames[at])
            if name in CAUSES and self.raised_by is None:
                self.raised_by = name
            raises = is_native and (name in RAISING or (is_sanitizers and _is_checked(name)))
            if raises or name in FRONT_ENDS or reports(frame) or (start > 0 and _is_alike(name)):
                start = at + 1
            elif (name and not is_nameless(frame)) or self.in_app(frame):
                break
        return start

    def _name(self, frame: Frame) -> str:
        """The function as rules name it: of JavaScript without its object, of others with its class."""
        if not frame.function:
            return ""
        if self.family == "javascript":
            return self._last_name(frame)
        return f"{frame.module}.{frame.function}" if frame.module else plain_name(frame.function)

    @staticmethod
    def _last_name(frame: Frame) -> str:
        return (frame.function or "").rpartition(".")[2]


def chain(log: CrashLog) -> list[Fault]:
    """The crash and its causes, root cause last; suppressed exceptions are no part of it."""
    if not log.faults:
        return []
    found, at = [log.faults[0]], 0
    for index, fault in enumerate(log.faults):
        if index and fault.relation == "cause" and fault.parent == at:
            found.append(fault)
            at = index
    return found


def is_far(frame: Frame) -> bool:
    """True when the function is perhaps only the nearest one that has a name: nothing but its start was known."""
    return frame.offset is not None and frame.offset > FAR and frame.function is not None and frame.line is None


def _is_checked(function: str) -> bool:
    """True for what a sanitizer, or bionic's fortify, put between the program and the error that it found."""
    return function in SEEING or function.lstrip("_").removeprefix("wrap_").removesuffix("_chk") in CHECKED


def _is_alike(function: str) -> bool:
    last = function.partition("(")[0].replace("::", ".").rpartition(".")[2].replace("_", "").lower()
    return last in ALIKE_WHOLE or any(word in last for word in ALIKE)

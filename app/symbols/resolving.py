"""A crash report with its frames named by symbols, and names that compilers have mangled as people write them."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from multi_demangle import DemangleOptions, demangle_symbol

from app.crashes.frame_name import NAMELESS, without_parts
from app.crashes.in_app import language_family
from app.crashes.log import BinaryImage, CrashLog, Frame, MissingSymbols
from app.symbols.awaited_keys import (
    JAVA_PLATFORMS,
    MAX_AWAITED,
    awaited_images,
    awaited_mappings,
    debug_id,
    first,
    unwind_key,
)
from app.symbols.java import JavaNames
from app.symbols.objects import NativeNames
from app.symbols.scripts import (
    FindScript,
    FindSources,
    awaited_scripts,
    missing_scripts,
    named_scripts,
    no_sources,
    script_ids,
)
from app.symbols.source_files import with_java_source, with_source

MAX_MANGLED = 2_048  # characters; longer names stay as they are
REMEMBERED = 2_048  # names

_MANGLED = re.compile(r"_{1,3}Z[\w$.]|_{1,2}R[A-Z]|_?\$[sSe]\w|_{1,2}T[0FtTW]\w|\?\w")
_CHANGED = re.compile(rf"^(?:{_MANGLED.pattern})|\.(?:cold|part|isra|constprop|llvm|lto_priv)\b")
_SWIFT = re.compile(r"_?\$|_{1,2}T")
_NAME_ONLY = DemangleOptions.name_only()
_WITH_PARAMETERS = DemangleOptions(return_type=False, parameters=True)
NATIVE, MAPPING, SOURCE_MAP = "native", "mapping", "source_map"

CALL_ADDRESSES = frozenset({
    "android-anr", "android-native-log", "android-tombstone", "android-tombstone-proto", "grapheneos",
})  # fmt: skip
"""Formats in which a caller's address is of its call, not of where that returns to: libunwindstack (Regs.cpp, 2024) and the
sanitizers step back themselves, as Dart does in its traces of AOT code."""

FindNative = Callable[[str], NativeNames | None]
"""Debug id -> its open cache."""


def demangled(log: CrashLog, *, only_crash: bool = False) -> CrashLog:
    """The same report with readable function names; with `only_crash` other threads than the crashed one stay as they are."""
    return replace(
        log,
        faults=tuple(replace(one, frames=_readable(one.frames)) for one in log.faults),
        threads=tuple(
            one if only_crash and not one.is_crashed else replace(one, frames=_readable(one.frames))
            for one in log.threads
        ),
        stacks=log.stacks if only_crash else tuple(replace(one, frames=_readable(one.frames)) for one in log.stacks),
    )


def readable(name: str) -> str:
    """`cart::total(int)` for `_ZN4cart5totalEi`, `Till.print()` for `$s4Cafe4TillC5printyyF`; any other name as it is.

    Swift is written as Apple's reports do it, without modules and types. `total` for `total.cold`, which is a part of it.
    """
    return without_parts(_demangle(name) if _MANGLED.match(name) and len(name) <= MAX_MANGLED else name)


@lru_cache(REMEMBERED)
def _demangle(name: str) -> str:
    try:
        return demangle_symbol(name, _NAME_ONLY if _SWIFT.match(name) else _WITH_PARAMETERS) or name
    except Exception:
        return name


def _readable(frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
    if not any(frame.function and _CHANGED.search(frame.function) for frame in frames):
        return frames
    return tuple(
        replace(frame, function=readable(frame.function))
        if frame.function and _CHANGED.search(frame.function)
        else frame
        for frame in frames
    )


class Resolved(NamedTuple):
    """A crash report, and what would name more of it."""

    log: CrashLog
    missing: tuple[MissingSymbols, ...] = ()
    used: bool = False  # symbols have changed a frame or the name of a type
    awaited: tuple[str, ...] = ()  # keys of symbols that may change its group; set with `only_crash`


class FramePlace(NamedTuple):
    """Where a frame lies."""

    debug_id: str
    base: int  # from which the frame's address counts
    image: BinaryImage


class Images:
    """The images of a report that have an id, found by what a frame tells."""

    def __init__(self, log: CrashLog) -> None:
        self._is_elf = log.platform != "apple"
        self._loaded = sorted(
            ((one.address, one) for one in log.images if one.debug_id and one.address), key=lambda known: known[0]
        )
        self._starts = [start for start, _ in self._loaded]
        self._by_name = {one.name: one for one in log.images if one.debug_id and one.name}
        self._ids: dict[str, str | None] = {}  # as written -> in one form: few of the images hold a frame

    def of(self, frame: Frame) -> FramePlace | None:
        """The image of a frame; None when it has no address or the image no id."""
        if frame.address is None:
            return None
        if frame.image_address == 0:  # its address counts from the start of the image
            known = self._by_name.get(frame.image or "")
            return self._place(known, 0) if known else None
        at = bisect_right(self._starts, frame.address) - 1
        if at < 0:
            return None
        start, image = self._loaded[at]
        is_in = frame.address < start + image.size if image.size else frame.image in (None, image.name)
        return self._place(image, start) if is_in else None

    def _place(self, image: BinaryImage, base: int) -> FramePlace | None:
        written = image.debug_id or ""
        if written not in self._ids:
            self._ids[written] = debug_id(written, is_elf=self._is_elf)
        found = self._ids[written]
        return FramePlace(found, base, image) if found else None


def native_ids(log: CrashLog, *, only_crash: bool = False) -> set[str]:
    """Debug ids of the images in which frames lie that have no line yet, or, where not only the crash is named, no source."""
    images = Images(log)
    every = _frames(log, only_crash=only_crash)
    places = (images.of(frame) for frame in every if not _is_named(frame) or (not only_crash and frame.source is None))
    return {place.debug_id for place in places if place}


def mapping_ids(log: CrashLog) -> list[str]:
    """Ids of the mappings that a report names, in one spelling."""
    return [found for found in map(debug_id, log.mappings) if found]


def bundle_ids(log: CrashLog) -> list[str]:
    """Ids of the bundles of sources that a report names, in one spelling."""
    return [found for found in map(debug_id, log.source_bundles) if found]


def is_java(log: CrashLog) -> bool:
    """True when a mapping may have taken its names."""
    return log.platform in JAVA_PLATFORMS


def no_script(_file: str) -> None:
    """A FindScript that knows none."""
    return


def scripts_of(log: CrashLog, *, only_crash: bool = False) -> dict[str, list[str]]:
    """File of a JavaScript frame -> by which its source map is found, the best first."""
    return script_ids(log, _frames(log, only_crash=only_crash))


def resolve(
    log: CrashLog,
    native: FindNative,
    java: JavaNames | None,
    script: FindScript = no_script,
    has_table: Callable[[str], bool] = lambda _id: False,
    sources: FindSources = no_sources,
    *,
    only_crash: bool = False,
) -> Resolved:
    """Name every frame that symbols know; inlined calls become frames of their own, before the one that they are in.

    All names, those of the log too, are written as people read them.

    With `only_crash` threads other than the crashed one stay as they are, and no frame gets lines of source: they do not
    count for a fingerprint or a title.
    `has_table`: of which images (debug ids) the call frame information was there when the stacks were walked.
    """
    images = Images(log)
    missing: dict[str, MissingSymbols] = {}
    if java:
        java.look_at(_java_classes(log, only_crash=only_crash))

    is_script = language_family(log) == "javascript"
    are_calls = log.format in CALL_ADDRESSES or log.platform == "dart"

    bundles = [files for one in ([] if only_crash else bundle_ids(log)) if (files := sources(one))]

    def named(frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
        if is_script:
            return named_scripts(frames, script, sources)
        return tuple(
            one for at, frame in enumerate(frames) for one in expand(frame, is_return=at > 0 and not are_calls)
        )

    def expand(frame: Frame, *, is_return: bool) -> list[Frame]:
        if frame.address is None:
            return [with_java_source(one, bundles) for one in (java.frames(frame) if java else [frame])]
        place = None if _is_named(frame) and only_crash else images.of(frame)
        if place is None:
            return [frame]
        found = [frame] if _is_named(frame) else called(frame, place, is_return=is_return)
        return found if only_crash else [with_source(one, sources(place.debug_id)) for one in found]

    def called(frame: Frame, place: FramePlace, *, is_return: bool) -> list[Frame]:
        names = native(place.debug_id)
        if names is not None:
            return names.frames(frame, place.base, is_return=is_return if frame.is_return is None else frame.is_return)
        if not frame.function or NAMELESS.fullmatch(frame.function):
            missing.setdefault(place.debug_id, MissingSymbols(NATIVE, place.debug_id, place.image.name))
        return [frame]

    made = replace(
        log,
        walk=None,
        faults=tuple(
            replace(one, type=java.type_name(one.type) if java and one.type else one.type, frames=named(one.frames))
            for one in log.faults
        ),
        threads=tuple(
            one if only_crash and not one.is_crashed else replace(one, frames=named(one.frames)) for one in log.threads
        ),
        stacks=log.stacks if only_crash else tuple(replace(one, frames=named(one.frames)) for one in log.stacks),
    )
    if java is None:
        for found in mapping_ids(log):
            missing.setdefault(found, MissingSymbols(MAPPING, found))
    frames = list(_frames(log, only_crash=only_crash))
    for found, name in missing_scripts(log, frames, script).items():
        missing.setdefault(found, MissingSymbols(SOURCE_MAP, found, name))
    used = (made.faults, made.threads, made.stacks) != (log.faults, log.threads, log.stacks)
    awaited = (
        (*awaited_scripts(log, frames, script), *_awaited(log, images, native, java, has_table)) if only_crash else ()
    )
    return Resolved(demangled(made, only_crash=only_crash), tuple(missing.values()), used, awaited[:MAX_AWAITED])


def _is_named(frame: Frame) -> bool:
    return bool(frame.function and frame.line is not None)


def _awaited(
    log: CrashLog, images: Images, native: FindNative, java: JavaNames | None, has_table: Callable[[str], bool]
) -> Iterable[str]:
    every = list(_frames(log, only_crash=True))
    frames = [frame for frame in every if not _is_named(frame)]

    def unknown(frame: Frame) -> str | None:
        place = images.of(frame)
        return place.debug_id if place and native(place.debug_id) is None else None

    def not_left(frame: Frame) -> str | None:
        place = images.of(frame)
        return unwind_key(place.debug_id) if place and not has_table(place.debug_id) else None

    if java is None:
        yield from awaited_mappings(log, every)
    names = awaited_images(log, frames, unknown)
    tables = first(found for frame in every if (found := not_left(frame))) if log.walk else []
    yield from (*names, *tables)


def _frames(log: CrashLog, *, only_crash: bool) -> Iterable[Frame]:
    for fault in log.faults:
        yield from fault.frames
    for thread in log.threads:
        if thread.is_crashed or not only_crash:
            yield from thread.frames
    for stack in () if only_crash else log.stacks:
        yield from stack.frames


def _java_classes(log: CrashLog, *, only_crash: bool) -> Iterable[str]:
    yield from (fault.type for fault in log.faults if fault.type)
    yield from (frame.module for frame in _frames(log, only_crash=only_crash) if frame.module)

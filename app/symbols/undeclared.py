"""Symbols that a report does not name and would need: a mapping or a source map, found by its version and build."""

import re
from collections.abc import Iterator
from itertools import chain, islice

from app.crashes.frame_name import script_function
from app.crashes.in_app import language_family
from app.crashes.log import CrashLog, Frame, MissingSymbols
from app.symbols.resolving import MAPPING, SOURCE_MAP, is_java, mapping_ids
from app.symbols.scripts import LONG_LINE, MINIFIED, declared_id, script_name

MAX_FRAMES = 20_000  # of a report that are looked at
MAX_SCRIPTS = 50  # of a report that are named
_SHORT = re.compile(r"(?:[A-Za-z]\w{0,2}\.)*[A-Za-z]\w{0,2}")  # a.b.c: what R8 and ProGuard make of names
_R8_FILE = re.compile(r"SourceFile|Pro[gG]uard|r8-map-id-.*")
_NO_SCRIPTS = ("node:", "internal/", "<", "[")  # how files of an engine begin


def undeclared_symbols(log: CrashLog, *, is_named: bool) -> list[MissingSymbols]:
    """What would name the frames of a report that are obfuscated or minified still; `is_named`: symbols have named others."""
    frames = islice(chain.from_iterable(_stacks(log)), MAX_FRAMES)
    if is_java(log):
        if is_named or mapping_ids(log) or not any(map(_is_obfuscated, frames)):
            return []
        return [MissingSymbols(MAPPING, None)]
    if language_family(log) != "javascript":
        return []
    files = dict.fromkeys(frame.file for frame in frames if frame.file and _is_minified(frame))
    names = dict.fromkeys(script_name(file) for file in files if declared_id(log, file) is None)
    return [MissingSymbols(SOURCE_MAP, None, name) for name in islice(names, MAX_SCRIPTS)]


def _stacks(log: CrashLog) -> Iterator[tuple[Frame, ...]]:
    yield from (fault.frames for fault in log.faults)
    yield from (thread.frames for thread in log.threads)


def _is_obfuscated(frame: Frame) -> bool:
    if _R8_FILE.fullmatch(frame.file or ""):
        return True
    is_short = 0 < len(frame.function or "") <= MINIFIED
    return is_short and frame.module is not None and _SHORT.fullmatch(frame.module) is not None


def _is_minified(frame: Frame) -> bool:
    """A place far out on a line, or a short name on one of the first, where bundles have all their code."""
    if (
        frame.in_app is False
        or frame.line is None
        or frame.column is None
        or (frame.file or "").startswith(_NO_SCRIPTS)
    ):
        return False
    name = script_function(frame.function or "").rpartition(".")[2]
    return frame.column > LONG_LINE or (0 < len(name) <= MINIFIED and frame.line <= MINIFIED)

"""Functions, files, lines and columns of minified JavaScript, by source maps."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from symbolic.exceptions import SymbolicError
from symbolic.sourcemap import SourceMapTokenMatch, SourceMapView

from app.crashes.frame_name import script_function
from app.crashes.in_app import language_family
from app.crashes.log import CrashLog, Frame
from app.symbols import NotSymbols
from app.symbols.awaited_keys import debug_id, first, release_keys
from app.symbols.objects import bounded
from app.symbols.source_files import SourceFiles, with_source

MAX_MAP = 64 * 1024 * 1024  # bytes; a map that is read takes some three times as much memory
MAX_PLACES = 10_000_000  # and sources and names of a map, at least: opened, each takes some 30 bytes
MAX_FILES = 50  # scripts of one report that are looked up
MINIFIED = 2  # characters that a minified name has at most
LONG_LINE = 250  # columns that nobody writes

_KNOWN = ("version", "file", "sourceRoot", "sources", "names", "mappings", "sections", "debug_id", "debugId")
_GUARD = b")]}'"  # before JSON that no page is to run


class ScriptNames:
    """An open source map."""

    def __init__(self, file: Path) -> None:
        """Read it. Raises NotSymbols when it is none."""
        try:
            self._map = SourceMapView.from_json_bytes(file.read_bytes())
        except SymbolicError as error:
            raise NotSymbols(f"Not readable as a source map: {error}") from error

    def at(self, line: int, column: int) -> SourceMapTokenMatch | None:
        """What stands at a place of the minified file, both from 1."""
        return self._map.lookup(line - 1, column - 1)


FindScript = Callable[[str], ScriptNames | None]
"""File of a frame -> the source map of that script."""
FindSources = Callable[[str], SourceFiles | None]
"""What files of source belong to: the file of a script's frame, or the debug id of an image -> the files."""


def no_sources(_belonging_to: str) -> None:
    """A FindSources that knows none."""
    return


def make_source_map(file: Path, cache: Path) -> tuple[list[str], list[str]]:
    """Write a source map without the sources in it; returns its debug ids, and names of the script that it is about.

    Raises NotSymbols.
    """
    if file.stat().st_size > MAX_MAP:
        raise NotSymbols(f"A source map may have {MAX_MAP} bytes at most")
    try:
        content = json.loads(_json_of(file))
    except (ValueError, RecursionError):
        raise NotSymbols("Not readable as a source map: it is no JSON") from None
    if not isinstance(content, dict) or not isinstance(content.get("mappings", content.get("sections")), str | list):
        raise NotSymbols("Not readable as a source map: it has neither mappings nor sections")
    sections = content.get("sections")
    for one in (content, *(part.get("map") for part in sections or () if isinstance(part, dict))):
        if isinstance(one, dict):
            one.pop("sourcesContent", None)
    text = json.dumps({name: content[name] for name in _KNOWN if name in content}, separators=(",", ":"))
    if text.count(",") + text.count(";") > MAX_PLACES:
        raise NotSymbols(f"A source map may name {MAX_PLACES} places at most")
    cache.write_text(text)
    ScriptNames(cache)
    ids = [content.get(name) for name in ("debug_id", "debugId")]
    found = [known for one in ids if isinstance(one, str) and (known := debug_id(one))]
    return first(found), [script_name(content["file"])] if isinstance(content.get("file"), str) and content[
        "file"
    ] else []


def no_files(_names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Sources beside a map that came alone."""
    return iter(())


def map_sources(
    file: Path, beside: Callable[[Iterable[str]], Iterator[tuple[str, bytes]]]
) -> Iterator[tuple[str, bytes]]:
    """The sources of a map that `make_source_map` has read: as frames are said to lie in, and their content.

    Of those whose content is not in the map, `beside` knows some.
    """
    raw, lacking = _json_of(file), []
    if b'"sourcesContent"' not in raw and beside is no_files:
        return
    try:
        opened = SourceMapView.from_json_bytes(raw)
    except SymbolicError:  # what makes it unreadable was left out of the map
        return
    for number, name in opened.iter_sources():
        content = opened.get_source_contents(number) if name else None
        if name and content:
            yield name, content.encode("utf-8", "replace")
        elif name:
            lacking.append(name)
    yield from beside(lacking)


def _json_of(file: Path) -> bytes:
    raw = file.read_bytes().removeprefix(b"\xef\xbb\xbf")
    return raw.partition(b"\n")[2] if raw.startswith(_GUARD) else raw


def is_source_map(head: bytes) -> bool:
    """True for how a source map begins: as JSON, or as JSON that no page is to run."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"{", _GUARD))


def script_name(file: str) -> str:
    """The file name in a path or an URL, without what follows it."""
    return re.split(r"[?#]", file)[0].rsplit("/", 1)[-1].rsplit("\\", 1)[-1]


def script_ids(log: CrashLog, frames: Iterable[Frame]) -> dict[str, list[str]]:
    """File of a frame -> by which its source map is found, the best first; empty for a report of another language."""
    if language_family(log) != "javascript":
        return {}
    files = first((frame.file for frame in frames if _is_placed(frame) and frame.file), MAX_FILES)
    return {file: _ids(log, file) for file in files}


def named_scripts(
    frames: tuple[Frame, ...], find: FindScript, find_sources: FindSources = no_sources
) -> tuple[Frame, ...]:
    """The same frames as the source has them, with the lines around them where those are known.

    A map has no names of functions, but of what stands at a place: a function is called as its caller calls it, where its
    own name was minified.
    """
    names = [find(frame.file) if frame.file and _is_placed(frame) else None for frame in frames]
    tokens = [
        one.at(frame.line or 1, frame.column or 1) if one else None for one, frame in zip(names, frames, strict=True)
    ]
    callers = [*tokens, None][1:]
    return tuple(
        with_source(_named(frame, token, caller), find_sources(frame.file or "")) if token and token.src else frame
        for frame, token, caller in zip(frames, tokens, callers, strict=True)
    )


def awaited_scripts(log: CrashLog, frames: Iterable[Frame], find: FindScript) -> list[str]:
    """By which source maps would be found that minified frames lack."""
    lacking = [frame for frame in frames if _looks_minified(frame) and frame.in_app is not False]
    return [one for file, ids in script_ids(log, lacking).items() if find(file) is None for one in ids]


def missing_scripts(log: CrashLog, frames: Iterable[Frame], find: FindScript) -> dict[str, str]:
    """Debug id -> name of a script whose source map the report names, and that is not there."""
    declared = {file: declared_id(log, file) for file in script_ids(log, frames)}
    return {found: script_name(file) for file, found in declared.items() if found and find(file) is None}


def _ids(log: CrashLog, file: str) -> list[str]:
    declared = declared_id(log, file)
    return [*([declared] if declared else []), *release_keys(log, script_name(file))]


def declared_id(log: CrashLog, file: str) -> str | None:
    """The debug id that the report names for a script."""
    by_file = {one.file: one.debug_id for one in reversed(log.source_maps)}
    by_name = {script_name(one.file): one.debug_id for one in reversed(log.source_maps)}
    written = by_file.get(file) or by_name.get(script_name(file))
    return debug_id(written) if written else None


def _named(frame: Frame, token: SourceMapTokenMatch, caller: Any) -> Frame:
    function = script_function(frame.function or "")
    if len(function.rpartition(".")[2]) <= MINIFIED or function in ("?", "<anonymous>", "anonymous"):
        function = bounded((caller.name if caller else None) or function)
    return replace(
        frame,
        function=function or None,
        module=None,
        file=bounded(token.src or ""),
        line=token.src_line + 1,
        column=token.src_col + 1,
        in_app=None if frame.in_app else frame.in_app,  # whose code it is, the source's path tells better
        source=None,  # lines of the bundle
    )


def _is_placed(frame: Frame) -> bool:
    return frame.line is not None and frame.column is not None


def _looks_minified(frame: Frame) -> bool:
    name = script_function(frame.function or "").rpartition(".")[2]
    return (frame.column or 0) > LONG_LINE or 0 < len(name) <= MINIFIED

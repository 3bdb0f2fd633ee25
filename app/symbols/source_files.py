"""Files of source that a build's symbols came with, by their paths, and the lines around a frame.

They are kept as a zip, in which a file is named by the SHA-256 of its path.
"""

import hashlib
import zipfile
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from pathlib import Path

from app.crashes.log import Frame, SourceLines
from app.gunzip import DAMAGE
from app.symbols import NotSymbols

MAX_FILES = 50_000  # of one map or bundle, the first
MAX_FILE = 4 * 1024 * 1024  # bytes; a longer file was written by a program
AROUND = 5  # lines before the frame's own, and as many after
MAX_LINE = 200  # characters


class SourceFiles:
    """The files of one build, open."""

    def __init__(self, file: Path) -> None:
        """Open them. Raises NotSymbols when there are none."""
        self._last: tuple[str, list[str]] = ("", [])
        try:
            self._files = zipfile.ZipFile(file)
        except DAMAGE as error:
            raise NotSymbols(f"Not readable as files of source: {error}") from error

    def lines(self, path: str, line: int) -> SourceLines | None:
        """The lines around one, counted from 1; None where the file or the line is not there."""
        known, text = self._last
        if known != path:
            text = self._read(path)
            self._last = (path, text)
        if not 0 < line <= len(text):
            return None
        at = line - 1
        before, after = text[max(at - AROUND, 0) : at], text[line : line + AROUND]
        return SourceLines(_cut(text[at]), tuple(map(_cut, before)), tuple(map(_cut, after)))

    def _read(self, path: str) -> list[str]:
        try:
            raw = self._files.read(_name(path))
        except (KeyError, *DAMAGE):
            return []
        return raw.decode("utf-8", "replace").replace("\0", "\ufffd").splitlines()


def with_source(frame: Frame, files: SourceFiles | None, path: str | None = None) -> Frame:
    """The frame with the lines around it, unless its sender has told them; `path`: where its file has another one here."""
    path = path or frame.file
    if files is None or frame.source is not None or not path or frame.line is None:
        return frame
    found = files.lines(path, frame.line)
    return replace(frame, source=found) if found else frame


def with_java_source(frame: Frame, bundles: Iterable[SourceFiles]) -> Frame:
    """The frame of Java or Kotlin with the lines around it, out of the first bundle that has them."""
    path = _java_path(frame)
    for files in bundles if path else ():
        frame = with_source(frame, files, path)
    return frame


def _java_path(frame: Frame) -> str | None:
    """Where the file of a frame of Java or Kotlin lies in a bundle: `~/com/example/Cart.jvm`, whatever its language.

    Source: `build_source_file_name` of symbolicator's `symbolicator-proguard` (2026).
    """
    package, dot, _ = (frame.module or "").rpartition(".")
    stem, has_ending, _ = (frame.file or "").rpartition(".")
    if not frame.module:
        return None
    if has_ending and "$" not in stem:
        return f"~/{package.replace('.', '/')}{'/' if dot else ''}{stem}.jvm"
    return f"~/{frame.module.partition('$')[0].replace('.', '/')}.jvm"


def keep_sources(files: Iterable[tuple[str, bytes]], cache: Path) -> bool:
    """Write these files, each a path and its content, the first of one path; False where there is none."""
    known: set[str] = set()
    with zipfile.ZipFile(cache, "w", zipfile.ZIP_DEFLATED) as opened:
        for path, content in islice(files, MAX_FILES):
            name = _name(path)
            if path and name not in known and 0 < len(content) <= MAX_FILE:
                known.add(name)
                opened.writestr(_entry(name), content)
    return bool(known)


def _name(path: str) -> str:
    return hashlib.sha256(path.encode("utf-8", "replace")).hexdigest()


def _entry(name: str) -> zipfile.ZipInfo:
    """Without the time, so that the same files make the same cache."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _cut(text: str) -> str:
    return text if len(text) <= MAX_LINE else text[: MAX_LINE - 1] + "…"

"""What a crash report waits for: symbols that would name the frames it is grouped by, and that its app has not been given."""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from uuid import UUID

from symbolic.debuginfo import normalize_debug_id
from symbolic.exceptions import SymbolicError

from app.crashes.frame_name import NAMELESS
from app.crashes.in_app import InApp
from app.crashes.log import CrashLog, Frame

BUILD_ID = re.compile(r"(?:[0-9a-f]{2}){4,64}")  # a GNU build id is mostly 20 bytes; linkers make 8 and 16, too
UUID_BYTES = 16
MAX_AWAITED = 8  # of one report
RELEASE = "release:"
"""How what is found by version and build begins, where other things are found by a debug id."""
UNWIND = "unwind:"
"""How the call frame information of an image is found: by this and its debug id. It may come with another file than names."""
SOURCES = "sources:"
"""How files of source are found: by this, and by what the image or the source map that they belong to is found."""
JAVA_PLATFORMS = ("java", "android", "kotlin")
_SHORT = re.compile(r"(?:[A-Za-z]\w{0,2}\.)*[A-Za-z]\w{0,2}")  # a.b.c: what R8 and ProGuard make of names
_NO_FILES = ("SourceFile", "Unknown Source", "Proguard", "ProGuard")


def debug_id(written: str, *, is_elf: bool = False) -> str | None:
    """The debug id of an image as a log writes it, in lower case; None when it is none.

    A build id of ELF (`is_elf`, or of another length than a UUID's) is cut or filled to 16 bytes, and its first three
    fields are turned around, as Breakpad and Sentry do it.
    """
    plain = written.strip().lower()
    if BUILD_ID.fullmatch(plain) and (is_elf or len(plain) != 2 * UUID_BYTES):
        padded = bytes.fromhex(plain)[:UUID_BYTES].ljust(UUID_BYTES, b"\0")
        return str(UUID(bytes_le=padded))
    if not plain.isascii():  # the library takes no lone surrogate
        return None
    try:
        return normalize_debug_id(plain)
    except SymbolicError:
        return None


def unwind_key(debug_id: str) -> str:
    """By which the call frame information of an image is found."""
    return UNWIND + debug_id


def sources_key(found_by: str) -> str:
    """By which the files of source are found of what is found by this."""
    return SOURCES + found_by


def release_key(version: str, build: str, name: str = "") -> str:
    """By which symbols given for a version, a build or both ("" for any) are found; of maps with the file's `name`."""
    release = json.dumps([version, build, name] if name else [version, build])
    return RELEASE + hashlib.sha256(release.encode()).hexdigest()[:40]


def release_keys(log: CrashLog, name: str = "") -> list[str]:
    """Every key of `release_key` under which symbols for this report may have been given."""
    version, build = log.app.version or "", log.app.build or ""
    pairs = dict.fromkeys([(version, build), (version, ""), ("", build)])
    return [release_key(*pair, name) for pair in pairs if any(pair)]


def awaited_images(log: CrashLog, frames: Iterable[Frame], image_of: Callable[[Frame], str | None]) -> tuple[str, ...]:
    """Debug ids of images of which these frames, which have no line, need the symbols: nameless ones, and the app's own."""
    in_app = InApp(log)
    wanted = (frame for frame in frames if not frame.function or NAMELESS.fullmatch(frame.function) or in_app(frame))
    return tuple(first(found for frame in wanted if (found := image_of(frame))))


def awaited_mappings(log: CrashLog, frames: Iterable[Frame]) -> tuple[str, ...]:
    """By which a mapping for this report would be found: the ids that it names; its version and build where it is obfuscated."""
    if log.platform not in JAVA_PLATFORMS:
        return ()
    named = [found for found in map(debug_id, log.mappings) if found]
    return tuple(first([*named, *(release_keys(log) if named or any(map(_is_obfuscated, frames)) else ())]))


def _is_obfuscated(frame: Frame) -> bool:
    is_hidden = frame.file in _NO_FILES or (frame.file or "").startswith("r8-map-id-")
    return bool(frame.module) and (is_hidden or _SHORT.fullmatch(frame.module or "") is not None)


def first(ids: Iterable[str], most: int = MAX_AWAITED) -> list[str]:
    """The first ones of these, each once."""
    return list(islice(_each_once(ids), most))


def _each_once(ids: Iterable[str]) -> Iterator[str]:
    known: set[str] = set()
    for one in ids:
        if one not in known:
            known.add(one)
            yield one

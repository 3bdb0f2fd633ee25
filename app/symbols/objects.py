"""The debug information in an uploaded file: which images it describes, and the cache that answers for each of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from symbolic.debuginfo import Archive
from symbolic.exceptions import SymbolicError

from app.errors import AppError


class NotSymbols(AppError):
    """The file is of no known kind, or breaks its grammar."""

    code, status = "not_symbols", 422


@dataclass(frozen=True, slots=True)
class DebugObject:
    """One image that a file describes, with its cache written to a file."""

    debug_id: str  # lower case
    code_id: str | None
    arch: str
    file_format: str  # "macho", "elf", "breakpad", ...
    cache: Path


def make_caches(file: Path, folder: Path) -> Iterator[DebugObject]:
    """Write a cache into `folder` for each image that Mach-O, ELF, PE or Breakpad `file` describes.

    Images without a function are left out. Raises NotSymbols when the file cannot be read as any of these.
    """
    try:
        for number, found in enumerate(Archive.open(str(file)).iter_objects()):
            if not found.features & {"debug", "symtab"} or not found.debug_id.strip("0-"):
                continue
            cache = folder / f"{number}.symcache"
            with cache.open("wb") as out:
                found.make_symcache().dump_into(out)  # type: ignore[no-untyped-call]
            yield DebugObject(found.debug_id.lower(), found.code_id, found.arch, found.file_format, cache)
    except SymbolicError as error:
        raise NotSymbols(f"Not readable as debug information: {error}") from error

"""Machine code: the images that an uploaded file describes, their caches, and functions, files and lines by address."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from symbolic.debuginfo import Archive
from symbolic.exceptions import SymbolicError
from symbolic.symcache import SymCache, find_best_instruction

from app.crashes.log import Frame
from app.errors import AppError

MAX_TEXT = 4_096  # characters of a function, class or file
MAX_CALLS = 100  # that one frame stands for

T = TypeVar("T")
INLINED = "inlined"


def bounded(text: str) -> str:
    """The text, cut to MAX_TEXT."""
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def outer_and_inner(calls: Sequence[T]) -> list[T]:
    """The calls, innermost first; of more than MAX_CALLS the innermost ones and the function that holds them all."""
    return list(calls) if len(calls) <= MAX_CALLS else [*calls[: MAX_CALLS - 1], calls[-1]]


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


class NativeNames:
    """An open cache of one image; the file is mapped, not read."""

    def __init__(self, file: Path) -> None:
        """Open it. Raises NotSymbols when it is no cache."""
        try:
            self._cache = SymCache.open(str(file))  # type: ignore[no-untyped-call]
        except SymbolicError as error:
            raise NotSymbols(f"Not readable as a cache of symbols: {error}") from error

    def frames(self, frame: Frame, image_address: int, *, is_top: bool) -> list[Frame]:
        """The calls that a frame stands for, innermost first, functions as the linker names them.

        `image_address` is where the image was loaded. Only the crash frame (`is_top`) holds the address that was run: in
        others it is the one to return to, behind the call that counts. The frame itself when nothing lies there.
        """
        if frame.address is None or frame.address < image_address:
            return [frame]
        within = frame.address - image_address
        wanted = find_best_instruction(within, self._cache.arch, crashing_frame=is_top)  # type: ignore[no-untyped-call]
        found = outer_and_inner(self._cache.lookup(wanted))
        last = len(found) - 1
        return [
            replace(
                frame,
                function=bounded(one.symbol or "") or frame.function,
                file=bounded(one.full_path or "") or frame.file,
                line=one.line or None,
                symbol_address=image_address + one.sym_addr if one.sym_addr <= within else None,
                offset=within - one.sym_addr if one.sym_addr <= within else None,  # 0xffffffff: an inlined one without
                note=frame.note if number == last else INLINED,
            )
            for number, one in enumerate(found)
        ] or [frame]

"""Machine code: the images that an uploaded file describes, their caches, and functions, files and lines by address."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from symbolic.debuginfo import Archive, Object
from symbolic.exceptions import SymbolicError
from symbolic.symcache import SymCache, find_best_instruction

from app.crashes.log import Frame
from app.symbols import NotSymbols
from app.symbols.unwind_table import make_table

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


@dataclass(frozen=True, slots=True)
class DebugObject:
    """One image that a file describes, with its cache written to a file."""

    debug_id: str  # lower case
    code_id: str | None
    arch: str
    file_format: str  # "macho", "elf", "breakpad", ...
    cache: Path | None  # of names
    unwind: Path | None  # how its frames are left: app.symbols.unwind_table


def make_caches(file: Path, folder: Path) -> Iterator[DebugObject]:
    """Write caches into `folder` for each image that Mach-O, ELF, PE, PDB or Breakpad `file` describes.

    Images without a function are left out. Raises NotSymbols when the file cannot be read as any of these.
    """
    try:
        for number, found in enumerate(Archive.open(str(file)).iter_objects()):
            if not found.debug_id.strip("0-"):
                continue
            cache = folder / f"{number}.symcache" if found.features & {"debug", "symtab"} else None
            if cache:
                with cache.open("wb") as out:
                    found.make_symcache().dump_into(out)  # type: ignore[no-untyped-call]
            unwind = _make_unwind(found, folder / f"{number}.unwind")
            if cache or unwind:
                yield DebugObject(found.debug_id.lower(), found.code_id, found.arch, found.file_format, cache, unwind)
    except SymbolicError as error:
        raise NotSymbols(f"Not readable as debug information: {error}") from error


def _make_unwind(found: Object, file: Path) -> Path | None:
    """The table of its call frame information; names are worth having without, so None where that cannot be read."""
    if "unwind" not in found.features:
        return None
    try:
        with found.make_cficache().open_stream() as lines:
            return file if make_table(lines, file) else None
    except (SymbolicError, MemoryError):
        file.unlink(missing_ok=True)
        return None


class NativeNames:
    """An open cache of one image; the file is mapped, not read."""

    def __init__(self, file: Path) -> None:
        """Open it. Raises NotSymbols when it is no cache."""
        try:
            self._cache = SymCache.open(str(file))  # type: ignore[no-untyped-call]
        except SymbolicError as error:
            raise NotSymbols(f"Not readable as a cache of symbols: {error}") from error

    def frames(self, frame: Frame, image_address: int, *, is_return: bool) -> list[Frame]:
        """The calls that a frame stands for, innermost first, functions as the linker names them.

        `image_address` is where the image was loaded. An address to return to (`is_return`) lies behind the call that
        counts; only the crash frame holds the address that was run. The frame itself when nothing lies there.
        """
        if frame.address is None or frame.address < image_address:
            return [frame]
        within = frame.address - image_address
        wanted = find_best_instruction(within, self._cache.arch, crashing_frame=not is_return)  # type: ignore[no-untyped-call]
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

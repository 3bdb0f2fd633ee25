"""Functions, files and lines of machine code, by address in an image's cache."""

from dataclasses import replace
from pathlib import Path

from symbolic.exceptions import SymbolicError
from symbolic.symcache import SymCache, find_best_instruction

from app.crashes.log import Frame
from app.symbols.bounds import bounded, outer_and_inner
from app.symbols.objects import NotSymbols

INLINED = "inlined"


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
                symbol_address=image_address + one.sym_addr,
                offset=within - one.sym_addr,
                note=frame.note if number == last else INLINED,
            )
            for number, one in enumerate(found)
        ] or [frame]

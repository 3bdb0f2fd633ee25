"""Files of the folder store: made durable, and read past obstore, which takes thirty times as long."""

import os
import weakref
from collections.abc import Iterator
from pathlib import Path

from app.store_calls import ObjectDamaged, check_size, translated

FILE_CHUNK = 128 * 1024  # bytes; the web server holds up to eight of them for a reader that is slow


class FilePart(Iterator[bytes]):
    """Bytes of a file, a chunk at a time; it is open from the start, so what is deleted meanwhile is still sent whole."""

    def __init__(self, path: Path, start: int, end: int | None, size: int | None) -> None:
        """`size`: of the whole file, where that is known. Raises FileNotFoundError and ObjectDamaged."""
        self._file = os.open(path, os.O_RDONLY)
        self._close = weakref.finalize(self, os.close, self._file)  # also when nobody reads to the end
        self._at = start
        found = os.fstat(self._file).st_size
        self._end = found if end is None else end
        try:
            check_size(found, size)
        except ObjectDamaged:
            self._close()
            raise

    def __next__(self) -> bytes:
        wanted = min(FILE_CHUNK, self._end - self._at)
        with translated("get"):
            piece = os.pread(self._file, wanted, self._at) if wanted > 0 and self._close.alive else b""
        if not piece:
            self._close()
            raise StopIteration
        self._at += len(piece)
        return piece


def make_durable(path: Path) -> None:
    """Wait until file and name are on the disk: an answered upload has to survive a power cut."""
    for target in (path, path.parent):
        descriptor = os.open(target, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

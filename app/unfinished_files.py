"""The files that puts of dying processes leave half-written in a folder store (`key#1`): no objects, but content."""

import os
import random
import re
import threading
from collections.abc import Iterator
from pathlib import Path

STAGED = re.compile(r"[^#]+#[0-9]+")  # how obstore names what is not whole yet


class UnfinishedFiles:
    """Those of one store. A folder that cannot be read, or is gone meanwhile, is passed over."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._walk = _walk(folder)

    def below(self, prefix: str = "") -> Iterator[Path]:
        """Every such file below the folder `prefix`."""
        return (path for path in _walk(self._folder / prefix) if path is not None)

    def sweep(self, before: float, most: int) -> int:
        """Look at `most` more files, from where the last call ended, and remove those last written before the time.

        The time is in seconds since 1970. Returns how many were removed. A large store is looked through in many
        calls, its folders in random order: so each is reached although the process may end before the last.
        """
        removed = 0
        with self._lock:
            for _ in range(most):
                try:
                    path = next(self._walk)
                except StopIteration:
                    self._walk = _walk(self._folder)
                    break
                if path is not None and _is_older(path, before):
                    path.unlink(missing_ok=True)
                    removed += 1
        return removed


def _walk(top: Path) -> Iterator[Path | None]:
    """The unfinished files, and None for each other file or folder: a walk that its caller can stop after so many."""
    folders = [str(top)]
    while folders:
        at = random.randrange(len(folders))  # noqa: S311  an order, no secret
        folders[at], folders[-1] = folders[-1], folders[at]
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    yield Path(entry.path) if STAGED.fullmatch(entry.name) and entry.is_file() else None
        except OSError:
            continue


def _is_older(path: Path, before: float) -> bool:
    try:
        return path.stat().st_mtime < before
    except FileNotFoundError:
        return False

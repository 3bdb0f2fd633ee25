"""The files that `crashq log add` is given: single ones and all of folders, in an order that is always the same."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path


def files_under(paths: Iterable[Path]) -> Iterator[Path]:
    """Each file, and the files of each folder and what is below it, by name; hidden ones and links in folders are left out."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                file = Path(folder, name)
                if not name.startswith(".") and not file.is_symlink() and file.is_file():
                    yield file

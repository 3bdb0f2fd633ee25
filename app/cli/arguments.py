"""What several commands take and tell: files in folders, passwords, numbers."""

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click


def read_password(*, confirm: bool = False) -> str:
    """From a prompt, or as one line of standard input."""
    if sys.stdin.isatty():
        password: str = click.prompt("Password", hide_input=True, confirmation_prompt=confirm, err=True)
        return password
    return sys.stdin.readline().rstrip("\r\n")


def counted(number: int, what: str) -> str:
    """`1 log`, `2 logs`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


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

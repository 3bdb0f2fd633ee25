"""Reads a file of symbols in a process of its own, within bounds of memory and processor time."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

from app.config import MIB
from app.symbols import NotSymbols
from app.symbols.contents import About, Held
from app.work.limits import OverBudget, uncut

LOOK_EVERY = 200  # milliseconds; a wait in C cannot be ended by a limit


BROKEN = (
    signal.SIGABRT,
    signal.SIGSEGV,
    signal.SIGBUS,
    signal.SIGILL,
    signal.SIGTRAP,
)  # what the file itself made happen


_FOLDER = str(Path(__file__).parents[2])


class ReaderBounds(NamedTuple):
    """What reading one file may take."""

    max_unpacked: int  # bytes of an archive's members, in all
    memory: int  # bytes
    cpu_seconds: float


class ReaderEnded(Exception):
    """The process ended for a reason that the file did not give."""


def read_contents(file: Path, folder: Path, about: About, bounds: ReaderBounds) -> Iterator[Held]:
    """Everything that the file holds; caches are made in `folder`, and each is gone once the next one is asked for.

    Raises NotSymbols when there is nothing or it cannot be read within its memory, OverBudget, OSError for what the disk
    cannot do, and ReaderEnded.
    """
    process = _started({
        "file": str(file), "folder": str(folder), "about": about, "max_unpacked": bounds.max_unpacked,
        "memory": bounds.memory, "cpu_seconds": ceil(bounds.cpu_seconds),
    })  # fmt: skip
    try:
        for message in _lines(process):
            if "held" in message:
                held = Held._make(message["held"])
                yield held._replace(cache=Path(held.cache))
                _go_on(process)
            elif "rejected" in message:
                raise NotSymbols(message["rejected"])
            elif "errno" in message:
                raise OSError(message["errno"], os.strerror(message["errno"] or 0))
            elif "memory" in message:
                raise _too_large(bounds)
            else:
                return
        code = process.wait()
    finally:
        _ended(process)
    if code == -signal.SIGXCPU:
        raise OverBudget(bounds.cpu_seconds, is_cpu=True)
    if -code in BROKEN:
        raise _too_large(bounds)
    raise ReaderEnded(f"It ended with {code}")


def _too_large(bounds: ReaderBounds) -> NotSymbols:
    return NotSymbols(
        f"It cannot be read: it needs more than {bounds.memory // MIB} MiB of memory, or is nested too deep"
    )


def _started(order: dict[str, Any]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603  our own module
        [sys.executable, "-P", "-m", "app.symbolication.reader_process", json.dumps(order)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # what a library says when it breaks may hold names out of the file
        env={"PYTHONPATH": _FOLDER, "PATH": os.defpath, "MALLOC_ARENA_MAX": "1"},  # no secrets
        start_new_session=True,  # Ctrl-C is for the worker, which hands back
    )


def _ended(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def _go_on(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    try:
        os.write(process.stdin.fileno(), b"\n")
    except BrokenPipeError:  # it has died; how, is seen next
        return


def _lines(process: subprocess.Popen[bytes]) -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    out, rest = process.stdout.fileno(), b""
    waiting = select.poll()
    waiting.register(out, select.POLLIN | select.POLLHUP)
    while True:
        if not waiting.poll(LOOK_EVERY):
            continue
        chunk = os.read(out, 65_536)
        if not chunk:
            return
        *lines, rest = (rest + chunk).split(b"\n")
        yield from map(json.loads, lines)


uncut(_started, _ended)

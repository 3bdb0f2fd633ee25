"""Processes that the bench starts: each its own group, stopped by its id, with the memory of its whole tree in view."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

START_GRACE = 60.0  # seconds for a process to answer
STOP_GRACE = 15.0  # seconds to end politely
ROOT = Path(__file__).parents[1]
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")  # of the environment; no setting of yours leaks in


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Part:
    """One program, with its arguments and where it writes."""

    name: str
    command: list[str]
    log: Path
    environ: dict[str, str] = field(default_factory=dict)
    folder: Path = ROOT
    user: str | None = None  # to run as
    stop_signal: signal.Signals = signal.SIGTERM
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it, or start it again."""
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603  the bench's own commands
                self.command,
                cwd=self.folder,
                env={**kept, **self.environ},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                user=self.user,
            )

    @property
    def pid(self) -> int:
        """The id of the running process."""
        assert self.process
        return self.process.pid

    def check(self) -> None:
        """Raises RuntimeError with the end of its output when it has ended by itself."""
        if self.process is None or self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended:\n{self.log.read_text(errors='replace')[-3_000:]}")

    def ask_to_stop(self) -> None:
        """Tell it to stop, and do not wait for it."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(self.stop_signal)

    def stop(self) -> None:
        """Stop it politely, then by force, with all of its group."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.ask_to_stop()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_GRACE)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None


@contextmanager
def running(part: Part, answers: Callable[[], object]) -> Iterator[Part]:
    """The part while the block runs, from when it answers."""
    part.start()
    try:
        await_answer([part], answers)
        yield part
    finally:
        part.stop()


def await_answer(parts: list[Part], answers: Callable[[], object]) -> None:
    """Wait until `answers` returns without an error. Raises RuntimeError when a part ends or the time is up."""
    deadline = time.monotonic() + START_GRACE
    while True:
        try:
            answers()
            break
        except Exception as error:
            for part in parts:
                part.check()
            if time.monotonic() > deadline:
                names = ", ".join(f"{part.name} ({part.log})" for part in parts)
                raise RuntimeError(f"no answer from {names}: {error}") from error
        time.sleep(0.05)
    for part in parts:
        part.check()


def tree(pid: int) -> set[int]:
    """A process and every one below it, by Linux's /proc."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, waiting = {pid}, [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found.update(below)
        waiting.extend(below)
    return found

"""How much memory a system's processes and its Redis take, watched while something runs."""

import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

import redis

from bench.processes import Part, tree
from bench.system import System

LOOK_EVERY = 0.02  # seconds
MIB = 1024 * 1024


class Growth:
    """Peak growth in MiB of web, worker and Redis over what they had when this was made, while its block runs.

    Of a process that was there it is the peak resident size, exact by the kernel's own mark, less the size at the beginning;
    of one that is forked meanwhile the peak less what it had when first seen. The block may be entered again: its peaks are
    then its own, over the same beginning.
    """

    def __init__(self, system: System) -> None:
        self._parts = system.parts
        self._redis = redis.Redis.from_url(system.redis_url)
        self._base: dict[int, float] = {}
        self._peak: dict[int, float] = {}
        self._role: dict[int, str] = {}
        self._look()
        self._redis_base = self._redis_peak = self._used()
        self._over = threading.Event()

    def __enter__(self) -> Self:
        for part in self._parts:
            for pid in tree(part.pid):
                with suppress(OSError):
                    Path(f"/proc/{pid}/clear_refs").write_text("5")  # forget the peak so far
        self._peak, self._redis_peak = {}, self._used()
        self._over.clear()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._look()

    def of(self, role: str) -> float:
        """Growth of `web` or `worker` in MiB."""
        return sum(peak - self._base[pid] for pid, peak in self._peak.items() if self._role[pid] == role)

    @property
    def of_redis(self) -> float:
        """Peak growth of Redis in MiB."""
        return self._redis_peak - self._redis_base

    @property
    def kept_in_redis(self) -> float:
        """What Redis holds now more than at the beginning, in MiB."""
        return self._used() - self._redis_base

    @property
    def total(self) -> float:
        """All of it together, in MiB."""
        return self.of("web") + self.of("worker") + self.of_redis

    def _watch(self) -> None:
        while not self._over.wait(LOOK_EVERY):
            self._look()
            self._redis_peak = max(self._redis_peak, self._used())

    def _look(self) -> None:
        for part in self._parts:
            for pid in tree(part.pid):
                with suppress(OSError, KeyError):
                    now, peak = _resident(pid)
                    self._role.setdefault(pid, _role(part))
                    self._base.setdefault(pid, now)
                    self._peak[pid] = max(self._peak.get(pid, 0.0), peak)

    def _used(self) -> float:
        return float(self._redis.info("memory")["used_memory"]) / MIB


def _role(part: Part) -> str:
    return "web" if part.name.startswith("web") else "worker"


def _resident(pid: int) -> tuple[float, float]:
    """(now, peak) in MiB. Raises OSError when the process is gone, KeyError when it is just ending."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines if line.startswith("Vm"))
    now, peak = (float(fields[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return now, peak

"""Metrics of many processes of one machine, kept in files that outlive the processes, and shown by any of them.

A process counts in a file of its own, mapped into its memory, by prometheus-client's multi-process mode. The file belongs to a
*slot*: when its process has died, the next one takes the slot over and counts on, so there are as many files as processes
have lived at the same time, however many have ended, and no count is lost.
"""

import fcntl
import hashlib
import os
import struct
import threading
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import structlog
from prometheus_client import CollectorRegistry, disable_created_metrics, generate_latest, start_http_server, values
from prometheus_client import Counter as PrometheusCounter
from prometheus_client import Histogram as PrometheusHistogram
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # where prometheus-client looks for its folder
SIZES = {"counter": 128 * 1024, "histogram": 512 * 1024}
"""Bytes of the files, which are allocated at once: a full disk would kill a process that writes into a hole of a mapped file."""
MOST_SLOTS = 10_000
TRIES = 3

log = structlog.get_logger()

disable_created_metrics()  # type: ignore[no-untyped-call]


class Declared(ABC):
    """A metric, made at its first use: by then it is known whether other processes count as well."""

    all: ClassVar[list["Declared"]] = []

    def __init__(self, name: str, what: str, labels: tuple[str, ...] = ()) -> None:
        self.name, self.what, self.labels = name, what, labels
        self._lock = threading.Lock()
        self._metric: MetricWrapperBase | None = None
        self._children: dict[tuple[str, ...], Any] = {}
        Declared.all.append(self)

    @property
    def metric(self) -> MetricWrapperBase:
        """The library's object."""
        with self._lock:
            if self._metric is None:
                self._metric = self._make()
            return self._metric

    @abstractmethod
    def _make(self) -> MetricWrapperBase:
        """A new object of the library."""

    def _child(self, labels: tuple[str, ...]) -> Any:
        child = self._children.get(labels)
        if child is None:
            metric = self.metric
            child = self._children[labels] = metric.labels(*labels) if self.labels else metric
        return child

    def flush(self) -> None:  # noqa: B027 - most kinds gather nothing
        """Write gathered observations to the library's metric."""

    def forget(self) -> None:
        """Drop the library's object; the next use makes a new one."""
        with self._lock:
            self._metric = None
            self._children.clear()


class Counter(Declared):
    """A counter, whose name ends in `_total`."""

    def add(self, *labels: str, by: float = 1) -> None:
        """Increment the counter with these labels."""
        self._child(labels).inc(by)

    def _make(self) -> MetricWrapperBase:
        return PrometheusCounter(self.name.removesuffix("_total"), self.what, self.labels, registry=None)


class Histogram(Declared):
    """A histogram of durations in seconds, whose name ends in `_seconds`."""

    def __init__(self, name: str, what: str, labels: tuple[str, ...] = (), *, bounds: tuple[float, ...]) -> None:
        super().__init__(name, what, labels)
        self._bounds = bounds

    def observe(self, seconds: float, *labels: str) -> None:
        """Count one duration."""
        self._child(labels).observe(seconds)

    def _make(self) -> MetricWrapperBase:
        return PrometheusHistogram(self.name, self.what, self.labels, registry=None, buckets=self._bounds)


class GatheredHistogram(Histogram):
    """A histogram for thousands of observations a second: gathered as plain numbers, written within `EVERY` seconds."""

    EVERY = 0.5

    def __init__(self, name: str, what: str, labels: tuple[str, ...] = (), *, bounds: tuple[float, ...]) -> None:
        super().__init__(name, what, labels, bounds=bounds)
        self._gathering = threading.Lock()
        self._gathered: dict[tuple[str, ...], list[float]] = {}  # labels -> numbers by bucket, and the sum of seconds

    def observe(self, seconds: float, *labels: str) -> None:
        """Gather one duration."""
        with self._gathering:
            is_first = not self._gathered
            numbers = self._gathered.get(labels)
            if numbers is None:
                numbers = self._gathered[labels] = [0.0] * (len(self._bounds) + 2)
            numbers[bisect_left(self._bounds, seconds)] += 1
            numbers[-1] += seconds
        if is_first:
            timer = threading.Timer(self.EVERY, self.flush)
            timer.daemon = True
            timer.start()

    def flush(self) -> None:
        """Write the gathered durations."""
        with self._gathering:
            gathered, self._gathered = self._gathered, {}
        for labels, (*numbers, seconds) in gathered.items():
            child = self._child(labels)
            child._sum.inc(seconds)
            for bucket, number in zip(child._buckets, numbers, strict=True):
                if number:
                    bucket.inc(number)


class Slots:
    """Gives each process the lowest number that no living process has, for as long as it lives."""

    def __init__(self, folder: Path, part: str) -> None:
        self._folder = folder
        self._part = part
        self._held: tuple[int, str, int] | None = None  # process, slot, descriptor of its lock

    def mine(self) -> str:
        """This process's slot; after a fork another one than its parent's. Raises OSError."""
        if self._held is None or self._held[0] != os.getpid():
            self._held = (os.getpid(), *self._take())
        return self._held[1]

    def _take(self) -> tuple[str, int]:
        for number in range(MOST_SLOTS):
            slot = f"{self._part}-{number}"
            descriptor = os.open(self._folder / f"{slot}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel ends it with the process
            except OSError:
                os.close(descriptor)
                continue
            for kind, size in SIZES.items():
                _allocate(self._folder / f"{kind}_{slot}.db", size)
            return slot, descriptor
        raise OSError(f"more than {MOST_SLOTS} processes count")


_folder: Path | None = None


def count_in(folder: Path, part: str) -> None:
    """Share metrics with the processes that use the same folder. Call it before anything is counted; `part` names this one.

    Where the folder cannot be used, the process counts by itself and logs it.
    """
    global _folder
    try:
        own = _own_folder(folder)
        slots = Slots(own, part)
        slots.mine()
    except OSError as error:
        log.warning("metrics_not_shared", error=type(error).__name__, number=error.errno)
        return
    os.environ[FOLDER_VARIABLE] = str(own)
    values.ValueClass = values.MultiProcessValue(slots.mine)  # type: ignore[no-untyped-call]
    _folder = own
    for declared in Declared.all:
        declared.forget()
        if not declared.labels:
            _ = declared.metric  # shown as 0 before the first one


class Given(Collector):
    """A collector of metric families that are given."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """The families."""
        return self._families


def exposition(more: Iterable[Metric] = ()) -> bytes:
    """The metrics of all processes and `more` families, in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(Given(more))
    for declared in Declared.all:
        declared.flush()
    if _folder is None:
        for declared in Declared.all:
            registry.register(declared.metric)
    else:
        registry.register(Shared(_folder))
    return generate_latest(registry)


class Shared(MultiProcessCollector):
    """A collector of the metrics in the files of a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(None, str(folder))  # type: ignore[no-untyped-call]

    def collect(self) -> Any:
        """The metrics of all files, read again when one is just being written."""
        for _ in range(TRIES - 1):
            try:
                return list(super().collect())  # type: ignore[no-untyped-call]
            except (struct.error, ValueError, RuntimeError):
                continue
        return super().collect()  # type: ignore[no-untyped-call]


def show_at(port: int) -> None:
    """Serve the metrics of the folder's processes at http://…:port/metrics, unless another process has the port."""
    registry = CollectorRegistry()
    if _folder is not None:
        registry.register(Shared(_folder))
    try:
        start_http_server(port, registry=registry)
    except OSError as error:
        log.info("metrics_port_taken", port=port, number=error.errno)


def _own_folder(folder: Path) -> Path:
    """A folder for exactly what this release counts: another release may mean other things by the same names."""
    what = sorted((type(one).__name__, one.name, one.labels, one.what) for one in Declared.all)
    own = folder / hashlib.sha256(repr(what).encode()).hexdigest()[:12]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError("the folder is another user's")
    own.mkdir(mode=0o700, exist_ok=True)
    return own


def _allocate(path: Path, size: int) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if os.fstat(descriptor).st_size < size:
            os.posix_fallocate(descriptor, 0, size)
    finally:
        os.close(descriptor)

"""Bounds on one piece of work in a thread of this process: a budget of time and of processor time.

A watcher thread compares the thread's clocks with the budget and, once over, raises in that thread what CPython calls
an asynchronous exception. It is delivered between two bytecodes: Python code ends at once, a call into C when it
returns. For C code that never returns there is `hard_limit`.
"""

import contextlib
import ctypes
import faulthandler
import gc
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Protocol

from app.errors import AppError

PAUSE = 0.25  # seconds between looks; a budget is kept to within that
AGAIN = 1.0  # seconds until it is raised once more: Python drops what is raised in a callback of C
PARK_AFTER = 40  # looks with nothing to watch until the watcher sleeps; to wake it for each piece of work costs more

_raise_in = ctypes.PyDLL(None).PyThreadState_SetAsyncExc
_raise_in.argtypes = (ctypes.c_ulong, ctypes.py_object)
_CLEAR = ctypes.py_object()  # a NULL: takes back what is set and not delivered
_LOCK = threading.RLock()  # between "it is over, raise" and "the block has ended"; for all threads: it is held for µs
_HAS_THREAD_CLOCKS = hasattr(time, "pthread_getcpuclockid")  # not on macOS, where only time is bounded


class OverBudget(AppError):
    """The work took more time or processor time than it was given; another attempt would do the same."""

    code, status, message = "over_budget", 500, "It took too long"

    def __init__(self, seconds: float, is_cpu: bool) -> None:
        self.seconds = seconds  # the limit that was passed
        self.is_cpu = is_cpu  # of processor time, else of time
        super().__init__(f"It took more than {seconds:g} s" + (" of processor time" if is_cpu else ""))


@dataclass(frozen=True)
class Budget:
    """What one piece of work may take; None is without bound."""

    seconds: float | None = None  # of time
    cpu_seconds: float | None = None  # of processor time, of the thread that works and of no other


class Ticking(Protocol):
    """What is to be looked at at regular times while it works."""

    pause: float  # seconds between ticks

    def tick(self) -> None:
        """Must not raise."""


class Watching(Protocol):
    """A thread that calls `tick` of what it watches."""

    def watch(self, work: Ticking) -> None:
        """Begin to call `tick`, the first time after one pause or sooner."""

    def release(self, work: Ticking) -> None:
        """Call it no more; a tick that is under way goes on."""


class Watcher:
    """One thread for all limits of a process; it starts with the first."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watched: set[Ticking] = set()
        self._is_parked = True
        self._thread: threading.Thread | None = None

    def watch(self, work: Ticking) -> None:
        """Begin to call `tick`, each PAUSE."""
        with self._changed:
            self._watched.add(work)
            if self._is_parked:
                self._is_parked = False
                self._wake()

    def release(self, work: Ticking) -> None:
        """Call it no more; a tick that is under way goes on."""
        with self._changed:
            self._watched.discard(work)

    def _wake(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="work limits", daemon=True)
            self._thread.start()
        else:
            self._changed.notify()

    def _run(self) -> None:
        idle = 0
        while True:
            time.sleep(PAUSE)
            with self._changed:
                watched = list(self._watched)
                idle = 0 if watched else idle + 1
                if idle > PARK_AFTER:
                    self._is_parked = True
                    self._changed.wait_for(lambda: not self._is_parked)
                    idle = 0
            for work in watched:
                work.tick()


class _Interrupt(BaseException):
    """What is delivered: no Exception, so that nothing in between takes it for an error of its own and goes on."""

    # A limit raises a subclass of its own, for only a class can be raised in another thread, not an object.


class Limit:
    """The bounds of a block of one thread, from `__enter__` to `__exit__`. Made by `limited`."""

    pause = PAUSE

    def __init__(self, budget: Budget, watcher: Watching) -> None:
        self._seconds, self._cpu_seconds = budget.seconds, budget.cpu_seconds
        self._watcher = watcher
        self._inner: Limit | None = None
        self._interrupt: type[_Interrupt] | None = None  # once it was raised
        self._reason: OverBudget | None = None  # of that
        self._has_given_way = False
        self._raise_at = 0.0  # monotonic seconds; not before then
        self._has_ended = False

    def __enter__(self) -> "Limit":
        self._frame: FrameType | None = sys._getframe(1)
        self._frame_was_seen = False
        self._thread = threading.get_ident()
        if _HAS_THREAD_CLOCKS:
            self._clock = time.pthread_getcpuclockid(self._thread)  # type: ignore[attr-defined,unused-ignore]
            self._cpu_from = time.thread_time()
        else:
            self._cpu_seconds = None
        self._from = time.monotonic()
        self._outer: Limit | None = getattr(_of_thread, "innermost", None)
        if self._outer is not None:
            self._outer._inner = self
        _of_thread.innermost = self
        self._watcher.watch(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        with _LOCK:
            self._has_ended = True
            self._frame = None
            if self._interrupt is not None:
                self._take_back()
            _of_thread.innermost = self._outer
            if self._outer is not None:
                self._outer._inner = None
        self._watcher.release(self)
        if self._interrupt is not None and self._reason is not None and _came_of(error, self._interrupt):
            raise self._reason from error

    def extend(self, seconds: float = 0, cpu_seconds: float = 0) -> None:
        """Enlarge the budget: the input turned out to be larger."""
        with _LOCK:
            if self._seconds is not None:
                self._seconds += seconds
            if self._cpu_seconds is not None:
                self._cpu_seconds += cpu_seconds
            if self._interrupt is not None and self._over() is None:
                self._take_back()

    def tick(self) -> None:
        """Raise in the thread if it is over its budget. Called by the watcher."""
        with _LOCK:
            reason = None if self._has_ended or time.monotonic() < self._raise_at else self._over()
            if reason is None:
                return
            if not self._has_given_way and self._inner_is_over():
                self._has_given_way = True  # once: work that goes on after inner blocks have ended is over all the same
                return
            if self._outer_has_raised() or not self._is_within():
                return
            if self._interrupt is None:
                self._interrupt, self._reason = type("_Interrupt", (_Interrupt,), {}), reason
            self._raise_at = time.monotonic() + AGAIN
            _raise_in(self._thread, self._interrupt)

    def _over(self) -> OverBudget | None:
        """What is over, if anything."""
        if self._seconds is not None and time.monotonic() - self._from > self._seconds:
            return OverBudget(self._seconds, is_cpu=False)
        if self._cpu_seconds is None:
            return None
        try:
            used = time.clock_gettime(self._clock) - self._cpu_from
        except OSError:  # the thread is gone
            return None
        return OverBudget(self._cpu_seconds, is_cpu=True) if used > self._cpu_seconds else None

    def _inner_is_over(self) -> bool:
        inner = self._inner
        while inner is not None and inner._over() is None:
            inner = inner._inner
        return inner is not None

    def _outer_has_raised(self) -> bool:
        """An exception of an outer block is under way: a thread has one place for it, and ours would take it."""
        outer = self._outer
        while outer is not None and (outer._interrupt is None or outer._raise_at < time.monotonic()):
            outer = outer._outer
        return outer is not None

    def _is_within(self) -> bool:
        """The thread is inside of the block at this moment: it waits for the interpreter's lock, which is ours.

        It stands where the exception would be delivered, so one that has just begun to leave the block is let go, and one
        in a `__del__` or a callback of the collector, from which Python drops what is raised, is left for the next look.
        """
        frame = sys._current_frames().get(self._thread)
        if frame is None or frame.f_code.co_filename == contextlib.__file__:
            return False
        is_seen, dropping = False, {getattr(callback, "__code__", None) for callback in gc.callbacks}
        while frame is not None:
            code = frame.f_code
            if code.co_filename == __file__ or code.co_name == "__del__" or code in dropping:
                return False
            is_seen = is_seen or frame is self._frame
            frame = frame.f_back
        if self._frame_was_seen and not is_seen:  # it did leave, and was hit before the first line of `__exit__`
            self._has_ended = True
            self._watcher.release(self)
        self._frame_was_seen = is_seen
        return not self._has_ended

    def _take_back(self) -> None:
        """Clear what is set and not delivered; a thread has one place for it, so outer limits raise theirs again."""
        _raise_in(self._thread, _CLEAR)
        limit: Limit | None = self
        while limit is not None:
            limit._raise_at = 0
            limit = limit._outer


class _OfThread(threading.local):
    innermost: Limit | None = None


_of_thread = _OfThread()


def limited(budget: Budget, watcher: Watching) -> Limit:
    """Bound a block: `with limited(Budget(seconds=60, cpu_seconds=20), watcher) as limit:`; raises OverBudget from it.

    An exception never lands outside of the block, nor in it once its last statement has run. Blocks of one thread may
    be nested: the innermost that is over raises. Code in the block has to be ready to end anywhere, as with
    KeyboardInterrupt: what must not be cut in two, such as a commit, belongs after it.
    """
    return Limit(budget, watcher)


@contextlib.contextmanager
def hard_limit(seconds: float) -> Iterator[None]:
    """End this process with exit code 1 if the block takes longer, even in C code that holds the interpreter's lock.

    A thread of C waits, which needs no interpreter. Nothing is cleaned up and nothing is told: for child processes of a
    worker, whose parent knows what they worked at. A process has one such watchdog, so these do not nest.
    """
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123  a stack trace would hold paths and values
        faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


def _came_of(error: BaseException | None, interrupt: type[_Interrupt]) -> bool:
    """True when it is the interrupt, or was raised while the interrupt was handled."""
    for _ in range(100):  # of a chain that may have been made a circle
        if error is None or isinstance(error, interrupt):
            break
        error = error.__cause__ or error.__context__
    return isinstance(error, interrupt)


watcher = Watcher()
"""The one of this process."""

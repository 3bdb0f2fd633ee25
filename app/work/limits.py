"""Bounds on one piece of work in a thread of this process: a budget of time and of processor time.

A watcher thread compares the thread's clocks with the budget and, once over, raises in that thread what CPython calls
an asynchronous exception. It is delivered between two bytecodes: Python code ends at once, a call into C when it
returns. What does not return is reported to `on_overdue`, and ends the process where that is allowed (`watchdog`).
"""

import _weakrefset
import contextlib
import ctypes
import gc
import inspect
import sys
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, FrameType, TracebackType
from typing import Any

from app.errors import AppError, TransientError
from app.work.watcher import PAUSE, Watching, watchdog

ANSWER_WITHIN = 1.0  # seconds that code has to end after the first exception, else it is reported to `on_overdue`
KILL_GRACE = 10.0  # seconds after which a process whose work has not ended is ended, to be of use again
AGAIN = 1.0  # seconds until it is raised once more: Python drops what is raised in a callback of C

_raise_in = ctypes.PyDLL(None).PyThreadState_SetAsyncExc
_raise_in.argtypes = (ctypes.c_ulong, ctypes.py_object)
_CLEAR = ctypes.py_object()  # a NULL: takes back what is set and not delivered
_LOCK = threading.RLock()  # between "it is over, raise" and "the block has ended"; for all threads: it is held for µs
_HAS_THREAD_CLOCKS = hasattr(time, "pthread_getcpuclockid")  # not on macOS, where only time is bounded
_BORDERS = {
    "__enter__",
    "__exit__",
    "acquire",
    "_acquire_restore",
}  # what is taken here is not in its `with`'s hands yet
_NEVER_WITHIN = {
    __file__,
    weakref.__file__,
    _weakrefset.__file__,
}  # from callbacks of weak references Python drops it, too
_UNCUT: set[CodeType] = set()


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


class _Interrupt(BaseException):
    """What is delivered: no Exception, so that nothing in between takes it for an error of its own and goes on."""

    # A limit raises a subclass of its own, for only a class can be raised in another thread, not an object.


class Limit:
    """The bounds of a block of one thread, from `__enter__` to `__exit__`. Made by `limited`."""

    pause = PAUSE

    def __init__(self, budget: Budget, watcher: Watching, on_overdue: Callable[[], object] | None) -> None:
        self._seconds, self._cpu_seconds = budget.seconds, budget.cpu_seconds
        self._watcher = watcher
        self._on_overdue = on_overdue
        self._over_since: float | None = None  # monotonic seconds
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
        if self._cpu_seconds is None:
            pass  # to look at the clock of a thread is a call into the kernel
        elif _HAS_THREAD_CLOCKS:
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
            if self._interrupt is not None:
                # The first call: what was set while this thread waited for the lock would be delivered at any other.
                _raise_in(self._thread, _CLEAR)
                self._let_raise_again()
            self._has_ended = True
            self._frame = None
            _of_thread.innermost = self._outer
            if self._outer is not None:
                self._outer._inner = None
        self._watcher.release(self)
        if self._interrupt is None or self._reason is None:
            return
        if _came_of(error, self._interrupt) or isinstance(error, TransientError):  # what a library in Rust made of it
            raise self._reason from error

    def extend(self, seconds: float = 0, cpu_seconds: float = 0) -> None:
        """Enlarge the budget: the input turned out to be larger."""
        with _LOCK:
            if self._seconds is not None:
                self._seconds += seconds
            if self._cpu_seconds is not None:
                self._cpu_seconds += cpu_seconds
            if self._interrupt is not None and self._over() is None:
                _raise_in(self._thread, _CLEAR)
                self._let_raise_again()

    def tick(self) -> None:
        """Raise in the thread if it is over its budget. Called by the watcher."""
        with _LOCK:
            if self._has_ended:
                self._watcher.release(self)  # an outer limit's exception may have met `__exit__` before it did so
                return
            reason = self._over()
            if reason is None:
                self._over_since = None
                return
            if self._is_overdue() and self._on_overdue is not None:
                self._on_overdue()
                self._on_overdue = None
            if time.monotonic() < self._raise_at:
                return
            if not self._has_given_way and self._inner_is_over():
                self._has_given_way = True  # once: work that goes on after inner blocks have ended is over all the same
                return
            frame = sys._current_frames().get(self._thread)
            if frame is None or self._outer_has_raised():
                return
            place = frame.f_lasti
            if not self._is_within(frame):
                return
            if self._interrupt is None:
                self._interrupt, self._reason = type("_Interrupt", (_Interrupt,), {}), reason
            self._raise_at = time.monotonic() + AGAIN
            if sys._current_frames().get(self._thread) is not frame or frame.f_lasti != place:
                self._raise_at = 0  # this thread lost the interpreter's lock, and that one went on: the next look
                return
            _raise_in(self._thread, self._interrupt)

    def overdue(self) -> OverBudget | None:
        """What the block is over, once it has not ended although the exception was raised; for any thread."""
        with _LOCK:
            return self._over() if self._over_since is not None and self._is_overdue() else None

    def _is_overdue(self) -> bool:
        now = time.monotonic()
        if self._over_since is None:
            self._over_since = now
        over_for = now - self._over_since
        if over_for > KILL_GRACE:
            watchdog.end_process("work does not end")
        return over_for > ANSWER_WITHIN and not self._has_ended

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

    def _is_within(self, frame: FrameType | None) -> bool:
        """The thread is inside the block now: it waits for the interpreter's lock, which is ours.

        It stands where the exception would be delivered, so one that has just begun to leave the block is let go. One in
        a `__del__` or a callback of the collector, from which Python drops what is raised, is left for the next look, and
        so is one that takes a lock or does what is not to be cut.
        """
        if frame is None or frame.f_code.co_filename == contextlib.__file__ or frame.f_code.co_name in _BORDERS:
            return False
        is_seen, dropping = False, {getattr(callback, "__code__", None) for callback in gc.callbacks}
        while frame is not None:
            code = frame.f_code
            if code.co_filename in _NEVER_WITHIN or code.co_name == "__del__" or code in dropping or code in _UNCUT:
                return False
            is_seen = is_seen or frame is self._frame
            frame = frame.f_back
        if self._frame_was_seen and not is_seen:  # it did leave, and was hit before the first line of `__exit__`
            self._has_ended = True
            self._watcher.release(self)
        self._frame_was_seen = is_seen
        return not self._has_ended

    def _let_raise_again(self) -> None:
        """Once cleared: a thread has one place for what is set and not delivered, so it may have been an outer limit's."""
        limit: Limit | None = self
        while limit is not None:
            limit._raise_at = 0
            limit = limit._outer


class _OfThread(threading.local):
    innermost: Limit | None = None


_of_thread = _OfThread()


def limited(budget: Budget, watcher: Watching, on_overdue: Callable[[], object] | None = None) -> Limit:
    """Bound a block: `with limited(Budget(seconds=60, cpu_seconds=20), watcher) as limit:`; raises OverBudget from it.

    An exception never lands outside of the block, nor in it once its last statement has run. Blocks of one thread may
    be nested: the innermost that is over raises. Code in the block has to be ready to end anywhere, as with
    KeyboardInterrupt, but for functions that are `uncut`. `on_overdue` is called once, by the watcher, if the block has
    not ended ANSWER_WITHIN seconds after the first exception; it has to be quick and must not raise.
    """
    return Limit(budget, watcher, on_overdue)


def uncut(*functions: Callable[..., Any]) -> None:
    """Let no limit raise in these functions and what they call. Of a context manager that is its beginning and its end."""
    _UNCUT.update(inspect.unwrap(function).__code__ for function in functions)


def _came_of(error: BaseException | None, interrupt: type[_Interrupt]) -> bool:
    """True when it is the interrupt, or was raised while the interrupt was handled."""
    for _ in range(100):  # of a chain that may have been made a circle
        if error is None or isinstance(error, interrupt):
            break
        error = error.__cause__ or error.__context__
    return isinstance(error, interrupt)

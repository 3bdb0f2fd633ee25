"""Ends a worker process that can do no more work, so that its worker starts another one.

Two things make it so: C code that does not return within the budget of its work, and C code that keeps all other threads
from running. For the second a thread of C waits, which needs no interpreter; a thread of Python puts it off, again and
again. Nothing is cleaned up: what the process worked at is taken over by its rows.
"""

import faulthandler
import os

import structlog

LEAST_SILENCE = 30.0  # seconds; no call into C that has an end holds the interpreter's lock for so long

log = structlog.get_logger()


class Watchdog:
    """The one of this process; off until `start`, for only the child processes of a worker are started again."""

    def __init__(self) -> None:
        self._silence: float | None = None
        self._nowhere = -1

    @property
    def is_on(self) -> bool:
        """True once it was started."""
        return self._silence is not None

    def start(self, lease: float) -> None:
        """From now on the process may be ended. `lease`: seconds after which work that is not renewed is lost anyway."""
        self._nowhere = os.open(os.devnull, os.O_WRONLY)  # a stack trace would hold paths and values
        self._silence = max(lease, LEAST_SILENCE)

    def feed(self) -> None:
        """Say that threads run. The process ends if it is neither called again nor `rest` before the silence is over."""
        if self._silence is not None:
            faulthandler.dump_traceback_later(self._silence, exit=True, file=self._nowhere)

    def rest(self) -> None:
        """Say that nothing is at work."""
        if self._silence is not None:
            faulthandler.cancel_dump_traceback_later()

    def end_process(self, reason: str) -> None:
        """End the process now, if it may be."""
        if self._silence is not None:
            log.error("process_ended", reason=reason)
            os._exit(1)


watchdog = Watchdog()

"""How long a call goes on: pauses that grow and vary while the server is away or busy, and a deadline for all of it."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from app.client.errors import ClientError, OutOfTime

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0  # seconds; doubles with each retry

RetryCallback = Callable[[ClientError, float], None]
"""Called before each retry, with the error that may pass and the seconds until the next attempt."""


@dataclass(frozen=True)
class Limits:
    """How patient a client is, in seconds."""

    connect: float = 5.0  # for a connection
    silence: float = 60.0  # without a byte; longer than the server may hold a request (30)
    patience: float = 60.0  # that one outage may last before its error is raised; 0 raises at once
    deadline: float | None = None  # of one call, however well it goes; None: none


class Clock(Protocol):
    """Time, so that tests need not wait."""

    def now(self) -> float:
        """Seconds of a clock that never goes back."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The machine's."""

    def now(self) -> float:
        """Seconds of a clock that never goes back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class Patience:
    """The patience of one call. Progress ends an outage; a later one is counted anew."""

    def __init__(self, limits: Limits, clock: Clock, on_trouble: RetryCallback) -> None:
        self._limits, self._clock, self._on_trouble = limits, clock, on_trouble
        self._deadline = None if limits.deadline is None else clock.now() + limits.deadline
        self._since: float | None = None
        self._retries = 0

    def now(self) -> float:
        """Seconds."""
        return self._clock.now()

    def progressed(self) -> None:
        """Note that the call has got further: the outage is over."""
        self._since, self._retries = None, 0

    def after(self, problem: ClientError) -> None:
        """Wait before the next attempt. Raises the problem when it will not pass or has lasted too long, or OutOfTime."""
        if not problem.is_transient:
            raise problem
        now = self._clock.now()
        self._since = now if self._since is None else self._since
        pause = self._pause(problem.retry_after)
        if now + pause - self._since > self._limits.patience:
            raise problem
        self._retries += 1
        self._on_trouble(problem, pause)
        self.sleep(pause)

    def sleep(self, seconds: float) -> None:
        """Wait, within the deadline. Raises OutOfTime."""
        if self._deadline is not None and self._clock.now() + seconds >= self._deadline:
            raise self._out_of_time()
        if seconds > 0:
            self._clock.sleep(seconds)

    def check(self) -> None:
        """Raises OutOfTime once the deadline has passed."""
        if self._deadline is not None and self._clock.now() >= self._deadline:
            raise self._out_of_time()

    def within(self, seconds: float) -> float:
        """So many seconds, or as many as are left until the deadline."""
        return seconds if self._deadline is None else max(min(seconds, self._deadline - self._clock.now()), 0.001)

    def _pause(self, retry_after: float | None) -> float:
        if retry_after is not None:  # never sooner than asked, and not all clients at the same time
            return retry_after + random.uniform(0, 0.1 + retry_after / 10)  # noqa: S311  no secret
        grown = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0**self._retries)
        return grown * random.uniform(0.5, 1)  # noqa: S311

    def _out_of_time(self) -> OutOfTime:
        message = f"Not done within {self._limits.deadline:g} seconds"
        return OutOfTime(message, "Nothing is lost on the server: the same call again goes on")

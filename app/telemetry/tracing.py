"""Traces: what one request set off, over all processes. Off unless the settings name a way for them to leave."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import entry_points
from typing import Protocol

from app.errors import ConfigError

GROUP = "crashq.tracing"
"""The group of entry points: the name that CRASHQ_TRACING says -> a function of the part (web, worker) that returns a Tracing.

What it needs is loaded then, and only then.
"""


class Tracing(Protocol):
    """A way for traces to leave. Spans hold ids, kinds and paths as they are declared; nothing of a user's."""

    is_on: bool

    def name_request(self, traceparent: str | None, /) -> str | None:
        """The id of a request that brings none: that of its trace, which the client may have begun."""

    def serving(
        self, method: str, route: str, request_id: str, traceparent: str | None, /
    ) -> AbstractContextManager[Callable[[int], None]]:
        """A span for the block, which serves a request; gives a function to call with the answer's HTTP status."""

    def carried(self) -> str | None:
        """The current trace for a message, as a `traceparent` of W3C."""

    def task(self, task: str, request_id: str | None, traceparent: str | None, /) -> AbstractContextManager[None]:
        """A span for the block, which performs a task, below that of the message's sender."""

    def working(self, what: str, request_id: str | None, /, **ids: str | int) -> AbstractContextManager[None]:
        """A span for the block, which works for a request: in the trace of that request, whatever message came."""

    def stop(self) -> None:
        """Send what has not been sent."""


class Off:
    """No traces."""

    is_on = False

    def name_request(self, _traceparent: str | None, /) -> str | None:
        """None."""
        return None

    def serving(
        self, _method: str, _route: str, _request_id: str, _traceparent: str | None, /
    ) -> AbstractContextManager[Callable[[int], None]]:
        """Nothing."""
        return nullcontext(lambda _status: None)

    def carried(self) -> str | None:
        """None."""
        return None

    def task(self, _task: str, _request_id: str | None, _traceparent: str | None, /) -> AbstractContextManager[None]:
        """Nothing."""
        return nullcontext()

    def working(self, _what: str, _request_id: str | None, /, **_ids: str | int) -> AbstractContextManager[None]:
        """Nothing."""
        return nullcontext()

    def stop(self) -> None:
        """Nothing."""


now: Tracing = Off()
"""This process's."""


def start(name: str, part: str) -> None:
    """Begin to trace in the way of this name; an empty one: not at all. Call it after a fork. Raises ConfigError."""
    global now
    if not name:
        return
    found = entry_points(group=GROUP, name=name)
    if not found:
        raise ConfigError(f"CRASHQ_TRACING={name} is not installed")
    try:
        begin = next(iter(found)).load()
    except ImportError as error:
        raise ConfigError(f"CRASHQ_TRACING={name} needs more packages: pip install 'crashq[{name}]'") from error
    now = begin(part)

"""Log lines and traces: a request's id, in each line about it, and its trace follow it through all processes.

Traces are off unless the settings name a way for them to leave.
"""

import logging
import re
import secrets
import sys
import traceback
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from importlib.metadata import entry_points
from typing import Any, Protocol, TextIO, cast

import structlog

from app.errors import ConfigError

SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

GROUP = "crashq.tracing"
"""The group of entry points: the name that CRASHQ_TRACING says -> a function of the part (web, worker) that returns a Tracing.

What it needs is loaded then, and only then.
"""


def configure_logs(log_format: str, level: int = logging.INFO) -> None:
    """Send our lines from `level` up, and the standard library's from warnings up, to standard error in one form."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        stack_without_words,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer() if log_format == "json" else structlog.dev.ConsoleRenderer(colors=False)
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, LossyLines(sys.stderr))),
        cache_logger_on_first_use=False,
    )


class LossyLines:
    """A file for lines that are dropped when its disk is full: what they tell of goes on."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, line: str) -> None:
        """Write it, if there is room."""
        with suppress(OSError):
            self._file.write(line)

    def flush(self) -> None:
        """The same."""
        with suppress(OSError):
            self._file.flush()


def stack_without_words(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Tell of an exception by its kind and its stack; what it says may be a user's content, and so is left out."""
    info = event.pop("exc_info", None)
    error = info if isinstance(info, BaseException) else info[1] if isinstance(info, tuple) else None
    if error is None and info is True:
        error = sys.exc_info()[1]
    if error is not None:
        event["exception"] = "\n".join(_stack_lines(error))
    return event


def _stack_lines(error: BaseException) -> Iterator[str]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield f"{type(current).__module__}.{type(current).__qualname__}"
        yield from (f"  {at.filename}:{at.lineno} in {at.name}" for at in traceback.extract_tb(current.__traceback__))
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)


def sane_request_id(header: str | None) -> str | None:
    """The client's own id if it is short and plain."""
    return header if header and SANE_REQUEST_ID.fullmatch(header) else None


def request_id_from(header: str | None) -> str:
    """The client's own id if it is short and plain, else a new one."""
    return sane_request_id(header) or secrets.token_hex(8)


def current_request_id() -> str | None:
    """The id of the request that this code runs for."""
    found = structlog.contextvars.get_contextvars().get("request")
    return found if isinstance(found, str) else None


@contextmanager
def on_behalf_of(request_id: str | None) -> Iterator[None]:
    """Name a request in every log line of the block."""
    with structlog.contextvars.bound_contextvars(**({"request": request_id} if request_id else {})):
        yield


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

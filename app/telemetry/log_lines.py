"""Log lines: one event and its ids per line, for people or as JSON; the request's id follows a job into the worker."""

import logging
import re
import secrets
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

import structlog

SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


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

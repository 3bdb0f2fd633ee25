"""Log lines: one event and its ids per line, for people or as JSON; the request's id follows a job into the worker."""

import logging
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog

SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def configure_logs(log_format: str, level: int = logging.INFO) -> None:
    """Send our lines from `level` up, and the standard library's from warnings up, to standard error in one form."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
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
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )


def request_id_from(header: str | None) -> str:
    """The client's own id if it is short and plain, else a new one."""
    return header if header and SANE_REQUEST_ID.fullmatch(header) else secrets.token_hex(8)


def current_request_id() -> str | None:
    """The id of the request that this code runs for."""
    found = structlog.contextvars.get_contextvars().get("request")
    return found if isinstance(found, str) else None


@contextmanager
def on_behalf_of(request_id: str | None) -> Iterator[None]:
    """Name a request in every log line of the block."""
    with structlog.contextvars.bound_contextvars(**({"request": request_id} if request_id else {})):
        yield

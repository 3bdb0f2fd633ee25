"""How a task is heard: on whose behalf, how long it takes, and what becomes of an error."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

import structlog
from celery import current_task

from app import metrics, tracing
from app.celery_message import REQUEST_HEADER, TRACE_HEADER
from app.errors import TransientError
from app.observe import on_behalf_of
from workers.celery import celery

log = structlog.get_logger()


def hears(name: str) -> Callable[[Callable[..., None]], Any]:
    """Make a function the task of this name. Its lines name the request that rang, and no error of it reaches Celery.

    What an unreachable database keeps it from doing stays due in its rows: one line tells of it, no stack trace.
    """

    def register(work: Callable[..., None]) -> Any:
        @wraps(work)
        def task(*args: str) -> None:
            request_id, trace = current_task.request.get(REQUEST_HEADER), current_task.request.get(TRACE_HEADER)
            begun = time.monotonic()
            with on_behalf_of(request_id), tracing.now.hearing(name, request_id, trace):
                _do(name, work, args)
            metrics.tasks.observe(time.monotonic() - begun, name)

        return celery.task(task, name=name)

    return register


def queue_of_ring() -> str | None:
    """The queue in which the ring for the task at work stood."""
    queue: str | None = (current_task.request.delivery_info or {}).get("routing_key")
    return queue


def _do(name: str, work: Callable[..., None], args: tuple[str, ...]) -> None:
    try:
        work(*args)
    except TransientError as error:
        metrics.task_failures.add(name, "put_off")
        log.warning("task_put_off", task=name, code=error.code)
    except Exception as error:
        metrics.task_failures.add(name, "broke")
        log.exception("task_broke", task=name, error=type(error).__name__)

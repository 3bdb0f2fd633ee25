"""Celery's tasks, made of the functions of workers/tasks.py: on whose behalf they run, and how long they take."""

import time
from typing import Any

from celery import current_task

from app.queueing.broker import REQUEST_HEADER, TRACE_HEADER
from app.telemetry import metrics, tracing
from app.telemetry.log_lines import on_behalf_of
from workers.celery import celery, services
from workers.tasks import TASKS, OutageBackoff, Task, TaskMessage

_backoff = OutageBackoff()  # of the thread in which Celery runs the tasks of this process


def instrumented(name: str, work: Task) -> Any:
    """The task of Celery that does this work. Its lines name the request it was sent for, and no error reaches Celery."""

    def run(*args: str) -> None:
        request = current_task.request
        request_id, trace = request.get(REQUEST_HEADER), request.get(TRACE_HEADER)
        message = TaskMessage(args[0] if args else "", (request.delivery_info or {}).get("routing_key"))
        with on_behalf_of(request_id), tracing.now.task(name, request_id, trace):
            _backoff.perform(name, lambda: _timed(name, work, message))

    return celery.task(run, name=name)


def _timed(name: str, work: Task, message: TaskMessage) -> None:
    begun = time.monotonic()
    try:
        work(services(), message)
    finally:
        metrics.tasks.observe(time.monotonic() - begun, name)


for _name, _work in TASKS.items():
    instrumented(_name, _work)

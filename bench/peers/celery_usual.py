"""Flask + Celery with results in Redis: the usual way. Settings are Celery's own."""

import os
from typing import Any

from celery import Celery

from bench.peers.exports import export
from bench.peers.rows import occurrences
from bench.peers.web import add_exports, make_web

celery = Celery("usual", broker=os.environ["BENCH_REDIS"], backend=os.environ["BENCH_REDIS"])
celery.conf.broker_connection_retry_on_startup = True


@celery.task
def list_occurrences(crash: str) -> list[dict[str, Any]]:
    """The job."""
    return occurrences(crash)


@celery.task
def export_rows(crash: str, format_name: str) -> dict[str, int]:
    """A file of all rows."""
    return export(crash, format_name)


@celery.task
def nothing() -> int:
    """For the bare round trip."""
    return 0


def _look(job_id: str) -> Any:
    found = celery.AsyncResult(job_id)
    return found.get() if found.ready() else None


web = make_web(lambda crash: list_occurrences.delay(crash).id, _look)
add_exports(web, lambda crash, format_name: export_rows.delay(crash, format_name).id, _look)

"""Flask + Dramatiq with results in Redis. Settings are Dramatiq's own."""

import os
from typing import Any

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend
from dramatiq.results.errors import ResultMissing

from bench.peers.rows import occurrences
from bench.peers.web import make_web

broker = RedisBroker(url=os.environ["BENCH_REDIS"])
backend = RedisBackend(url=os.environ["BENCH_REDIS"])
broker.add_middleware(Results(backend=backend))
dramatiq.set_broker(broker)


@dramatiq.actor(store_results=True)
def list_occurrences(crash: str) -> list[dict[str, Any]]:
    """The job."""
    return occurrences(crash)


def _look(job_id: str) -> list[dict[str, Any]] | None:
    try:
        message = list_occurrences.message().copy(message_id=job_id)
        rows: list[dict[str, Any]] = message.get_result(backend=backend)
        return rows
    except ResultMissing:
        return None


web = make_web(lambda crash: str(list_occurrences.send(crash).message_id), _look)

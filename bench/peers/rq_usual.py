"""Flask + RQ. Settings are RQ's own: a process is forked for each job, results are pickled."""

import os
from typing import Any

from redis import Redis
from rq import Queue
from rq.job import Job

from bench.peers.rows import occurrences
from bench.peers.web import make_web

connection = Redis.from_url(os.environ["BENCH_REDIS"])
queue = Queue(connection=connection)


def _look(job_id: str) -> list[dict[str, Any]] | None:
    job = Job.fetch(job_id, connection=connection)
    return job.return_value() if job.is_finished else None


web = make_web(lambda crash: queue.enqueue(occurrences, crash).id, _look)

"""Jobs that wait for something else than the processor: four worker processes against one."""

import logging
import signal
import time
import uuid
from collections.abc import Callable

import psycopg

from app.config import Config
from app.jobs.service import ask
from app.services import Services, open_services
from app.telemetry.log_lines import configure_logs
from bench import subject, waiting
from bench.measure import Outcome, interleaved
from bench.processes import Part
from bench.seed import sow
from bench.stand import Stand
from bench.system import HERE

TITLE = "Jobs finished per second that wait 100 ms each, by worker processes"
ORDER = 10  # the last: it opens crashq's services in this process, which must not fork after that
PROCESSES = 4
JOBS_EACH = 20  # per worker process and round
AWAITED = 60.0  # seconds for all of a round's jobs


def run(stand: Stand) -> Outcome:
    """A database, a queue and workers of its own, so that no other system's worker takes the jobs."""
    with psycopg.connect(f"postgresql://{stand.address}/postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE scale_out")
    address, folder = f"postgresql://{stand.address}/scale_out", stand.folder / "scale-out"
    made = subject.set_up(folder, address, stand.made.environ["REDIS_URL"])
    made.environ["CRASHQ_REDIS_PREFIX"] = "scale-out:"
    [crash] = sow(address, made.app, [], 1).small
    configure_logs("text", logging.WARNING)
    waiting.register()
    services = open_services(Config.from_env(made.environ))
    stand.stack.callback(services.close)

    def finishing(processes: int) -> Callable[[], float]:
        command = [str(HERE / "celery"), "--app", "bench.waiting_worker", "worker", "--queues", "short", "--concurrency",
                   str(processes), "--without-gossip", "--without-mingle", "--loglevel", "warning"]  # fmt: skip
        log = stand.folder / f"worker-of-{processes}.log"
        worker = Part(f"worker of {processes}", command, log, made.environ)
        worker.stop_signal = signal.SIGKILL  # all is done by then; several processes take up to 30 s to end politely

        def once() -> float:
            worker.start()
            try:
                _finished(stand, services, crash, worker, processes * 2)  # all processes have begun by then
                return _finished(stand, services, crash, worker, processes * JOBS_EACH)
            finally:
                worker.stop()

        return once

    names = {processes: f"{processes} worker process{'es' if processes > 1 else ''}" for processes in (1, PROCESSES)}
    contestants = {name: finishing(processes) for processes, name in names.items()}
    outcome = Outcome(
        notes=["The jobs do nothing but wait, as for a store; all else that a job takes is done as always."]
    )
    one, many = outcome.add("jobs/s", interleaved(stand.size.rounds, contestants)).values()
    outcome.target(f"{PROCESSES} processes, of one's", many / one, 3.2, at_most=False)
    return outcome


def _finished(stand: Stand, services: Services, crash: str, worker: Part, number: int) -> float:
    """Jobs per second, from the first question to the last result."""
    [user] = _column(services, "SELECT id FROM users")
    begun = time.perf_counter()
    for _ in range(number):
        ask(services, user, waiting.NAME, crash, {"number": uuid.uuid4().hex})

    def are_over() -> bool:
        worker.check()
        return _column(services, "SELECT count(*) FROM jobs WHERE state IN ('queued', 'running')") == [0]

    if not stand.idle(are_over, AWAITED):
        raise TimeoutError(f"not all of {number} jobs are finished after {AWAITED:.0f} s")
    seconds = time.perf_counter() - begun
    if _column(services, "SELECT count(*) FROM jobs WHERE state <> 'finished'") != [0]:
        raise RuntimeError("a job has failed")
    return number / seconds


def _column(services: Services, statement: str) -> list[int]:
    with psycopg.connect(services.config.database_url.replace("+psycopg", ""), autocommit=True) as connection:
        return [int(row[0]) for row in connection.execute(statement)]

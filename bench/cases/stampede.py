"""Many equal questions at the same time: how often the work is done, and how long the first answers take."""

import time
from collections.abc import Callable

from bench.client import Reply, ask, is_loading, job_id_of
from bench.load import at_once
from bench.measure import Outcome, percentile
from bench.stand import Stand

TITLE = "A stampede of equal requests"
ORDER = 5
CONTESTANTS = ("crashq", "celery", "dramatiq")  # RQ would need a minute for each round
PAUSE = 0.01  # seconds between polls while the jobs that were started run out
AWAITED = 120.0  # seconds


Round = tuple[float, float, int, int]
"""p95 of the first answer and time until every job is finished, both in seconds; job ids; executions."""


def run(stand: Stand) -> Outcome:
    """All requests on connections that are open already; executions are jobs, counted by their ids or by attempts."""
    number = stand.size.stampede
    outcome = Outcome(notes=[f"{number} requests, each on an open connection of its own, sent by one process."])
    rounds: dict[str, Callable[[], Round]] = {name: _stampede(stand, name) for name in CONTESTANTS}
    slowest: dict[str, list[float]] = {}
    whole: dict[str, list[float]] = {}
    ids: dict[str, list[float]] = {}
    executions: dict[str, list[float]] = {}
    for _ in range(stand.size.rounds):
        for name, once in rounds.items():
            title = stand.system(name).title
            seconds, until_all, distinct, executed = once()
            whole.setdefault(f"{title}: until every job is finished", []).append(until_all)
            slowest.setdefault(f"{title}: p95 of the first answer", []).append(seconds * 1_000)
            ids.setdefault(f"{title}: job ids", []).append(distinct)
            executions.setdefault(f"{title}: executions", []).append(executed)
    p95 = outcome.add("ms", slowest)
    outcome.add("s", whole)
    outcome.add("", ids)
    outcome.add("", executions)
    usual = p95[f"{stand.system('celery').title}: p95 of the first answer"]
    outcome.target("p95 of the usual way's", p95["crashq: p95 of the first answer"] / usual, 1)
    outcome.target("job ids", max(ids["crashq: job ids"]), 1, unit="")
    outcome.target("executions", max(executions["crashq: executions"]), 1, unit="")
    return outcome


def _stampede(stand: Stand, name: str) -> Callable[[], Round]:
    system = stand.system(name)

    def once() -> Round:
        [crash] = system.fresh(stand.seed, 1)
        path, poll_path = system.question(crash)
        started = time.perf_counter()
        answers = at_once(system.base, system.headers, path, stand.size.stampede)
        ids = {job_id_of(_reply(answer)) for _, answer in answers}
        connection = system.connect()
        for job_id in ids:
            polling = poll_path.replace("{job_id}", job_id)
            ask(connection, polling, polling, PAUSE, AWAITED)
        until_all, executed = time.perf_counter() - started, len(ids)
        if name == "crashq":
            statement = "SELECT sum(attempt) FROM jobs JOIN crashes ON crashes.id = crash_id WHERE identifier = %s"
            executed = int(str(stand.query(statement, crash)[0][0]))
        connection.close()
        return percentile([seconds for seconds, _ in answers], 0.95), until_all, len(ids), executed

    return once


def _reply(answer: bytes) -> Reply:
    head, _, body = answer.partition(b"\r\n\r\n")
    reply = Reply(int(head[9:12]), head, body, len(body))
    is_loading(reply)  # raises when it is an error
    return reply

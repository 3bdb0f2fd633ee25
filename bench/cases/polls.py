"""Polls of a finished job of ten rows: the request that a service sees most."""

import time
from collections.abc import Callable

from bench.client import Connection, ask, job_id_of, rows_in
from bench.load import side_by_side
from bench.measure import Outcome, interleaved
from bench.seed import SMALL_ROWS
from bench.stand import PEERS, Stand

TITLE = "Polls per second of a finished 10-row job"
ORDER = 2
SERVERS = "crashq runs on granian, the peers on gunicorn, a constant view on either."
CLIENTS = 8  # connections, each in a process of its own: as many as the servers have threads
PAUSE = 0.01  # seconds between polls until it is finished


def run(stand: Stand) -> Outcome:
    """The whole body and 304 from crashq, the body from each peer, a constant from the same server."""
    outcome = Outcome(notes=[f"{CLIENTS} keep-alive connections; 2 × 4 server threads for everyone.", SERVERS])
    contestants: dict[str, Callable[[], float]] = {}
    for name in ("crashq", *PEERS):
        system = stand.system(name)
        connection = system.connect()
        [crash] = system.fresh(stand.seed, 1)
        path, poll_path = system.question(crash)
        reply = ask(connection, path, poll_path, PAUSE)
        poll_path = poll_path.replace("{job_id}", job_id_of(reply))
        reply = connection.get(poll_path)
        if rows_in(reply) != SMALL_ROWS:
            raise RuntimeError(f"{system.title} answered with {rows_in(reply)} rows of {SMALL_ROWS}")
        contestants[system.title] = _polling(stand, system.base, connection.request("GET", poll_path), 200)
        if name == "crashq":
            unchanged = connection.request("GET", poll_path, If_None_Match=reply.header("ETag"))
            contestants["crashq, If-None-Match → 304"] = _polling(stand, system.base, unchanged, 304)
        connection.close()
    for name in ("constant", "gunicorn"):
        system = stand.system(name)
        contestants[system.title] = _polling(stand, system.base, system.connect().request("GET", "/constant"), 200)
    middle = outcome.add("polls/s", interleaved(stand.size.rounds, contestants))
    usual = middle[stand.system("celery").title]
    outcome.target("of the usual way's", middle["crashq"] / usual, 1.5, at_most=False)
    outcome.target("of the usual way's, with 304", middle["crashq, If-None-Match → 304"] / usual, 2, at_most=False)
    outcome.target("of a constant view", middle["crashq"] / middle[stand.system("constant").title], 0.4, at_most=False)
    return outcome


def _polling(stand: Stand, base: str, request: bytes, status: int) -> Callable[[], float]:
    def client(_: int) -> int:
        connection, polls = Connection(base), 0
        deadline = time.perf_counter() + stand.size.seconds
        while time.perf_counter() < deadline:
            if (got := connection.send(request).status) != status:
                raise RuntimeError(f"status {got} instead of {status}")
            polls += 1
        return polls

    return lambda: sum(side_by_side(CLIENTS, client)) / stand.size.seconds

"""What a long list costs in memory: web, worker and Redis, over a warm start."""

from bench.client import ask, job_id_of, rows_in
from bench.measure import Outcome
from bench.memory import Growth
from bench.stand import PEERS, Stand
from bench.system import System

TITLE = "Peak growth of memory while a list is made and sent"
ORDER = 9  # last: it starts the systems anew
PAUSE = 0.02  # seconds between polls
WARM = 20  # small jobs before the first look
MIB_ALLOWED = 64
REPEATS = 3  # in a full run


def run(stand: Stand) -> Outcome:
    """Each system started anew, then one list of each size; RQ forks per job, so its children come and go."""
    outcome = Outcome(
        notes=["Growth over a fresh start and a few small jobs; the sizes follow one another, ascending."]
    )
    found: dict[str, list[float]] = {}
    for _ in range(1 if stand.size.rounds <= REPEATS else REPEATS):
        for name in ("crashq", *PEERS):
            _measure(stand, stand.system(name), found)
    middle = outcome.add("MiB", found)
    for rows in stand.size.big:
        outcome.target(f"growth at {rows:,} rows", middle[f"crashq, {rows:,} rows: all"], MIB_ALLOWED, unit="MiB")
    return outcome


def _measure(stand: Stand, system: System, found: dict[str, list[float]]) -> None:
    system.stop()
    system.start()
    connection = system.connect()
    for crash in system.fresh(stand.seed, WARM):
        ask(connection, *system.question(crash), PAUSE)
    sizes = stand.size.big if system.name == "crashq" else stand.size.big[:2]
    growth = Growth(system)
    for rows in sizes:
        with growth:
            reply = ask(connection, *system.question(stand.seed.big[rows]), PAUSE)
        if rows_in(reply) != rows:
            raise RuntimeError(f"{system.title} answered with {rows_in(reply):,} rows of {rows:,}")
        where = f"{system.title}, {rows:,} rows"
        for role in ("web", "worker"):
            found.setdefault(f"{where}: {role}", []).append(growth.of(role))
        found.setdefault(f"{where}: kept in Redis", []).append(growth.kept_in_redis)
        found.setdefault(f"{where}: all", []).append(growth.total)
        system.forget(connection, job_id_of(reply))
    connection.close()

"""Logs in: accepted and digested per second, from eight senders, beside Bugsink on the same events, and with triage."""

import time
from collections.abc import Callable

import psycopg

from bench.client import Connection
from bench.events import LARGEST, SMALLEST, events, total_size
from bench.load import side_by_side
from bench.measure import Outcome, percentile
from bench.peers import bugsink
from bench.stand import Stand, say

TITLE = "Logs accepted and digested per second, 8 senders"
ORDER = 8
SENDERS = 8
RESOLVED = "crashq, all crashes resolved"
AWAITED = 120.0  # seconds for all of a round's logs to be digested

Round = tuple[float, float, float]
"""Accepted per second, p95 of an answer in ms, digested per second from the first request on."""


def run(stand: Stand) -> Outcome:
    """Every round sends new events to one, waits until all are digested, and then to the other."""
    outcome = Outcome(
        notes=[f"Sentry events of {SMALLEST:,} to {LARGEST:,} bytes made from the project's own samples."]
    )
    to_crashq = _to_crashq(stand)
    contestants: dict[str, Callable[[], Round]] = {"crashq": to_crashq, RESOLVED: _resolved(stand, to_crashq)}
    if bugsink.is_there():
        say("  starting Bugsink")
        contestants["Bugsink"] = _to_bugsink(stand)
    else:
        outcome.notes.append("Bugsink is not installed, and left out: `make .venv/bugsink/installed`.")
    accepted: dict[str, list[float]] = {}
    slowest: dict[str, list[float]] = {}
    digested: dict[str, list[float]] = {}
    for _ in range(stand.size.rounds):
        for name, once in contestants.items():
            for kept, value in zip((accepted, slowest, digested), once(), strict=True):
                kept.setdefault(name, []).append(value)
    taken = outcome.add("logs/s", {f"{name}: accepted": values for name, values in accepted.items()})
    p95 = outcome.add("ms", {f"{name}: p95 of an answer": values for name, values in slowest.items()})
    done = outcome.add("logs/s", {f"{name}: digested": values for name, values in digested.items()})
    outcome.target(
        "digested when each event is checked for a regression", done[f"{RESOLVED}: digested"] / done["crashq: digested"],
        0.95, at_most=False,
    )  # fmt: skip
    if "Bugsink" in contestants:
        outcome.target("digested, of Bugsink's", done["crashq: digested"] / done["Bugsink: digested"], 5, at_most=False)
        outcome.target(
            "accepted, of Bugsink's", taken["crashq: accepted"] / taken["Bugsink: accepted"], 3, at_most=False
        )
        ratio = p95["crashq: p95 of an answer"] / p95["Bugsink: p95 of an answer"]
        outcome.target("p95 of an answer, of Bugsink's", ratio, 0.5)
    return outcome


def _to_crashq(stand: Stand) -> Callable[[], Round]:
    system, made = stand.system("crashq"), stand.made
    headers = {"Authorization": f"Token {made.key}"}

    def request(connection: Connection, event_id: str, content: bytes) -> bytes:
        return connection.request("POST", f"/api/apps/{made.app}/logs?log_id={event_id}", content)

    def digested() -> int:
        return int(str(stand.query("SELECT count(*) FROM logs WHERE status = 'digested'")[0][0]))

    return lambda: _round(stand, lambda: Connection(system.base, headers), request, digested, 202)


def _resolved(stand: Stand, once: Callable[[], Round]) -> Callable[[], Round]:
    """The same while each crash is resolved in a version that never comes, so that each digest looks for a regression."""

    def resolve(state: str, version: str | None) -> None:
        stand.query("UPDATE crashes SET state = %s, resolved_in = %s, state_changed_at = now()", state, version)

    def resolved() -> Round:
        resolve("resolved", "9999.0")
        try:
            return once()
        finally:
            resolve("open", None)

    return resolved


def _to_bugsink(stand: Stand) -> Callable[[], Round]:
    with psycopg.connect(f"postgresql://{stand.address}/postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE bugsink")
    running = bugsink.start(stand.folder / "bugsink", stand.address)
    stand.stack.callback(running.stop)

    def digested() -> int:
        with psycopg.connect(f"postgresql://{stand.address}/bugsink") as connection:
            return int((connection.execute("SELECT count(*) FROM events_event").fetchone() or (0,))[0])

    return lambda: _round(stand, lambda: Connection(running.base), running.request, digested, 200)


def _round(
    stand: Stand,
    connect: Callable[[], Connection],
    request: Callable[[Connection, str, bytes], bytes],
    digested: Callable[[], int],
    status: int,
) -> Round:
    made = events(stand.size.logs)
    if not SMALLEST <= total_size(made) / len(made) <= LARGEST:
        raise RuntimeError("the events have not the size that is reported")
    wanted = digested() + len(made)

    def sender(index: int) -> tuple[float, float, list[float]]:
        connection, seconds = connect(), []
        requests = [request(connection, *event) for event in made[index::SENDERS]]
        begun = time.perf_counter()  # one clock for all processes of a Linux machine
        for content in requests:
            started = time.perf_counter()
            if (reply := connection.send(content)).status != status:
                raise RuntimeError(f"status {reply.status}: {bytes(reply.body[:300])!r}")
            seconds.append(time.perf_counter() - started)
        return begun, time.perf_counter(), seconds

    sent = side_by_side(SENDERS, sender)
    begun, ended = min(first for first, _, _ in sent), max(last for _, last, _ in sent)
    if not stand.idle(lambda: digested() >= wanted, AWAITED):
        raise TimeoutError(f"{wanted - digested()} of {len(made)} logs are not digested after {AWAITED:.0f} s")
    over = time.perf_counter()
    answers = [seconds for _, _, all_seconds in sent for seconds in all_seconds]
    return len(made) / (ended - begun), percentile(answers, 0.95) * 1_000, len(made) / (over - begun)

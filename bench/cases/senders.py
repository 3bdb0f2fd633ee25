"""Two hundred senders at once, as after a release that went wrong: events, minidumps and symbols, and one app over its rate."""

import json
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from app.samples import samples
from bench import subject
from bench.client import Connection
from bench.events import events
from bench.load import side_by_side
from bench.measure import Outcome, percentile
from bench.stand import Stand

TITLE = "Two hundred senders at once: events, minidumps, symbols, and an app over its rate"
ORDER = 8.5
PROCESSES, THREADS = 4, 50
REQUESTS = 5  # of each sender
LIMIT = 50  # logs a minute of the app that sends more
AWAITED = 120.0  # seconds for all of a round's logs to be digested
KINDS = ("event",) * 6 + ("minidump",) * 2 + ("symbols", "event over the rate")
"""Ten senders in turn."""
TAKEN = (200, 202)


class Sent(NamedTuple):
    """One request and its answer."""

    kind: str
    status: int
    seconds: float


def run(stand: Stand) -> Outcome:
    """Each round sends, and waits until all that was taken is digested and every file of symbols is read."""
    outcome = Outcome(
        notes=[
            f"{PROCESSES * THREADS} connections, {REQUESTS} requests on each: of ten senders six send events, two minidumps, "
            f"one files of symbols, and one belongs to an app that may send {LIMIT} logs a minute."
        ]
    )
    system, limited = stand.system("crashq"), _limited(stand)
    taken, slowest, digested = [], [], []
    lost, answers, over = 0, Counter[int](), Counter[int]()
    for number in range(stand.size.rounds):
        before = _stored(stand)
        begun = time.perf_counter()
        sent = _send(stand.made, limited, system.base, system.headers, number)
        seconds = time.perf_counter() - begun
        accepted = [one for one in sent if one.status in TAKEN]
        logs = sum(one.kind != "symbols" for one in accepted)
        if not stand.idle(lambda: _waiting(stand) == 0, AWAITED):
            raise TimeoutError(f"{_waiting(stand)} logs or files are not read after {AWAITED:.0f} s")
        digested.append(logs / (time.perf_counter() - begun))
        after = _stored(stand)
        lost += len(accepted) - (after - before)
        taken.append(len(accepted) / seconds)
        slowest.append(percentile([one.seconds for one in sent], 0.95) * 1_000)
        answers.update(one.status for one in sent if one.kind != "event over the rate")
        over.update(one.status for one in sent if one.kind == "event over the rate")
    outcome.add("requests/s", {"taken": taken})
    outcome.add("ms", {"p95 of an answer": slowest})
    outcome.add("logs/s", {"digested": digested})
    told = "; ".join(f"{number:,} × {status}" for status, number in sorted(answers.items()))
    refused = "; ".join(f"{number:,} × {status}" for status, number in sorted(over.items()))
    outcome.notes.append(f"Answers: {told}. Of the app over its rate: {refused}.")
    outcome.target("taken and not stored", float(lost), 0, unit="requests")
    outcome.target(
        "answers but success", float(sum(n for s, n in answers.items() if s not in TAKEN)), 0, unit="requests"
    )
    outcome.target("refused with 429 where the rate was exceeded", float(over[429]), 1, at_most=False, unit="requests")
    return outcome


def _limited(stand: Stand) -> subject.AddedApp:
    made = subject.add_app(stand.folder / "crashq", stand.made, "over its rate")
    system = stand.system("crashq")
    body = json.dumps({"logs_per_minute": LIMIT}).encode()
    connection = Connection(system.base, {**system.headers, "Content-Type": "application/json"})
    if connection.send(connection.request("PATCH", f"/api/apps/{made.app}/settings", body)).status != 200:
        raise RuntimeError("the rate of the app could not be set")
    return made


def _stored(stand: Stand) -> int:
    return int(str(stand.query("SELECT (SELECT count(*) FROM logs) + (SELECT count(*) FROM symbols)")[0][0]))


def _waiting(stand: Stand) -> int:
    logs = "SELECT count(*) FROM logs WHERE status = 'received'"
    symbols = "SELECT count(*) FROM symbols WHERE state = 'received'"
    return int(str(stand.query(f"SELECT ({logs}) + ({symbols})")[0][0]))


def _send(
    own: subject.Crashq, limited: subject.AddedApp, base: str, headers: dict[str, str], number: int
) -> list[Sent]:
    made = events(PROCESSES * THREADS * REQUESTS)
    dumps = [path.read_bytes() for path in samples() if path.suffix == ".dmp"]

    def request(connection: Connection, kind: str, index: int) -> bytes:
        event_id, content = made[index]
        envelope = b"\n".join((json.dumps({"event_id": event_id}).encode(), b'{"type":"event"}', content))
        if kind == "minidump":
            dump = dumps[index % len(dumps)] + (number << 16 | index).to_bytes(8, "little")  # a file of its own
            path = f"/api/{own.project}/minidump/?sentry_key={own.key}"
            return connection.request("POST", path, dump, Content_Type="application/octet-stream")
        if kind == "symbols":
            return connection.request("POST", f"/api/apps/{own.app}/symbols", _symbols(f"{number:04x}{index:012x}"))
        project, key = (own.project, own.key) if kind == "event" else (limited.project, limited.key)
        auth = f"Sentry sentry_key={key}, sentry_version=7"
        return connection.request("POST", f"/api/{project}/envelope/", envelope, X_Sentry_Auth=auth)

    def sender(index: int) -> list[Sent]:
        kind = KINDS[index % len(KINDS)]
        connection, found = Connection(base, headers if kind == "symbols" else {}), []
        for one in range(REQUESTS):
            content = request(connection, kind, index * REQUESTS + one)
            begun = time.perf_counter()
            found.append(Sent(kind, connection.send(content).status, time.perf_counter() - begun))
        connection.close()
        return found

    return [one for some in side_by_side(PROCESSES, _many(sender)) for one in some]


def _many(sender: Callable[[int], list[Sent]]) -> Callable[[int], list[Sent]]:
    def work(process: int) -> list[Sent]:
        with ThreadPoolExecutor(THREADS) as pool:
            found = pool.map(sender, range(process * THREADS, (process + 1) * THREADS))
            return [one for some in found for one in some]

    return work


def _symbols(number: str) -> bytes:
    """A Breakpad file of its own."""
    lines = "".join(f"FUNC {at * 16:x} 10 0 function_{at}\n{at * 16:x} 10 {at + 1} 0\n" for at in range(200))
    return f"MODULE Linux x86_64 {number:0>32}0 lib{number}.so\nFILE 0 /src/{number}.c\n{lines}".encode()

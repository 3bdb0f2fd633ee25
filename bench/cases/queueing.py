"""Logs that wait in a spike: a running service beside the simulation of docs/scale.md."""

import threading
import time
from random import Random

from bench.client import Connection
from bench.events import events
from bench.load import side_by_side
from bench.measure import Outcome
from bench.simulation import exponential, simulate
from bench.stand import Stand

TITLE = "Logs that wait in a spike, beside the simulation"
ORDER = 8
SENDERS = 4
CALM_FOR, SPIKE_FOR = 2.0, 3.0  # seconds before and of the spike
CALM, SPIKE = 0.4, 2.5  # times what is digested a second
LOOK_EVERY = 0.05  # seconds
AWAITED = 120.0


def run(stand: Stand) -> Outcome:
    """Measure what is digested a second, then send less than that, and more for some seconds."""
    outcome = Outcome(notes=["Two cores take, digest and send: the rate is that of all at once."])
    stand.system("crashq")
    _send(stand, [0.0] * stand.size.logs)  # what is opened and compiled once
    waiting, predicted, over, simulated = [], [], [], []
    for number in range(stand.size.rounds):
        begun = time.perf_counter()
        _send(stand, [0.0] * stand.size.logs)
        _until_digested(stand)
        rate = stand.size.logs / (time.perf_counter() - begun)
        arrivals = _arrivals(rate)
        model = simulate(arrivals, exponential(1 / rate, Random(number)), 1)  # noqa: S311
        longest, seconds = _measured(stand, arrivals)
        waiting.append(float(longest))
        predicted.append(float(model.longest))
        over.append(seconds)
        simulated.append(arrivals[-1] + model.empty_after)
    longest_of = outcome.add("logs", {"most that waited": waiting, "simulated": predicted})
    ended = outcome.add("s", {"until nothing waited": over, "until nothing waited, simulated": simulated})
    ratio = ended["until nothing waited"] / ended["until nothing waited, simulated"]
    outcome.target("until nothing waited, of the simulation", ratio, 1.3)
    outcome.target("most that waited, of the simulation", longest_of["most that waited"] / longest_of["simulated"], 1.5)
    return outcome


def _arrivals(rate: float) -> list[float]:
    calm = [index / (CALM * rate) for index in range(int(CALM * rate * CALM_FOR))]
    return calm + [CALM_FOR + index / (SPIKE * rate) for index in range(int(SPIKE * rate * SPIKE_FOR))]


def _measured(stand: Stand, arrivals: list[float]) -> tuple[int, float]:
    """(most logs that waited at once, seconds until nothing waits)."""
    seen, is_over = [0], threading.Event()

    def look() -> None:
        while not is_over.wait(LOOK_EVERY):
            seen.append(_waiting(stand))

    looker = threading.Thread(target=look, daemon=True)
    looker.start()
    begun = time.perf_counter()
    try:
        _send(stand, arrivals)
        _until_digested(stand)
        return max(seen), time.perf_counter() - begun
    finally:
        is_over.set()
        looker.join()


def _send(stand: Stand, times: list[float]) -> None:
    """Send a log at each of these seconds from now on, or as soon as its sender is free."""
    system, made = stand.system("crashq"), events(len(times))
    headers = {"Authorization": f"Token {stand.made.key}"}

    def sender(index: int) -> None:
        connection, begun = Connection(system.base, headers), time.perf_counter()
        for at, (event_id, content) in list(zip(times, made, strict=True))[index::SENDERS]:
            time.sleep(max(begun + at - time.perf_counter(), 0))
            path = f"/api/apps/{stand.made.app}/logs?log_id={event_id}"
            if (reply := connection.send(connection.request("POST", path, content))).status != 202:
                raise RuntimeError(f"status {reply.status}")

    side_by_side(SENDERS, sender)


def _until_digested(stand: Stand) -> None:
    if not stand.idle(lambda: _waiting(stand) == 0, AWAITED):
        raise TimeoutError(f"{_waiting(stand)} logs wait after {AWAITED:.0f} s")


def _waiting(stand: Stand) -> int:
    return int(str(stand.query("SELECT count(*) FROM logs WHERE status = 'received'")[0][0]))

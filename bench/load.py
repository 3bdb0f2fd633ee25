"""Many clients at once: processes that begin together, or one process that opens a thousand connections."""

import multiprocessing
import selectors
import time
from collections.abc import Callable
from typing import Any, TypeVar

from bench.client import Connection

T = TypeVar("T")
GRACE = 120.0  # seconds for all clients to end

_forking = multiprocessing.get_context("fork")


def side_by_side(number: int, work: Callable[[int], T]) -> list[T]:
    """Run `work(0)` … `work(number - 1)` in processes of their own that begin together; returns what each returned."""
    gate = _forking.Barrier(number)
    pipes, processes = [], []
    for index in range(number):
        here, there = _forking.Pipe(duplex=False)
        process = _forking.Process(target=_client, args=(gate, there, work, index), daemon=True)
        process.start()
        there.close()
        pipes.append(here)
        processes.append(process)
    try:
        found = [_received(pipe) for pipe in pipes]
    finally:
        for process in processes:
            process.join(1)
            if process.is_alive():
                process.kill()
                process.join()
    for failure, _ in found:
        if failure:
            raise RuntimeError(f"a client failed: {failure}")
    return [result for _, result in found]


def at_once(base: str, headers: dict[str, str], path: str, number: int) -> list[tuple[float, bytes]]:
    """Send one request on each of `number` open connections at the same time; (seconds until its answer, answer) of each."""
    connections = [Connection(base, headers) for _ in range(number)]
    selector = selectors.DefaultSelector()
    answers: list[tuple[float, bytes]] = []
    try:
        for connection in connections:
            connection.open().setblocking(False)
            selector.register(connection.open(), selectors.EVENT_READ, bytearray())
        request = connections[0].request("GET", path)
        started = time.perf_counter()
        for connection in connections:
            connection.open().send(request)
        while len(answers) < number:
            if time.perf_counter() - started > GRACE:
                raise TimeoutError(f"{number - len(answers)} of {number} requests without an answer")
            for key, _ in selector.select(1):
                received: Any = key.fileobj
                key.data.extend(received.recv(65_536))
                if _is_whole(key.data):
                    answers.append((time.perf_counter() - started, bytes(key.data)))
                    selector.unregister(key.fileobj)
    finally:
        selector.close()
        for connection in connections:
            connection.close()
    return answers


def _is_whole(answer: bytearray) -> bool:
    head, separator, body = bytes(answer).partition(b"\r\n\r\n")
    if not separator:
        return False
    length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0")
    return len(body) >= int(length.partition(b":")[2])


def _client(gate: Any, pipe: Any, work: Callable[[int], Any], index: int) -> None:
    try:
        gate.wait(GRACE)
        pipe.send(("", work(index)))
    except BaseException as error:
        pipe.send((f"{type(error).__name__}: {error}", None))


def _received(pipe: Any) -> tuple[str, Any]:
    try:
        return pipe.recv() if pipe.poll(GRACE) else ("no answer in time", None)
    except EOFError:
        return "ended without an answer", None

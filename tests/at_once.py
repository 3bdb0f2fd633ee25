"""Calls a function from many threads at the same time."""

import threading
from collections.abc import Callable


def at_once(number: int, act: Callable[[int], object]) -> list[Exception]:
    """Call `act` from that many threads at the same time; returns what they raised."""
    start, raised = threading.Barrier(number), []

    def call(index: int) -> None:
        start.wait()
        try:
            act(index)
        except Exception as error:
            raised.append(error)

    threads = [threading.Thread(target=call, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised

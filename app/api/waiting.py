"""`Prefer: wait=N` (RFC 7240): holding a request until its job ends, for a bounded number of requests and seconds."""

import re
import threading
import time
from collections.abc import Callable

MAX_WAIT = 30  # seconds; below what common proxies allow a request
FIRST_LOOK = 0.0018  # seconds: no job is done sooner
SHORTEST_PAUSE, LONGEST_PAUSE = 0.0005, 0.25  # seconds between looks at the row, growing
GROWTH = 1.15  # so that an answer comes at most that much later than it could, after some 40 looks in all

_WAIT = re.compile(r"(?:^|,)\s*wait\s*=\s*\"?(\d{1,9})\"?\s*(?:;[^,]*)?(?=,|$)", re.IGNORECASE)


def wanted_wait(prefer: str) -> int | None:
    """Seconds asked for, at most MAX_WAIT; None when the header does not ask."""
    match = _WAIT.search(prefer)
    return min(int(match[1]), MAX_WAIT) if match else None


class WaitingRoom:
    """At most `places` requests of this process wait at a time, so that others always find a thread."""

    def __init__(self, places: int) -> None:
        self._places = threading.BoundedSemaphore(places)

    def wait(self, seconds: int, is_over: Callable[[], bool]) -> bool:
        """Return True after `is_over()` or when the seconds have passed; False at once when there is no place."""
        if not self._places.acquire(blocking=False):
            return False
        try:
            deadline, pause = time.monotonic() + seconds, SHORTEST_PAUSE
            time.sleep(min(FIRST_LOOK, seconds))
            while not is_over() and (left := deadline - time.monotonic()) > 0:
                time.sleep(min(pause, left))
                pause = min(pause * GROWTH, LONGEST_PAUSE)
        finally:
            self._places.release()
        return True

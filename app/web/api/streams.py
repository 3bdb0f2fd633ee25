"""The open streams of a process: how many there may be, and how long one lasts."""

import math
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from app.db.queries.job_signs import Sign, Watched, signs
from app.errors import TooManyRequests, TransientError
from app.services import Services
from app.web.api.watching import Watch

OF_ONE_TOKEN = 4  # a browser has six connections to a host, and needs some for everything else
OF_ONE_USER = 0.5  # of all places, with all tokens
OF_ONE_APP = 0.75  # of all places, of all users of its jobs
COME_BACK = 5  # seconds until it is worth asking for a place again


@dataclass(frozen=True)
class StreamTimes:
    """The times of a stream, in seconds."""

    heartbeat: float = (
        5  # of silence, after which a comment is sent: shows the reader to be gone, and a proxy that we are not
    )
    lifetime: float = 30  # as long as the longest `Prefer: wait`, so that a server that stops can wait for its streams


class Streams:
    """Each stream holds a thread, so there are `places` at most, some of which each token, user and app leaves to others."""

    def __init__(self, services: Services, places: int, pace: StreamTimes | None = None) -> None:
        self.pace = pace or StreamTimes()
        self.watch: Watch[Watched, Sign] = Watch(lambda watched: signs(services.db, watched, services.now()))
        self._places = places
        self._of_one_user, self._of_one_app = _share(places, OF_ONE_USER), _share(places, OF_ONE_APP)
        self._tokens: Counter[str] = Counter()
        self._users: Counter[int] = Counter()
        self._apps: Counter[int] = Counter()
        self._lock = threading.Lock()

    def enter(self, holder: str, user: int, app: int) -> Callable[[], None]:
        """Take a place for a user's token to follow a job of an app (row ids); returns what gives it back, once.

        Raises TransientError or TooManyRequests.
        """
        with self._lock:
            for number, most in ((self._tokens[holder], OF_ONE_TOKEN), (self._users[user], self._of_one_user)):
                if 0 < most <= number:
                    raise TooManyRequests(f"You have {number} open streams; close one, or poll", retry_after=COME_BACK)
            if self._tokens.total() >= self._places or self._apps[app] >= self._of_one_app:
                raise TransientError("No more streams can be opened now; poll instead", retry_after=COME_BACK)
            self._tokens[holder] += 1
            self._users[user] += 1
            self._apps[app] += 1
        return _Once(lambda: self._leave(holder, user, app))

    def _leave(self, holder: str, user: int, app: int) -> None:
        with self._lock:
            self._tokens[holder] -= 1
            self._users[user] -= 1
            self._apps[app] -= 1
            # keep no entry of those that have none
            self._tokens, self._users, self._apps = +self._tokens, +self._users, +self._apps


def _share(places: int, most: float) -> int:
    """How many of the places one may have: a part of them, rounded up, but the last one only if there is no other."""
    return min(math.ceil(places * most), max(places - 1, 1))


class _Once:
    """Calls at the first call only: the server may report the end of an answer twice."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act: Callable[[], None] | None = act

    def __call__(self) -> None:
        act, self._act = self._act, None
        if act is not None:
            act()

"""The open streams of a process: how many there may be, how long one lasts, and the one look that serves all of them."""

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.db.queries.job_signs import Sign, Watched, signs
from app.errors import TooManyRequests, TransientError
from app.services import Services

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.25  # seconds between looks, growing: short after somebody came
GROWTH = 1.25


class Watch(Generic[K, V]):
    """`look` tells the values of many keys at once, and leaves out those that may not be seen (any more).

    There is no thread that looks: where nobody waits, nothing is looked at.
    """

    def __init__(self, look: Callable[[Collection[K]], Mapping[K, V]], pause: float = FIRST_PAUSE) -> None:
        self._look = look
        self._changed = threading.Condition()
        self._waiting: Counter[K] = Counter()
        self._first_pause = self._pause = pause
        self._next_at = 0.0  # monotonic seconds
        self._begun = self._seen_in = 0  # numbers of looks: begun, and the one whose answer is there
        self._seen: Mapping[K, V] = {}
        self._somebody_looks = False

    def hurry(self) -> None:
        """Look again soon: somebody came, whose job may be a short one."""
        with self._changed:
            self._pause = self._first_pause
            self._next_at = min(self._next_at, time.monotonic() + self._pause)
            self._changed.notify_all()

    def wait(self, key: K, known: V, seconds: float) -> V | None:
        """The value of a key once it is another than `known`, which comes back after so many seconds; None: not to be seen."""
        until = time.monotonic() + seconds
        with self._changed:
            self._waiting[key] += 1
            since = self._begun  # what was found by looks before this one is older than what is known
            try:
                while True:
                    if self._seen_in > since and self._seen.get(key) != known:
                        return self._seen.get(key)
                    now = time.monotonic()
                    if now >= until:
                        return known
                    if now < self._next_at or self._somebody_looks:
                        self._changed.wait(min(until, max(self._next_at, now + self._first_pause)) - now)
                    else:
                        self._look_for_all()
            finally:
                self._waiting[key] -= 1
                if not self._waiting[key]:
                    del self._waiting[key]

    def _look_for_all(self) -> None:
        """Look without holding the lock, which the caller has."""
        self._somebody_looks = True
        self._begun += 1
        number, keys = self._begun, list(self._waiting)
        self._changed.release()
        found: Mapping[K, V] | None = None
        try:
            found = self._look(keys)
        except TransientError:  # the next look may succeed; meanwhile nothing is known to have changed
            pass
        finally:
            self._changed.acquire()
            self._somebody_looks = False
            self._pause = min(self._pause * GROWTH, LONGEST_PAUSE)
            self._next_at = time.monotonic() + self._pause
            if found is not None:
                self._seen, self._seen_in = found, number
            self._changed.notify_all()


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

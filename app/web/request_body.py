"""The body of a request as it comes in: without a request slot, at a least rate, and within a time limit.

Granian reads a body on the thread of its request and waits for as long as the client likes. What ends the wait is the
answer: it is sent while the thread still reads, and the connection is closed with it.
"""

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from app.errors import STATUS_WORDS, AppError, BadParameters, TransientError

PROTOCOL = "granian.protocol"  # in the environ: what the server answers by, from any thread
BODY = "crashq.body"  # in the environ: the IncomingBody

LARGEST_PIECE = 16 * 1024  # bytes that are read at a time; the server hands them over when all of them have come
LEAST_RATE = 1_024  # bytes a second, beyond the time that any body may take
LONGEST = 600  # seconds of waiting for one body, at whatever rate
BODIES = 512  # of one process that come in at a time, each with a thread; the next one is answered with 503
COME_BACK = 5  # seconds
LOOK_EVERY = 0.2  # seconds between looks for bodies that are late
DRAINED = 32 * 1024 * 1024  # bytes that are read and dropped so that a client which still writes reads its error
DRAIN_WITHIN = 10.0  # seconds, or what any body may take if that is less

Answer = tuple[int, list[tuple[str, str]], bytes]  # status, headers, body


class SlowBody(AppError):
    """The body came below the least rate, or took too long."""

    code, status, message = "request_timeout", 408, "The body came too slowly"


class Bodies:
    """The bodies that a process reads: so many at a time, and none for longer than it may take."""

    def __init__(self, within: float, rest: Callable[[], AbstractContextManager[object]], most: int = BODIES) -> None:
        """`within`: seconds that any body may take. `rest` is entered while a request waits for its body."""
        self.within, self.rest = within, rest
        self._places = threading.BoundedSemaphore(most)
        self._open: set[IncomingBody] = set()
        self._lock = threading.Lock()
        self._watcher: threading.Thread | None = None

    def enter(self, body: "IncomingBody") -> None:
        """Take a place, and watch over the body if it can be ended. Raises TransientError when there is none."""
        if not self._places.acquire(blocking=False):
            raise TransientError("Too many bodies come in at the same time, try again", retry_after=COME_BACK)
        with self._lock:
            if not body.can_be_ended:
                return
            self._open.add(body)
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, name="slow-bodies", daemon=True)
                self._watcher.start()

    def leave(self, body: "IncomingBody") -> None:
        """Give the place back."""
        with self._lock:
            self._open.discard(body)
        self._places.release()

    def _watch(self) -> None:
        while True:
            time.sleep(LOOK_EVERY)
            with self._lock:
                found = list(self._open)
            for body in found:
                body.end_if_late()


class IncomingBody:
    """A stream for `wsgi.input` that waits for bytes without a request slot, and no longer than they may take."""

    def __init__(self, environ: dict[str, Any], bodies: Bodies) -> None:
        self._stream = environ["wsgi.input"]
        self._protocol = environ.get(PROTOCOL)
        length = environ.get("CONTENT_LENGTH") or ""
        self._length = int(length) if length.isascii() and length.isdigit() else None
        self._expects = "HTTP_EXPECT" in environ
        self._bodies = bodies
        self._within, self._longest = bodies.within, float(LONGEST)
        self._most = min(LARGEST_PIECE, max(1, int(bodies.within * LEAST_RATE / 2)))  # so that it is not late in itself
        self._got = 0  # bytes
        self._waited = 0.0  # seconds for the client; not those in which we were busy with what it had sent
        self._since: float | None = None  # monotonic seconds; while it waits
        self._late = self._ended = self._entered = False
        self._lock = threading.Lock()
        self._late_answer: Answer = _answer(SlowBody())

    @property
    def can_be_ended(self) -> bool:
        """True where the server lets another thread answer the request."""
        return self._protocol is not None

    def may_take(self, seconds: float) -> None:
        """Allow a large file of a known user more than LONGEST."""
        self._longest = seconds

    def read(self, size: int | None = -1) -> bytes:
        """Bytes, fewer than asked for only at the end. Raises SlowBody, BadParameters or TransientError."""
        wanted = self._length if size is None or size < 0 else size
        pieces, got = [], 0
        while not self._ended and (wanted is None or got < wanted):
            piece = self._piece(self._most if wanted is None else wanted - got, self._bodies.rest())
            got += len(piece)
            pieces.append(piece)
        return b"".join(pieces)

    def readline(self, size: int | None = -1) -> bytes:  # of PEP 3333, and read by nobody here
        """One line."""
        line = bytearray()
        while (size is None or size < 0 or len(line) < size) and not line.endswith(b"\n") and (one := self.read(1)):
            line += one
        return bytes(line)

    def readlines(self, _hint: int = -1) -> list[bytes]:
        """All lines."""
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def end_if_late(self) -> None:
        """Answer the request and close its connection, if the client takes longer than it may. For the watching thread."""
        with self._lock:
            if self._late or self._since is None or self._protocol is None or not self._is_late():
                return
            self._late = True
        threading.Thread(target=_send_and_close, args=(self._protocol, self._late_answer), daemon=True).start()

    def finish(self, status: int, headers: list[tuple[str, str]], answer: Iterable[bytes]) -> Iterable[bytes]:
        """The answer to the request, once a client that still sends the rest of a refused body can read it.

        The rest is dropped up to a bound; the server closes the connection when there is more.
        """
        try:
            if status < 400 or self._ended or self._protocol is None or (self._expects and not self._got):
                return answer
            try:
                whole = b"".join(answer)
            finally:
                getattr(answer, "close", lambda: None)()
            self._late_answer = status, [*headers, ("Connection", "close")], whole
            self._drain()
            return [whole]
        finally:
            if self._entered:
                self._bodies.leave(self)

    def _drain(self) -> None:
        with self._lock:
            self._within = self._longest = self._waited + min(DRAIN_WITHIN, self._bodies.within)
        left = DRAINED
        try:
            while left > 0 and not self._ended:
                left -= len(self._piece(left, nullcontext()))
        except AppError:  # it goes on no more, or there is no place to read it
            return

    def _piece(self, size: int, rest: AbstractContextManager[object]) -> bytes:
        size = min(size, self._most, self._most if self._length is None else self._length - self._got)
        if not self._entered:
            self._bodies.enter(self)
            self._entered = True
        with rest:
            with self._lock:
                if self._late:
                    raise SlowBody
                self._since = time.monotonic()
            piece: bytes = self._stream.read(size)
            with self._lock:
                self._waited += time.monotonic() - self._since
                self._since = None
                self._got += len(piece)
                self._ended = len(piece) < size or self._got == self._length
                if self._late or (self._is_late() and not self._ended):
                    self._ended = True
                    raise SlowBody
        if self._ended and self._length is not None and self._got < self._length:
            raise BadParameters("The body ended before its Content-Length")
        return piece

    def _is_late(self) -> bool:
        waited = self._waited + (time.monotonic() - self._since if self._since is not None else 0)
        return waited > min(self._within + self._got / LEAST_RATE, self._longest)


def _answer(problem: AppError) -> Answer:
    body = {"success": False, "status": STATUS_WORDS[problem.status], "error_message": problem.message}
    whole = json.dumps(body, separators=(",", ":")).encode()
    headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store"), ("X-Error-Code", problem.code)]
    return problem.status, [*headers, ("Connection", "close")], whole


class _Cut:
    """An answer's bytes and then its end, a byte before the announced one: for that the server closes the connection.

    With the whole answer it would go on to wait for the rest of the body, and so would the thread that reads it.
    """

    def __init__(self, whole: bytes) -> None:
        self._chunks = iter((whole,))
        self._sent = False

    def __next__(self) -> bytes:
        if self._sent:
            time.sleep(LOOK_EVERY)  # so that what was sent leaves before the connection is closed
            raise StopIteration
        self._sent = True
        return next(self._chunks)

    def close(self) -> None:
        """Nothing is held."""


def _send_and_close(protocol: Any, answer: Answer) -> None:
    status, headers, whole = answer
    kept = [(name, value) for name, value in headers if name.lower() != "content-length"]
    protocol.response_iter(status, [*kept, ("Content-Length", str(len(whole) + 1))], _Cut(whole))

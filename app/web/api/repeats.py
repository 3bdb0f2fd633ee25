"""The response cache, a part for speed (`app.speed`): simultaneous polls of one finished job read the database once."""

import mmap
import os
import time
from typing import Generic, TypeVar

from flask import request

from app.jobs.answering import is_expired
from app.web.api.polling import Answer, Ask, Poll
from app.web.auth import services

T = TypeVar("T")

MOST = 128  # answers kept at a time, so that they take at most some MB
SMALL = 16 * 1024  # characters of a result that is kept to be repeated
WORD = 8  # bytes


class Changes:
    """A word of memory, shared by the processes that are forked after it was made, and changed by every change."""

    def __init__(self) -> None:
        self._made_by = os.getpid()
        self._memory = mmap.mmap(-1, WORD)

    @property
    def is_shared(self) -> bool:
        """True in a process that was forked after this was made: its siblings have it too."""
        return os.getpid() != self._made_by

    def now(self) -> bytes:
        """The word; the same again while nothing was noted by any process."""
        return self._memory[:WORD]

    def note(self) -> None:
        """Say that something has changed. Random, for two processes that count up at once could come to the same number."""
        self._memory[:WORD] = os.urandom(WORD)


changes = Changes()
"""Made where the server's processes are forked from (`app.web.server` imports it), so that all of them share it."""


class Repeats(Generic[T]):
    """Keeps answers for some milliseconds, and not beyond the next change that a process of this server made.

    What others change (another machine, a worker, a command) takes effect that much later, and so never seems late.
    """

    def __init__(self, kept_for: float, noted: Changes) -> None:
        self._kept_for = kept_for  # seconds
        self._noted = noted
        self._kept: dict[object, tuple[bytes, float, T]] = {}  # request -> the word then, monotonic seconds, answer

    def find(self, request: object) -> T | None:
        """The cached answer, unless it is too old or something has changed since; None if there is none."""
        kept = self._kept.get(request)
        if kept is None or kept[0] != self._noted.now() or kept[1] < time.monotonic():
            return None
        return kept[2]

    def keep(self, request: object, word: bytes, answer: T) -> None:
        """Keep an answer; `word` is what `Changes.now` said before it was looked for."""
        if len(self._kept) >= MOST:
            self._kept.clear()
        self._kept[request] = (word, time.monotonic() + self._kept_for, answer)


def with_response_cache(ask: Ask, repeats: Repeats[Answer]) -> Ask:
    """`ask`, or nothing at all if the same poll was answered some milliseconds ago and nothing has changed since."""

    def ask_or_repeat(poll: Poll, *, may_be_new: bool = True, is_held: bool = False) -> Answer:
        key, word = (poll, request.query_string), changes.now()
        kept = repeats.find(key)
        if kept and not is_expired(kept[1], services().now()):
            return kept
        found = ask(poll, may_be_new=may_be_new, is_held=is_held)
        if not found[1].is_live and len(found[1].result_text or "") <= SMALL:
            repeats.keep(key, word, found)
        return found

    return ask_or_repeat

"""The brief wait of a poll, a part for speed (`app.speed`): a poll that comes a little too early waits for its job's end."""

import time
from collections.abc import Hashable

from app.jobs.answering import answered
from app.jobs.service import is_short
from app.web.api.polling import Answer, Ask, Poll, age
from app.web.api.waiting import BRIEF_WAIT, WaitingRoom
from app.web.auth import services

YOUNG = 0.25  # seconds; an older job is not worth a brief wait
MOST = 1_000  # polls that are remembered


class Recent:
    """Polls that found a young job under way."""

    def __init__(self) -> None:
        self._begun: dict[Hashable, float] = {}  # poll -> monotonic seconds; the latest last

    def note(self, poll: Hashable, age: float) -> None:
        """Remember a poll whose job began `age` seconds ago, if that is a short time."""
        if age < YOUNG:
            self._begun[poll] = time.monotonic() - age
            if len(self._begun) > MOST:
                self._begun.pop(next(iter(self._begun)), None)

    def forget(self, poll: Hashable) -> None:
        """Forget a poll whose job has ended."""
        self._begun.pop(poll, None)

    def age(self, poll: Hashable) -> float | None:
        """Seconds since its job began; None unless that is a short time."""
        begun = self._begun.get(poll)
        age = time.monotonic() - begun if begun is not None else YOUNG
        return age if age < YOUNG else None


def with_brief_wait(ask: Ask, room: WaitingRoom) -> Ask:
    """`ask`, after a brief wait for the end of a short job if a poll of the same user just now found it under way."""
    recent = Recent()

    def ask_after_wait(poll: Poll, *, may_be_new: bool = True, is_held: bool = False) -> Answer:
        if is_held:
            return ask(poll, may_be_new=may_be_new, is_held=True)
        found: Answer | None = None

        def is_over() -> bool:
            nonlocal found
            found = ask(poll, may_be_new=False)
            return not found[1].is_live

        seen_at_age = recent.age(poll)
        if seen_at_age is not None:
            room.wait(BRIEF_WAIT, poll.job_type, seen_at_age, is_over)
        user, job = found or ask(poll, may_be_new=may_be_new and seen_at_age is None)
        if not job.is_live:
            if seen_at_age is not None:
                recent.forget(poll)
                answered(services(), job)
        elif is_short(job):
            for same in (poll, poll._replace(words=job.id)):
                recent.note(same, age(job))
        return user, job

    return ask_after_wait

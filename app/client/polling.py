"""Repeats a request until its job has ended: held by `Prefer: wait`, and never sooner than `Retry-After` says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.client.errors import BadAnswer
from app.client.models import JOB_ID, Progress, read_progress
from app.client.patience import Patience
from app.client.wire import Answer, Request, Wire, read_retry_after

WAITS = (2, 4, 8, 15, 20)  # seconds to be held, growing: progress is reported soon, long jobs are not polled often
SOONEST = 0.2  # seconds between two polls that were not held, whatever the server says

OnProgress = Callable[[Progress], None]


@dataclass(frozen=True)
class Envelope:
    """What a request is answered with."""

    job_id: str
    is_loading: bool
    result: Any


class Pace:
    """When to ask again."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._requests = 0
        self._sent = patience.now()

    def request(self, request: Request) -> Request:
        """The request, to be sent now, with the wish to be held."""
        wait = int(self._patience.within(WAITS[min(self._requests, len(WAITS) - 1)]))
        self._requests += 1
        self._sent = self._patience.now()
        return replace(request, headers={**request.headers, "Prefer": f"wait={wait}"}) if wait else request

    def pause(self, headers: Mapping[str, str]) -> None:
        """Wait as long as the server wants; the time for which it held the request counts. Raises OutOfTime."""
        wanted = read_retry_after(headers)
        wanted = 1.0 if wanted is None else max(wanted, SOONEST)
        held = self._patience.now() - self._sent if "Preference-Applied" in headers else 0.0
        self._patience.sleep(max(wanted - held, 0.0))


def ask(wire: Wire, request: Request, patience: Patience | None = None) -> Envelope:
    """Ask once, without being held: begins the job, joins it, or returns its result."""
    return read_envelope(wire.call(request, patience))


def finished(wire: Wire, request: Request, on_progress: OnProgress, patience: Patience) -> Envelope:
    """Ask until the result is whole. Raises ClientError, also when the job ends badly."""
    pace = Pace(patience)
    while True:
        answer = wire.call(pace.request(request), patience)
        envelope = read_envelope(answer)
        if not envelope.is_loading:
            return envelope
        if progress := read_progress(answer.headers):
            on_progress(progress)
        pace.pause(answer.headers)


def read_envelope(answer: Answer) -> Envelope:
    """Raises BadAnswer unless it is one."""
    result, value = answer.result, answer.value
    return Envelope(*read_head(value.get("loading"), value.get("job_id")), result)


def read_head(loading: Any, job_id: Any) -> tuple[str, bool]:
    """(job id, is loading). Raises BadAnswer."""
    if loading not in ([True], [False]) or not isinstance(job_id, str) or not JOB_ID.fullmatch(job_id):
        raise BadAnswer("The server's answer is not the envelope of a job")
    return job_id, loading[0] is True

"""Follows a job to its end: by server-sent events where the server has them, else by asking for its state."""

import json
from collections.abc import Iterator
from typing import Any

from app.client.errors import BadAnswer, ClientError, NotThere, Refused
from app.client.models import Job, read
from app.client.patience import Patience
from app.client.polling import SOONEST
from app.client.questions import part
from app.client.wire import Request, Wire, read_retry_after

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0  # seconds between two looks at a job, growing, where the server names none
MAX_EVENT = 256 * 1024  # bytes of one event
WITHOUT_EVENTS = (404, 405, 406, 429, 501, 503)  # statuses of a server that has no events, or not for one more


class NoEvents(Exception):
    """This server does not send events."""


def show(wire: Wire, job_id: str, patience: Patience) -> Job:
    """The job as it is now."""
    return read(Job, wire.call(Request("GET", f"/api/jobs/{part(job_id)}"), patience).result)


def follow(wire: Wire, job_id: str, patience: Patience) -> Iterator[Job]:
    """The job now, then whenever it has changed; ends once it is over. Raises ClientError."""
    latest = show(wire, job_id, patience)
    yield latest
    has_events = True
    pause = FIRST_PAUSE
    while latest.is_live:
        if has_events:
            try:
                for job in _events(wire, job_id, patience):
                    if job != latest:
                        latest = job
                        yield job
                    if not job.is_live:
                        return
                patience.sleep(FIRST_PAUSE)  # it ended in good order, as it does when the server stops
                continue
            except NoEvents:
                has_events = False
            except ClientError as problem:
                patience.after(problem)
                continue
        answer = wire.call(Request("GET", f"/api/jobs/{part(job_id)}"), patience)
        job = read(Job, answer.result)
        if job != latest:
            latest = job
            yield job
        if job.is_live:
            wanted = read_retry_after(answer.headers)
            patience.sleep(pause if wanted is None else max(wanted, SOONEST))
            pause = min(pause * 1.5, LONGEST_PAUSE)


def _events(wire: Wire, job_id: str, patience: Patience) -> Iterator[Job]:
    """The job with each event. Raises NoEvents, or ClientError when the stream is cut."""
    request = Request("GET", f"/api/jobs/{part(job_id)}/events", headers={"Accept": "text/event-stream"})
    try:
        with wire.opened(request, patience) as response:
            if response.headers.get("Content-Type", "").partition(";")[0].strip() != "text/event-stream":
                raise NoEvents
            for data in read_events(wire.chunks(response, patience)):
                patience.progressed()
                yield _job_of_event(wire, job_id, data, patience)
    except NotThere as problem:
        if problem.code:  # crashq's own answer about the job, not about the path
            raise
        raise NoEvents from None
    except Refused as problem:
        if problem.status in WITHOUT_EVENTS:
            raise NoEvents from None
        raise


def _job_of_event(wire: Wire, job_id: str, data: str, patience: Patience) -> Job:
    """The job in an event; where the event holds less, the job as it is now."""
    try:
        value: Any = json.loads(data)
        if isinstance(value, dict) and value.get("job_id") == job_id:
            return read(Job, value)
    except (ValueError, RecursionError, BadAnswer):
        pass
    return show(wire, job_id, patience)


def read_events(chunks: Iterator[bytes]) -> Iterator[str]:
    """The data of each event (HTML Living Standard, server-sent events); names, ids and comments are not needed here.

    Raises BadAnswer for an event without an end.
    """
    buffer = b""
    data: list[bytes] = []
    for chunk in chunks:
        buffer += chunk
        *lines, buffer = buffer.replace(b"\r\n", b"\n").split(b"\n")
        if len(buffer) + sum(len(line) for line in data) > MAX_EVENT:
            raise BadAnswer("The server's answer has an event without an end")
        for line in lines:
            if line:
                name, _, value = line.partition(b":")
                if name == b"data":
                    data.append(value.removeprefix(b" "))
            elif data:
                yield b"\n".join(data).decode(errors="replace")
                data = []

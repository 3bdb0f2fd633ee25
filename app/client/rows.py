"""The list of a crash's occurrences, row by row: it is never whole in memory, however long, and survives cut connections."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import ijson

from app.client.errors import BadAnswer, ClientError, Unreachable
from app.client.models import Occurrence, read, read_progress
from app.client.polling import OnProgress, Pace, read_head
from app.client.wire import Request, Wire

MAX_ROW = 1024 * 1024  # bytes between the ends of two rows; real ones have some hundred
MAX_FIRST_ROWS = 1_000  # that the contract allows while loading

OnFirstRows = Callable[[list[Occurrence]], None]


class EnvelopeStream:
    """An envelope whose `result` is a list, read from chunks as they come; `loading` and `job_id` stand before it."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rows: Any = ijson.sendable_list()
        self._row_parser = ijson.items_coro(self._rows, "result.item", use_float=True)
        self._since_row = 0
        self.job_id, self.is_loading = self._read_head()

    def rows(self) -> Iterator[Any]:
        """Each row, once. Raises BadAnswer, or Unreachable when the end is missing."""
        while True:
            yield from self._rows
            if self._rows:
                self._since_row = 0
                self._rows.clear()
            chunk = next(self._chunks, b"")
            if not chunk:
                break
            self._feed(chunk)
        try:
            self._row_parser.close()
        except ijson.IncompleteJSONError:
            raise Unreachable("The list was cut off") from None
        yield from self._rows

    def _feed(self, chunk: bytes) -> None:
        try:
            self._row_parser.send(chunk)
        except (ijson.JSONError, StopIteration, RecursionError):
            raise BadAnswer("The server's answer is not the envelope of a list") from None
        self._since_row += len(chunk)
        if not self._rows and self._since_row > MAX_ROW:
            raise BadAnswer("The server's answer has a row without an end")

    def _read_head(self) -> tuple[str, bool]:
        events: Any = ijson.sendable_list()
        head = ijson.parse_coro(events)
        loading: list[Any] = []
        job_id: Any = None
        for chunk in self._chunks:
            try:
                head.send(chunk)
            except (ijson.JSONError, StopIteration, RecursionError):
                raise BadAnswer("The server's answer is not the envelope of a list") from None
            self._feed(chunk)
            for prefix, event, value in events:
                if prefix == "loading.item":
                    loading.append(value)
                elif prefix == "job_id":
                    job_id = value
                elif prefix == "result" and event == "start_array":
                    return read_head(loading, job_id)
                elif prefix == "result":
                    raise BadAnswer("The server's answer is not the envelope of a list")
            events.clear()
        raise Unreachable("The list was cut off")


def stream(wire: Wire, request: Request, on_progress: OnProgress, on_first_rows: OnFirstRows) -> Iterator[Occurrence]:
    """Ask until the list is whole, then yield its rows, each once. Raises ClientError.

    A list that is cut in its midst is asked for again by its job's id, which always gives the same rows, and goes on behind
    the last row that came.
    """
    patience = wire.patience()
    pace = Pace(patience)
    given, asked = 0, request
    while True:
        try:
            with wire.opened(pace.request(asked), patience) as response:
                envelope = EnvelopeStream(wire.chunks(response, patience))
                if not envelope.is_loading:
                    for number, row in enumerate(envelope.rows()):
                        if number < given:
                            continue
                        if not given:
                            asked = replace(request, query={**request.query, "job_id": envelope.job_id})
                        given += 1
                        if number % 1_000 == 0:
                            patience.progressed()
                        yield read(Occurrence, row)
                    return
                first = [read(Occurrence, row) for _, row in zip(range(MAX_FIRST_ROWS), envelope.rows(), strict=False)]
                patience.progressed()
                if progress := read_progress(response.headers):
                    on_progress(progress)
                if first:
                    on_first_rows(first)
        except ClientError as problem:
            patience.after(problem)
        else:
            pace.pause(response.headers)

"""The list of a crash's occurrences, newest first. Pages of a long one are cut from the stored list: an index of its
chunks tells which bytes of it to read.
"""

import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, NamedTuple

from pydantic import BaseModel, Field

from app import iso_time
from app.db import Database
from app.db.hot.job_claim import StoredList, find_stored_list
from app.db.hot.short_list import CRASH, ShortList
from app.db.models.crash import find_crash
from app.db.queries.long_list import Batch, LongList, long_list
from app.jobs.job_type import AnyJob, Artefact, Body, Run, Showing, Subject, key_of
from app.json_models import NO_DEFAULT, Day, Query, ResponseBody, Since, Until, read_params
from app.paging import MAX_PER_PAGE, offset_of, read_paging
from app.storage import ObjectNotFound, Storage
from app.storage_keys import index_key

PATH = "/crashes/<crash_identifier>/occurrences"
UNIT = "rows"
SUMMARY = "Occurrences of a crash, newest first"
FILENAME, MEDIA_TYPE = f"{CRASH}-occurrences.json", "application/json"


class OccurrencesQuery(Query):
    """Which occurrences, and which page of them."""

    since_date: Annotated[Since, Field(description="First day (UTC) or time, ISO 8601")] = None
    until_date: Annotated[Until, Field(description="Last day (UTC) or time, ISO 8601")] = None
    page: int = Field(
        default=0, ge=1, description="From 1; without page and per_page all", json_schema_extra=NO_DEFAULT
    )
    per_page: int = Field(
        default=0,
        ge=1,
        le=MAX_PER_PAGE,
        description="Rows of a page; out of range means 1000",
        json_schema_extra=NO_DEFAULT,
    )


class OccurrenceRow(ResponseBody):
    """An occurrence in the list."""

    id: str = Field(description="<log_id>-crash-<n>")
    date: Day
    log_id: str


QUERY, RESULT = OccurrencesQuery, list[OccurrenceRow]


class OccurrencesParams(BaseModel, frozen=True):
    """The normalised request."""

    crash_identifier: str
    since: datetime | None = None  # UTC, inclusive
    until: datetime | None = None  # UTC, exclusive
    page: int | None = None  # from 1; None: the whole list
    per_page: int | None = None  # rows; None: the whole list


Params = OccurrencesParams

SHORT_LIST = ShortList("occurrences", OccurrencesParams(crash_identifier=CRASH).model_dump_json(), FILENAME, MEDIA_TYPE)


def read(crash_identifier: str, query: Mapping[str, str]) -> OccurrencesParams:
    """Check dates and paging. Raises BadParameters naming the parameter."""
    return read_params(
        OccurrencesParams,
        {
            "crash_identifier": crash_identifier,
            "since": iso_time.since("since_date", query.get("since_date")),
            "until": iso_time.until("until_date", query.get("until_date")),
            **dict(zip(("page", "per_page"), read_paging(query), strict=True)),
        },
    )


def current_revision(about: Subject) -> int:
    """Grows with every change of the crash."""
    return about.revision


def compute(params: OccurrencesParams, run: Run) -> Artefact:
    """Stream the rows `{id, date, log_id}` into the storage as one JSON list, or put a short one into the job's row."""
    filename = FILENAME.replace(CRASH, params.crash_identifier)
    offset, limit = _window(params)
    page = limit and read_page(run.db, run.storage, run.crash_id, _whole(params), offset, limit)
    if page:
        run.shows(page.revision)
        run.expect(page.rows)
        run.advance(page.rows)
        return run.store("occurrences.json", (page.text,), filename, MEDIA_TYPE, in_row=True)
    with _list(run, params, offset, limit) as found:
        run.shows(found.revision)
        run.expect(found.rows)
        chunks = Chunks()
        rows = _json_list(found.batches, found.rows, run, chunks)
        artefact = run.store("occurrences.json", rows, filename, MEDIA_TYPE, in_row=True)
        chunks.store(run.storage, artefact)
        return artefact


@contextmanager
def _list(run: Run, params: OccurrencesParams, offset: int, limit: int | None) -> Iterator[LongList]:
    """The list of the job's crash; of the one it was merged into, when that happened since the job was begun."""
    with long_list(run.db, run.crash_id, params.since, params.until, offset, limit) as found:
        if found.rows:
            yield found
            return
    with run.db.snapshot() as session:
        crash = find_crash(session, params.crash_identifier)
    assert crash is not None, "a job's crash is never deleted before the job"
    with long_list(run.db, crash.id, params.since, params.until, offset, limit) as found:
        yield found


def _whole(params: OccurrencesParams) -> str:
    """The key of the request for all pages together."""
    return key_of("occurrences", params.model_copy(update={"page": None, "per_page": None}))


def present(job: AnyJob, showing: Showing) -> Body:
    """The list; while it is being made, its first rows."""
    if job.is_live:
        try:
            return Body.of(showing.storage.get(job.preview_key) if job.preview_key else b"[]")
        except ObjectNotFound:  # its worker died since the row was read, and another one begins anew
            return Body.of(b"[]")
    if job.result_text is not None:
        return Body.of(job.result_text.encode())
    assert job.result_key is not None
    assert job.result_size is not None
    return Body(job.result_size, showing.storage.stream(job.result_key, size=job.result_size))


def _json_list(batches: Iterator[Batch], expected: int, run: Run, chunks: "Chunks") -> Iterator[bytes]:
    separator = b"["
    for batch in batches:
        if separator == b"[" and batch.rows < expected:  # more is to come: let pollers see the newest already
            run.preview(b"[" + batch.text + b"]")
        chunks.note(batch.rows, len(separator) + len(batch.text))
        yield separator
        yield batch.text
        run.advance(batch.rows)
        separator = b","
    yield b"]" if separator == b"," else b"[]"


def _window(params: OccurrencesParams) -> tuple[int, int | None]:
    if params.page is None or params.per_page is None:
        return 0, None
    return offset_of(params.page, params.per_page), params.per_page


class ListPage(NamedTuple):
    """Rows of a list."""

    revision: int  # of the crash, as the list shows it
    rows: int
    text: bytes  # a JSON list


class Chunks:
    """Where the chunks of a list begin, noted while it is written."""

    def __init__(self) -> None:
        self._starts: list[tuple[int, int]] = []  # (rows before it, bytes before it)
        self._rows, self._bytes = 0, 0

    def note(self, rows: int, size: int) -> None:
        """A chunk of so many rows and bytes, the sign before its first row included, comes next."""
        self._starts.append((self._rows, self._bytes))
        self._rows += rows
        self._bytes += size

    def store(self, storage: Storage, artefact: Artefact) -> None:
        """Put the index beside a list; one that lies in its job's row needs none."""
        if artefact.key is not None:
            starts = [*self._starts, (self._rows, self._bytes)]
            storage.put_bytes(index_key(artefact.key), json.dumps(starts, separators=(",", ":")).encode())


def read_page(
    db: Database, storage: Storage, crash_id: int, whole_list: str, offset: int, limit: int
) -> ListPage | None:
    """`limit` rows from the `offset`-th of the stored list with the key `whole_list`.

    None unless there is one that shows the crash as it is now.
    """
    found = find_stored_list(db, crash_id, whole_list)
    if found is None:
        return None
    try:
        return _read(storage, found, offset, limit)
    except (ObjectNotFound, ValueError):  # it has just expired, has no index of an earlier release's, or is cut
        return None


def _read(storage: Storage, found: StoredList, offset: int, limit: int) -> ListPage:
    starts: list[list[int]] = json.loads(storage.get(index_key(found.key)))
    total = starts[-1][0]
    first, last = min(offset, total), min(offset + limit, total)
    if first == last:
        return ListPage(found.revision, 0, b"[]")
    rows_before = [rows for rows, _ in starts]
    begin = bisect_right(rows_before, first) - 1
    end = bisect_right(rows_before, last - 1)
    size = starts[-1][1] + 1  # and the "]" at its end
    text = b"".join(storage.stream(found.key, starts[begin][1] + 1, starts[end][1], size=size))  # past "[" or ","
    rows = text.split(b"},{")  # no value of a row holds a brace
    wanted = rows[first - rows_before[begin] : last - rows_before[begin]]
    return ListPage(
        found.revision, len(wanted), b"[{" + b"},{".join(wanted).removeprefix(b"{").removesuffix(b"}") + b"}]"
    )

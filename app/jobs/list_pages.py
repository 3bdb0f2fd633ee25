"""Pages of a list that lies whole in the storage: an index of its chunks tells which bytes of it to read."""

import json
from bisect import bisect_right
from typing import NamedTuple

from app.db import Database
from app.db.hot.job_claim import StoredList, find_stored_list
from app.jobs.job_type import Artefact
from app.storage import ObjectNotFound, Storage, index_key


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

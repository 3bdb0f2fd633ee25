"""A crash with 30,000 occurrences: streamed into the store in small chunks, with its newest rows to see meanwhile."""

import json
import os
import platform
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from app import create_app
from app.db.models.crash import Crash
from app.db.models.log import Log
from app.db.models.occurrence import FIRST_ROWS, Occurrence
from app.db.queries.long_list import ROWS_PER_BATCH, long_list
from app.jobs.running import run
from app.services import Services
from app.storage import Storage
from tests.factories import NOON, add_occurrence, make_crash

ROWS = 30_000


class WatchedStorage(Storage):
    """The services' own store, which notes the size of every chunk put and calls `after_first` once one is written."""

    def __init__(self, inner: Storage, after_first: Callable[[], None]) -> None:
        super().__init__(inner._store)
        self.sizes: list[int] = []
        self.after_first = after_first

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        def watched() -> Iterator[bytes]:
            for chunk in chunks:
                self.sizes.append(len(chunk))
                yield chunk
                if len(self.sizes) == 1:
                    self.after_first()

        super().put(key, watched())


@pytest.fixture
def crash(services: Services, member) -> Crash:
    made = make_crash(services, member.app, occurrences=0)
    with services.db.write() as session:
        first = add_occurrence(session, made, NOON, 1)
        log_row = session.get_one(Log, first.log_row)
        session.execute(
            insert(Occurrence),
            [
                {"crash_id": made.id, "log_row": log_row.id, "log_id": log_row.log_id, "number": number,
                 "occurred_at": NOON - timedelta(minutes=number)}
                for number in range(2, ROWS + 1)
            ],
        )  # fmt: skip
        session.get_one(Crash, made.id).occurrences_count = ROWS
    return made


def test_a_long_list_shows_its_newest_thousand_rows_while_it_is_being_made(services, member, crash):
    seen = []
    client = create_app(services).test_client()
    url = f"/api/crashes/{crash.identifier}/occurrences"
    storage = WatchedStorage(services.storage, lambda: seen.append(client.get(url, headers=member.headers)))
    job_id = client.get(url, headers=member.headers).json["job_id"]

    run(replace(services, storage=storage), job_id)

    [meanwhile] = seen
    ended = client.get(url, headers=member.headers)
    assert (meanwhile.json["loading"], meanwhile.json["job_id"]) == ([True], job_id)
    assert len(meanwhile.json["result"]) == 1_000
    assert meanwhile.headers["X-Progress"] == f"0/{ROWS} rows"
    assert ended.json["loading"] == [False]
    assert [row["id"].rpartition("-")[2] for row in ended.json["result"]] == [
        str(number) for number in range(1, ROWS + 1)
    ]
    assert ended.json["result"][:1_000] == meanwhile.json["result"]
    assert int(ended.headers["Content-Length"]) == len(ended.data)
    assert max(storage.sizes) < ROWS_PER_BATCH * 150
    batches = [size for size in storage.sizes if size > 1]  # the others are brackets and commas
    assert len(batches) == 1 + -(-(ROWS - FIRST_ROWS) // ROWS_PER_BATCH)


def test_a_window_of_a_long_list_counts_its_own_rows(services, member, crash, run_workers):
    client = create_app(services).test_client()
    url = f"/api/crashes/{crash.identifier}/occurrences?since_date=2018-09-01T12:00Z&until_date=2018-09-02"

    client.get(url, headers=member.headers)
    run_workers()

    rows = client.get(url, headers=member.headers).json["result"]
    assert len(rows) == 36 * 60
    assert (rows[0]["date"], rows[-1]["date"]) == ("2018-09-02", "2018-09-01")


@pytest.mark.parametrize(
    ("page", "per_page", "numbers"),
    [(1, 3, [1, 2, 3]), (2, 3, [4, 5, 6]), (3_000, 10, [*range(29_991, 30_001)]), (3_001, 10, [])],
)
def test_pages_of_a_long_list_follow_each_other(services, member, crash, run_workers, page, per_page, numbers):
    client = create_app(services).test_client()
    url = f"/api/crashes/{crash.identifier}/occurrences?page={page}&per_page={per_page}"

    client.get(url, headers=member.headers)
    run_workers()

    body = client.get(url, headers=member.headers).data
    assert [int(row["id"].rpartition("-")[2]) for row in json.loads(body)["result"]] == numbers


def faults(services: Services) -> int:
    """How many pages of memory this process and those of the database that serve it have had from the system so far."""
    with services.db.read() as session:
        serving = session.scalars(
            text("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
        ).all()
    stats = (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in (os.getpid(), *serving))
    return sum(int(stat[7]) for stat in stats)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="about the C library of Linux")
def test_a_list_is_made_in_memory_that_is_there_already(services, member, crash):
    def pages() -> int:
        before = faults(services)
        with long_list(services.db, crash.id) as found:
            size = sum(len(batch.text) for batch in found.batches)
        assert size > 2_000_000
        return faults(services) - before

    pages()

    assert pages() < 1_000  # else some 3,000: every copy of every batch in new memory

"""Files put together from chunks, by many at once and by workers that die in between (both databases)."""

from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from app.db.models.symbol_chunk import SymbolChunk
from app.db.models.symbol_part import SymbolPart
from app.db.models.symbols import IN_CHUNKS, SymbolFile, SymbolState
from app.operations.doctor import examine
from app.storage import Storage
from app.sweep import sweep
from app.symbolication.assembling import AssemblyState, WantedFile, assemble, wanted_file
from app.symbolication.chunks import SentChunk, Uploader, receive_chunks
from app.symbolication.making import make_symbols
from app.symbolication.receive import receive_symbols
from app.symbols.contents import About
from tests.at_once import at_once
from tests.build_tools import cut, sha1
from tests.factories import run_enqueued
from tests.regrouping import crashes
from tests.symbols import java_event, mapping, sym
from tests.uploads import LOG_ID

ID = "01020304-0506-0708-090a-0b0c0d0e0f10"
SYM = sym(ID, *(f"function_{number}" for number in range(60))) + b"\n" * 3_000


class WorkerDied(BaseException):
    """kill -9: nothing of the worker's runs any more."""


@pytest.fixture
def uploader(member) -> Uploader:
    return Uploader(member.user_id, None)


def wanted(content: bytes, name: str = "cart.sym", version: str = "") -> WantedFile:
    return wanted_file(sha1(content), [sha1(one) for one in cut(content)], About(name, version))


def send(services, uploader, content: bytes) -> None:
    receive_chunks(services, uploader, (SentChunk(sha1(one), one) for one in cut(content)))


def state(services, member, uploader, content: bytes, **about: str) -> AssemblyState:
    return assemble(services, member.app, uploader, [wanted(content, **about)])[sha1(content)].state


def rows(services, table) -> int:
    with services.db.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_chunks_sent_and_files_asked_for_by_many_at_once_make_one_file(services, member, uploader):
    raised = at_once(6, lambda _: send(services, uploader, SYM))
    raised += at_once(6, lambda _: state(services, member, uploader, SYM))
    raised += at_once(4, lambda _: make_symbols(services, 1))

    assert raised == []
    assert (rows(services, SymbolFile), rows(services, SymbolChunk), rows(services, SymbolPart)) == (1, 0, 0)
    assert state(services, member, uploader, SYM) == AssemblyState.OK


def test_a_chunk_that_two_files_share_goes_with_the_second(services, member, uploader):
    other = SYM + b"\n" * 500
    for content in (SYM, other):
        send(services, uploader, content)
    assert [state(services, member, uploader, content) for content in (SYM, other)] == [AssemblyState.CREATED] * 2
    make_symbols(services, 1)
    left = rows(services, SymbolChunk)
    run_enqueued(services)

    assert left == len({sha1(one) for one in cut(other)})
    assert rows(services, SymbolChunk) == 0
    assert [state(services, member, uploader, content) for content in (SYM, other)] == [AssemblyState.OK] * 2


@pytest.mark.parametrize("killed_at", ["upload", "native"])
def test_a_worker_killed_while_it_puts_a_file_together_costs_nothing(
    services, member, uploader, clock, monkeypatch, killed_at
):
    put = Storage.put

    def die(storage: Storage, key: str, chunks: Iterator[bytes]) -> None:
        put(storage, key, chunks)
        if killed_at in key:
            raise WorkerDied

    send(services, uploader, SYM)
    state(services, member, uploader, SYM)
    with monkeypatch.context() as patch:
        patch.setattr(Storage, "put", die)
        with pytest.raises(WorkerDied):
            make_symbols(services, 1)
    clock.advance(seconds=40)
    sweep(services)
    run_enqueued(services)

    assert state(services, member, uploader, SYM) == AssemblyState.OK
    assert rows(services, SymbolChunk) == 0


def test_bytes_that_the_app_has_already_get_the_ids_of_the_second_upload(services, member, uploader):
    content, uuid = mapping("a.b", "total"), "0a0b0c0d-0000-4000-8000-00000000000a"
    first = receive_symbols(services, member.app, About("mapping.txt"), [content])
    run_enqueued(services)
    send(services, uploader, content)
    state(services, member, uploader, content, name=f"/proguard/{uuid}.txt")
    run_enqueued(services)
    made = assemble(services, member.app, uploader, [wanted(content, f"/proguard/{uuid}.txt")])[sha1(content)]

    assert (made.state, made.file and made.file.id) == (AssemblyState.OK, first.id)
    assert rows(services, SymbolFile) == 1


def test_a_log_that_waits_for_a_uuid_is_grouped_anew_when_a_mapping_gets_it(
    services, member, uploader, client_of, run_workers
):
    uuid, content = "0a0b0c0d-0000-4000-8000-00000000000b", mapping("a.b", "total", "pay")
    receive_symbols(services, member.app, About("mapping.txt"), [content])
    run_enqueued(services)
    event = java_event("a.b", 2, 1, version="", build="", debug_meta={"images": [{"type": "proguard", "uuid": uuid}]})
    client = client_of(services)
    client.post(f"/api/apps/{member.app.identifier}/logs?log_id={LOG_ID}", data=event, headers=member.sender)
    run_workers()
    before = [one.title for one in crashes(services)]
    path = f"/api/apps/{member.app.identifier}/symbols?debug_id={uuid}"
    answer = client.post(path, data=content, headers=member.headers)
    run_workers()

    assert answer.status_code == 202
    after = [one.title for one in crashes(services) if one.occurrences_count]
    assert ["pay" in title for title in (*before, *after)] == [False, True]
    assert uuid in client.get(path.partition("?")[0], headers=member.headers).json["result"][0]["debug_ids"]


def test_what_the_previous_release_has_read_out_of_chunks_stays_whole(services, member, uploader, clock):
    send(services, uploader, SYM)
    state(services, member, uploader, SYM)
    with services.db.write() as session:  # it knows nothing of checksums, and reads the parts
        found = session.get_one(SymbolFile, 1)
        found.state = SymbolState.READY
    clock.advance(days=3)

    assert list(examine(services)) == []
    assert rows(services, SymbolChunk) == len({sha1(one) for one in cut(SYM)})
    with services.db.read() as session:
        assert session.get_one(SymbolFile, 1).sha256.startswith(IN_CHUNKS)

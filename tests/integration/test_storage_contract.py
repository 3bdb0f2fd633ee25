"""One contract, held by the store in memory, in a folder and in S3."""

import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import obstore
import pytest

from app.errors import TransientError
from app.storage import MARKER, PART_SIZE, ObjectNotFound, Storage, open_storage
from app.store_calls import ObjectDamaged
from tests.servers import S3, free_port
from tests.stores import ready_store

MIB = 1024 * 1024
MEASURED = """
import resource, sys
from app.storage import open_storage
storage = open_storage(sys.argv[1])
storage.set_up()
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
storage.put("big/first", (bytes(64 * 1024) for _ in range(320)))
for chunk in storage.stream("big/first"): pass
before = peak()
storage.put("big/second", (bytes(64 * 1024) for _ in range(int(sys.argv[2]) * 16)))
size = sum(len(chunk) for chunk in storage.stream("big/second"))
print(size, peak() - before)
"""


@pytest.fixture(params=["memory", "folder", "s3"])
def storage_url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "memory":
        return "memory://"
    if request.param == "folder":
        return (tmp_path / "objects with space").as_uri()
    s3: S3 = request.getfixturevalue("s3")
    for name, value in s3.environ.items():
        monkeypatch.setenv(name, value)
    return f"{s3.url}/{secrets.token_hex(4)}"


@pytest.fixture
def storage(storage_url: str) -> Storage:
    return ready_store(storage_url)


@pytest.mark.parametrize(
    "chunks",
    [[], [b""], [b"one"], [b"one", b"", b"two"], [b"x" * (PART_SIZE - 1), b"y" * 2], [b"z" * MIB] * 11],
    ids=["nothing", "empty chunk", "one", "some", "around a part", "several parts"],
)
def test_what_was_put_is_there_whole(storage, chunks):
    storage.put("a/b/c", iter(chunks))

    assert storage.get("a/b/c") == b"".join(chunks)
    assert b"".join(storage.stream("a/b/c")) == b"".join(chunks)
    assert storage.stat("a/b/c").size == sum(map(len, chunks))


@pytest.mark.parametrize("content", [b"", b"small", bytes(range(256))])
def test_small_objects_are_put_at_once(storage, content):
    storage.put_bytes("a/small", content)

    assert storage.get("a/small") == content


def test_a_later_put_replaces_the_earlier_one(storage):
    storage.put("a/key", [b"the first and longer one"])
    storage.put("a/key", [b"second"])
    storage.put_bytes("a/other", b"first")
    storage.put_bytes("a/other", b"2nd")

    assert (storage.get("a/key"), storage.get("a/other")) == (b"second", b"2nd")


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, None, b"0123456789"),
        (3, None, b"3456789"),
        (3, 7, b"3456"),
        (0, 1, b"0"),
        (9, 10, b"9"),
        (0, 10, b"0123456789"),
    ],
)
def test_a_range_is_read_from_start_to_before_the_end(storage, start, end, expected):
    storage.put_bytes("digits", b"0123456789")

    assert b"".join(storage.stream("digits", start, end)) == expected


@pytest.mark.parametrize("storage_url", ["folder", "s3"], indirect=True)  # what lies in memory is handed out whole
def test_a_long_object_streams_in_bounded_chunks(storage):
    storage.put("long", (bytes([number]) * MIB for number in range(6)))

    sizes = [len(chunk) for chunk in storage.stream("long")]

    assert sum(sizes) == 6 * MIB
    assert max(sizes) <= 2 * MIB


@pytest.mark.parametrize("before_failing", [0, 1, 12])  # MiB: nothing sent, part of a part, several parts
@pytest.mark.parametrize(
    "failure", [KeyError("mine"), FileNotFoundError("mine"), OSError("mine"), KeyboardInterrupt("mine")]
)
def test_nothing_is_stored_when_the_writer_fails_and_its_exception_comes_through(
    storage, tmp_path, before_failing, failure
):
    def chunks() -> Iterator[bytes]:
        for _ in range(before_failing):
            yield bytes(MIB)
        raise failure

    with pytest.raises(type(failure), match="mine") as raised:
        storage.put("folder/broken", chunks())

    assert raised.value is failure
    assert list(storage.list("folder")) == []
    with pytest.raises(ObjectNotFound):
        storage.get("folder/broken")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] in ([], [MARKER])


def test_a_failed_put_leaves_the_earlier_object(storage):
    storage.put("kept", [b"good"])

    with pytest.raises(ZeroDivisionError):
        storage.put("kept", (b"x" * (1 // number) for number in (1, 0)))

    assert storage.get("kept") == b"good"


def test_a_list_holds_what_lies_in_the_folder_and_nothing_beside_it(storage):
    for key in ("jobs/abc/1/x", "jobs/abc/2/y", "jobs/abcd/1/z", "logs/abc"):
        storage.put_bytes(key, key.encode())

    assert {(stat.key, stat.size) for stat in storage.list("jobs/abc")} == {("jobs/abc/1/x", 12), ("jobs/abc/2/y", 12)}
    assert list(storage.list("jobs/ab")) == []
    assert list(storage.list("nowhere")) == []


def test_deleting_removes_one_object_and_is_no_error_when_it_is_gone(storage):
    storage.put_bytes("a/one", b"1")
    storage.put_bytes("a/two", b"2")

    storage.delete("a/one")
    storage.delete("a/one")
    storage.delete("never/was")

    assert [stat.key for stat in storage.list("a")] == ["a/two"]


def test_deleting_a_folder_removes_all_below_it_and_counts(storage):
    for key in ("jobs/abc/1/x", "jobs/abc/2/y", "jobs/abcd/1/z"):
        storage.put_bytes(key, b"content")

    removed = storage.delete_folder("jobs/abc")

    assert removed == 2
    assert [stat.key for stat in storage.list("jobs")] == ["jobs/abcd/1/z"]
    assert storage.delete_folder("jobs/abc") == 0


def test_a_missing_key_is_not_found_on_every_way_to_it(storage):
    for read in (storage.get, storage.stream, storage.stat, lambda key: storage.stream(key, 1, 2)):
        with pytest.raises(ObjectNotFound):
            read("no/such/key")


def test_a_working_store_passes_its_check(storage):
    storage.check()


def test_two_attempts_at_one_job_do_not_disturb_each_other(storage):
    storage.put("jobs/abc/1/report", [b"first"])
    storage.put("jobs/abc/2/report", [b"second"])

    storage.delete_folder("jobs/abc/1")

    assert storage.get("jobs/abc/2/report") == b"second"


@pytest.mark.parametrize("storage_url", ["folder", "s3"], indirect=True)
def test_memory_stays_flat_while_a_long_object_is_written_and_read(storage_url):
    command = [sys.executable, "-c", MEASURED, storage_url, "100"]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}

    output = subprocess.run(command, check=True, capture_output=True, text=True, env=environ, timeout=120).stdout

    size, growth = map(int, output.split())
    assert size == 100 * MIB
    assert growth < 24  # MiB


def test_an_s3_that_cannot_be_reached_is_a_transient_error(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    monkeypatch.setenv("AWS_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    storage = open_storage("s3://bucket/prefix")

    calls = [
        lambda: storage.put("k", [b"v"]),
        lambda: storage.put_bytes("k", b"v"),
        lambda: storage.get("k"),
        lambda: storage.stat("k"),
        lambda: storage.delete("k"),
        lambda: list(storage.list("k")),
        storage.check,
    ]
    for call in calls:
        with pytest.raises(TransientError) as raised:
            call()
        assert re.search(r"http|bucket|127\.0|prefix", raised.value.message) is None


def test_an_s3_that_has_lost_an_upload_is_a_transient_error_and_no_missing_object(s3, monkeypatch):
    def put(*_args: object, **_options: object) -> None:  # what obstore raises when an abort comes too late
        raise FileNotFoundError("The specified upload does not exist")

    for name, value in s3.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(obstore, "put", put)

    with pytest.raises(TransientError):
        open_storage(s3.url).put("a", iter([b"x"]))


def test_a_folder_that_has_become_a_file_is_a_transient_error(tmp_path):
    storage = ready_store((tmp_path / "objects").as_uri())
    (tmp_path / "objects" / "jobs").write_text("in the way")

    with pytest.raises(TransientError):
        storage.put_bytes("jobs/abc/1/x", b"content")


def test_what_writes_an_object_may_use_the_store_meanwhile(storage):
    storage.put("source/long", [b"x" * MIB] * 6)

    def chunks() -> Iterator[bytes]:
        storage.put_bytes("preview", b"first rows")
        storage.put("inner", iter([b"in", b"ner"]))
        yield storage.get("preview")
        yield from storage.stream("source/long")
        yield b"%d" % storage.stat("inner").size
        storage.delete("inner")
        yield b"".join(stat.key.encode() for stat in storage.list("source"))

    storage.put("outer", chunks())

    assert storage.get("outer") == b"first rows" + b"x" * 6 * MIB + b"5" + b"source/long"


def test_reading_many_gives_each_its_bytes_and_tells_of_the_missing_one_alone(storage):
    for number in range(20):
        storage.put_bytes(f"many/{number}", b"%d" % number)

    with storage.reading([*((f"many/{number}", None) for number in range(20)), ("many/none", None)]) as reads:
        *found, missing = reads

        assert [read() for read in found] == [b"%d" % number for number in range(20)]
        with pytest.raises(ObjectNotFound):
            missing()


@pytest.mark.parametrize("size", [0, 9, 11])
def test_an_object_of_another_size_than_was_stored_is_not_given(storage, size):
    storage.put_bytes("some/file", b"0123456789")

    damaged = f"The stored file is damaged: 10 of its {size} bytes are there"
    for read in (
        lambda: storage.get("some/file", size),
        lambda: storage.stream("some/file", size=size),
        lambda: storage.stream("some/file", 2, 4, size=size),
    ):
        with pytest.raises(ObjectDamaged, match=damaged):
            read()
    assert storage.get("some/file", 10) == b"".join(storage.stream("some/file", size=10)) == b"0123456789"
    assert b"".join(storage.stream("some/file", 2, 4, size=10)) == b"23"

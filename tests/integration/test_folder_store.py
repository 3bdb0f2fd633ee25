"""What only a folder as the store does: it sends files by their descriptors."""

from pathlib import Path

from tests.stores import ready_store


def test_a_file_that_is_deleted_while_it_is_sent_is_sent_whole(tmp_path):
    storage = ready_store(tmp_path.as_uri())
    storage.put_bytes("some/file", b"0123456789" * 300_000)
    chunks = storage.stream("some/file", start=5)

    first = next(chunks)
    storage.delete("some/file")

    assert first + b"".join(chunks) == (b"0123456789" * 300_000)[5:]


def test_files_that_nobody_reads_to_the_end_do_not_stay_open(tmp_path):
    storage = ready_store(tmp_path.as_uri())
    storage.put_bytes("some/file", b"0123456789")
    before = len(list(Path("/proc/self/fd").iterdir()))

    for _ in range(20):
        storage.stream("some/file")

    assert len(list(Path("/proc/self/fd").iterdir())) == before

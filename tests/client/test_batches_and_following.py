"""Batches come as files that are all checked; jobs are followed by events where there are any."""

import hashlib
import json
import random
from collections.abc import Callable

import pytest

from app.client import BadAnswer, Client, NotThere
from tests.scripted_server import JOB, Asked, Reply, envelope, refused, told

PARTS = [b"one\n" * 10, b"", random.Random(3).randbytes(200_000)]
CRASH = "c" * 24


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def job(state: str = "finished", done: int = 3, **changed) -> dict:
    nothing = dict.fromkeys(("started_at", "finished_at", "expires_at", "size", "error"))
    return {
        "job_id": JOB, "kind": "crash_batch",
        "question": {"crash_identifier": CRASH, "format": "csv", "encoding": "utf-8-sig", "since": None},
        "state": state, "progress": {"done": done, "total": 3, "unit": "occurrences"}, "attempts": 1,
        "created_at": "2018-09-13T08:02:53Z", **nothing, **changed,
    }  # fmt: skip


def manifest(url: str, made: list[bytes], **changed) -> dict:
    own = b"the manifest"
    expires = "2030-01-01T00:00:00Z"
    return {
        "url": f"{url}/files/manifest", "filename": f"{CRASH}-manifest.json", "content_type": "application/json",
        "size": len(own), "sha256": sha256(own), "expires_at": expires, "schema": "crashq-batch", "schema_version": 1,
        "crash_identifier": CRASH, "app_identifier": None, "format": "csv", "filters": {}, "snapshot_at": expires,
        "complete": True, "rows": len(made), "unreadable": 0, "total_size": sum(map(len, made)),
        "parts": [
            {"number": number, "filename": f"{CRASH}-{number:05d}.csv", "content_type": "text/csv", "rows": 1, "unreadable": 0,
             "size": len(part), "sha256": sha256(part), "url": f"{url}/files/{number}"}
            for number, part in enumerate(made)
        ],
        **changed,
    }  # fmt: skip


def serving(url: str, told_manifest: dict, files: dict[str, bytes]) -> Callable[[Asked], Reply]:
    """The job, its manifest once it has been asked for twice, and the files."""
    polls = []

    def answer(asked: Asked) -> Reply:
        if asked.path == f"/api/jobs/{JOB}":
            return told(job())
        if asked.path.startswith("/files/"):
            return Reply(200, {"ETag": f'"{asked.path}"'}, files[asked.path.removeprefix("/files/")])
        assert (asked.method, asked.path) == ("POST", f"/api/crashes/{CRASH}/exports")
        polls.append(json.loads(asked.body))
        assert polls[-1] == {"format": "csv", "encoding": "utf-8-sig", "job_id": JOB}
        return (
            envelope(None, loading=True, X_Progress="1/3 occurrences") if len(polls) == 1 else envelope(told_manifest)
        )

    return answer


FILES = {**{str(number): part for number, part in enumerate(PARTS)}, "manifest": b"the manifest"}


def test_a_batch_is_waited_for_and_every_file_is_fetched_and_checked(server, afar, tmp_path):
    server.replies = [serving(server.url, manifest(server.url, PARTS), FILES)]
    progress, order = [], []

    def on_file(path, number, total):
        order.append((path.name, number, total))
        return lambda *_: None

    found, paths = afar.download_batch(JOB, tmp_path / "new" / "folder", progress.append, on_file)

    assert [path.read_bytes() for path in paths] == [*PARTS, b"the manifest"]
    assert [(one.done, one.total) for one in progress] == [(1, 3)]
    assert order[0] == (f"{CRASH}-00000.csv", 1, 4)
    assert order[-1] == (f"{CRASH}-manifest.json", 4, 4)
    assert (found.rows, found.complete) == (3, True)


def test_files_that_are_there_already_are_not_fetched_again(server, afar, tmp_path):
    server.replies = [serving(server.url, manifest(server.url, PARTS), FILES)]
    afar.download_batch(JOB, tmp_path)
    (tmp_path / f"{CRASH}-00002.csv").write_bytes(b"damaged since")
    server.asked.clear()

    afar.download_batch(JOB, tmp_path)

    assert [asked.path for asked in server.asked if asked.path.startswith("/files/")] == ["/files/2"]
    assert (tmp_path / f"{CRASH}-00002.csv").read_bytes() == PARTS[2]


def test_a_part_with_other_bytes_ends_the_download_before_the_manifest_is_there(server, afar, tmp_path):
    server.replies = [serving(server.url, manifest(server.url, PARTS), {**FILES, "2": bytes(len(PARTS[2]))})]

    with pytest.raises(Exception, match="SHA-256"):
        afar.download_batch(JOB, tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{CRASH}-00000.csv", f"{CRASH}-00001.csv"]


@pytest.mark.parametrize(
    "changed",
    [{"rows": 4}, {"total_size": 1}, {"filename": "../manifest.json"}, {"filename": f"{CRASH}-00000.csv"}, {"parts": None},
     {"sha256": "short"}],
)  # fmt: skip
def test_a_manifest_that_contradicts_itself_is_refused(server, afar, tmp_path, changed):
    server.replies = [serving(server.url, manifest(server.url, PARTS, **changed), FILES)]

    with pytest.raises(BadAnswer):
        afar.download_batch(JOB, tmp_path)

    assert list(tmp_path.iterdir()) == []


def events(*jobs: dict) -> Reply:
    stream = (b"event: job\ndata: %s\n\n" % json.dumps(one).encode() for one in jobs)
    return Reply(200, {"Content-Type": "text/event-stream; charset=utf-8"}, stream)


def states(afar: Client) -> list[tuple[str, int]]:
    return [(one.state, one.progress.done) for one in afar.follow(JOB)]


def test_a_job_is_followed_by_its_events(server, afar):
    server.replies = [
        told(job("queued", 0)), events(job("queued", 0), job("running", 1), job("running", 2), job("finished", 3)),
    ]  # fmt: skip

    assert states(afar) == [("queued", 0), ("running", 1), ("running", 2), ("finished", 3)]
    assert [asked.path for asked in server.asked] == [f"/api/jobs/{JOB}", f"/api/jobs/{JOB}/events"]
    assert server.asked[1].headers["accept"] == "text/event-stream"


def test_a_stream_of_events_that_ends_or_is_cut_is_taken_up_again(server, afar, clock):
    cut = Reply(200, {"Content-Type": "text/event-stream"}, b"data: ", promised=1_000)
    server.replies = [told(job("queued", 0)), events(job("running", 1)), cut, events(job("failed", 1))]

    assert states(afar) == [("queued", 0), ("running", 1), ("failed", 1)]
    assert len(clock.slept) == 2


def test_events_that_only_say_that_something_happened_are_looked_into(server, afar):
    server.replies = [
        told(job("queued", 0)), Reply(200, {"Content-Type": "text/event-stream"}, b"data: {}\n\n"), told(job("finished")),
    ]  # fmt: skip

    assert states(afar) == [("queued", 0), ("finished", 3)]


@pytest.mark.parametrize(
    "without",
    [refused(404, "not_found", "There is nothing at this path"), refused(405, "method_not_allowed", "No"),
     refused(503, "unavailable", "Too many streams", Retry_After="5"), told({})],
)  # fmt: skip
def test_without_events_the_job_is_asked_for_now_and_then(server, afar, clock, without):
    server.replies = [told(job("queued", 0)), without, told(job("running", 1), **{"Retry-After": "4"}), told(job("running", 1)),
                      told(job("finished"))]  # fmt: skip

    assert states(afar) == [("queued", 0), ("running", 1), ("finished", 3)]
    assert [asked.path.endswith("/events") for asked in server.asked] == [False, True, False, False, False]
    assert clock.slept[0] == 4
    assert len(clock.slept) == 2


def test_a_job_that_is_not_there_is_not_followed(server, afar):
    server.replies = [refused(404, "not_found", "Job not found", X_Error_Code="job_not_found")]

    with pytest.raises(NotThere, match="Job not found"):
        states(afar)


def test_a_job_that_is_over_is_told_once(server, afar):
    server.replies = [told(job("cancelled"))]

    assert states(afar) == [("cancelled", 3)]
    assert len(server.asked) == 1

"""What has to hold after any fault: each job ended whole or with its reason, each log digested once, nothing left over."""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any
from urllib.parse import urlsplit

import boto3

from tests.faults.deployment import Deployment
from tests.system.conftest import until

ENDED = ("finished", "failed", "cancelled", "expired")


def lines(here: Deployment, event: str) -> list[dict[str, Any]]:
    """The log lines of all parts that tell of an event."""
    return [line for line in _all_lines(here) if line.get("event") == event]


def _all_lines(here: Deployment) -> Iterator[dict[str, Any]]:
    for log in here.folder.glob("*.log"):
        for line in log.read_text(errors="replace").splitlines():
            if line.startswith("{"):
                try:
                    yield json.loads(line)
                except ValueError:  # cut off by the kill
                    continue


def await_jobs(here: Deployment, jobs: Collection[str], grace: float) -> None:
    """Wait until every job has ended."""

    def all_ended() -> bool:
        found = here.query("SELECT count(*) FROM jobs WHERE id = ANY(%s) AND state = ANY(%s)", list(jobs), list(ENDED))
        return found[0][0] == len(jobs)

    until(all_ended, f"{len(jobs)} jobs to end: {here.folder}", grace)


def await_logs(here: Deployment, logs: Collection[str], grace: float) -> None:
    """Wait until every log is digested or rejected."""

    def all_digested() -> bool:
        found = here.query("SELECT count(*) FROM logs WHERE log_id = ANY(%s) AND status <> 'received'", list(logs))
        return found[0][0] == len(logs)

    until(all_digested, f"{len(logs)} logs to be digested: {here.folder}", grace)


def set_due(here: Deployment) -> None:
    """Let no log that waits wait any longer: the pauses after an outage grow."""
    here.query(
        "UPDATE logs SET not_before = NULL, ring_after = 'epoch' WHERE status = 'received' AND lease_expires_at IS NULL"
    )


def check_finished(here: Deployment, job_id: str, rows: int | None, *, unseen: int = 0) -> None:
    """The job has one whole result of that many rows, and ran as often as its row claims.

    `unseen` is how many attempts or endings a kill may have kept from being told in the log.
    """
    [(state, attempt, text, key, size, sha256, error)] = here.query(
        "SELECT state, attempt, result_text, result_key, result_size, result_sha256, error_message"
        " FROM jobs WHERE id = %s",
        job_id,
    )
    assert state == "finished", f"{job_id} is {state}: {error}"
    stored = read_object(here, key) if text is None else text.encode()
    assert len(stored) == size
    assert hashlib.sha256(stored).hexdigest() == sha256
    if rows is not None:
        found = json.loads(stored)
        assert len(found) == rows
        assert len({row["id"] for row in found}) == rows
    _check_runs(here, job_id, attempt, finished=1, unseen=unseen)


def check_failed(here: Deployment, job_id: str, *, unseen: int = 0) -> str:
    """The job ended with a readable reason, which is returned."""
    [(state, attempt, message)] = here.query("SELECT state, attempt, error_message FROM jobs WHERE id = %s", job_id)
    assert state == "failed"
    assert message
    _check_runs(here, job_id, attempt, finished=0, unseen=unseen)
    return str(message)


def _check_runs(here: Deployment, job_id: str, attempt: int, finished: int, unseen: int) -> None:
    started = Counter(line["attempt"] for line in lines(here, "job_started") if line["job"] == job_id)
    told = sum(line["job"] == job_id for line in lines(here, "job_finished"))
    assert set(started.values()) <= {1}, f"{job_id} ran an attempt twice: {started}"
    assert max(started, default=0) <= attempt
    assert attempt - unseen <= len(started) <= attempt, f"{job_id} ran {started}, its row says {attempt}"
    assert finished - unseen <= told <= finished, f"{job_id} told {told} times that it finished"


def check_logs(here: Deployment, logs: Collection[str], occurrences: int = 1) -> None:
    """Every log is digested exactly once, and every crash counts the rows it has."""
    found = here.query(
        "SELECT l.log_id, l.status, count(o.id) FROM logs l LEFT JOIN occurrences o ON o.log_row = l.id"
        " WHERE l.log_id = ANY(%s) GROUP BY l.id",
        list(logs),
    )
    assert {(status, number) for _, status, number in found} <= {("digested", occurrences)}
    assert {log_id for log_id, _, _ in found} == set(logs)
    wrong = here.query(
        "SELECT c.identifier, c.occurrences_count, count(o.id) FROM crashes c"
        " LEFT JOIN occurrences o ON o.crash_id = c.id GROUP BY c.id HAVING c.occurrences_count <> count(o.id)"
    )
    assert wrong == []
    digested = Counter(line["log"] for line in lines(here, "log_digested"))
    assert set(digested.values()) <= {1}


def check_nothing_left_over(here: Deployment) -> None:
    """No stored object of a job but those of a finished job's latest attempt, and every result that a row names."""
    finished = here.query("SELECT result_key FROM jobs WHERE state = 'finished' AND result_key IS NOT NULL")
    kept = {key.rpartition("/")[0] for (key,) in finished}

    def left_over() -> list[str]:
        return [key for key in job_objects(here) if key.rpartition("/")[0] not in kept]

    until(lambda: not left_over(), f"{left_over()} to be deleted", 15)


def job_objects(here: Deployment) -> list[str]:
    """Keys below jobs/ in the store."""
    bucket, prefix = _place(here)
    with_prefix = f"{prefix}/jobs/"
    client = _client(here)
    try:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=with_prefix)
        return [item["Key"].removeprefix(f"{prefix}/") for page in pages for item in page.get("Contents", [])]
    finally:
        client.close()


def read_object(here: Deployment, key: str) -> bytes:
    """The stored bytes, past the service."""
    bucket, prefix = _place(here)
    client = _client(here)
    try:
        content: bytes = client.get_object(Bucket=bucket, Key=f"{prefix}/{key}")["Body"].read()
        return content
    finally:
        client.close()


def _place(here: Deployment) -> tuple[str, str]:
    parts = urlsplit(here.environ["STORAGE_URL"])
    return parts.netloc, parts.path.strip("/")


def _client(here: Deployment) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=here.servers.s3.environ["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id="tests",
        aws_secret_access_key="tests",
    )

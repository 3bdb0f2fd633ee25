"""Asks for batches and reads what they made."""

import csv
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

from sqlalchemy import update

from app.db.models.crash import Crash
from app.db.models.job import Job
from app.db.models.job_part import JobPart, parts_of
from app.db.models.occurrence import Occurrence
from app.jobs import running
from app.jobs.service import ask
from app.queueing.broker import MemoryBroker
from app.services import Services
from tests.factories import Member


def post(client: Any, member: Member, path: str, **body: Any) -> Any:
    """The answer to a POST of /api/<path>/exports."""
    return client.post(f"/api/{path}/exports", json=body, headers=member.headers)


def made(client: Any, member: Member, run_workers: Callable[[], int], path: str, **body: Any) -> dict[str, Any]:
    """The result of a batch, begun and finished."""
    post(client, member, path, **body)
    run_workers()
    answer = post(client, member, path, **body)
    assert answer.json["loading"] == [False], answer.json
    result: dict[str, Any] = answer.json["result"]
    return result


def files(client: Any, result: dict[str, Any]) -> list[bytes]:
    """The bytes of every part, in order."""
    return [client.get(part["url"]).data for part in result["parts"]]


def ndjson(client: Any, result: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of an NDJSON batch."""
    return [json.loads(line) for part in files(client, result) for line in part.decode().splitlines()]


def csv_rows(client: Any, result: dict[str, Any]) -> list[dict[str, str]]:
    """The rows of a CSV batch."""
    return [row for part in files(client, result) for row in csv.DictReader(io.StringIO(part.decode(), newline=""))]


def reports(client: Any, result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Name -> report, of a zip batch."""
    found: dict[str, Any] = {}
    for part in files(client, result):
        with zipfile.ZipFile(io.BytesIO(part)) as archive:
            found |= {name: json.loads(archive.read(name)) for name in archive.namelist()}
    return found


def describe(services: Services, crash: Crash, **facts: str | None) -> None:
    """Let all occurrences of a crash have these facts, as a digest would have stored them."""
    with services.db.write() as session:
        changed = update(Occurrence).where(Occurrence.crash_id == crash.id)
        session.execute(changed.values(described=True, **facts), execution_options={"synchronize_session": False})


def undescribe(services: Services) -> None:
    """Let every occurrence be as one that was digested by a release which stored no facts."""
    names = ("described", "app_version", "app_build", "os_name", "os_version", "device_model", "user_id")
    with services.db.write() as session:
        session.execute(update(Occurrence).values(dict.fromkeys(names)))


def begin(services: Services, member: Member, crash: Crash, **query: str) -> Job:
    """A batch that is planned and whose parts wait."""
    job = ask(services, member.user_id, "crash_batch", crash.identifier, query)
    assert isinstance(services.broker, MemoryBroker)
    assert isinstance(job, Job)
    services.broker.messages.clear()
    running.run(services, job.id)
    services.broker.messages.clear()
    return job


def parts_now(services: Services, job: Job) -> list[JobPart]:
    with services.db.read() as session:
        return parts_of(session, job.id)

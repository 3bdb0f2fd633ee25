"""The requests of a client; and the request of a job that is there already."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote

from app.client.errors import BadAnswer, NotAllowed
from app.client.models import Job, Occurrence
from app.client.wire import Request

BATCH_KINDS = {"crash_batch": ("crashes", "crash_identifier"), "app_batch": ("apps", "app_identifier")}
"""Job type -> where it is asked for, and which name of its request says about what."""

_FACTS = ("app_version", "os_name", "os_version", "device_model", "user_id")

When = date | datetime | str
"""A day (the whole UTC day) or a time; a text is sent as it is."""


@dataclass(frozen=True)
class BatchQuestion:
    """Which occurrences a batch is to hold, and as what; several values of one name mean any of them."""

    format: str = "ndjson"  # or csv, parquet, zip
    since_date: When | None = None
    until_date: When | None = None
    app_version: tuple[str, ...] = ()
    os_name: tuple[str, ...] = ()
    os_version: tuple[str, ...] = ()
    device_model: tuple[str, ...] = ()
    user_id: tuple[str, ...] = ()
    encoding: str | None = None  # utf-8-sig: each CSV file begins with a byte order mark, for spreadsheet programs

    def body(self) -> dict[str, Any]:
        """As JSON: only what is set."""
        return {name: iso_text(value) if "date" in name else value for name, value in asdict(self).items() if value}


def occurrence_list(
    crash: str, since: When | None, until: When | None, page: int | None, per_page: int | None
) -> Request:
    """The occurrences of a crash."""
    asked = {
        "since_date": iso_text(since),
        "until_date": iso_text(until),
        "page": page,
        "per_page": per_page,
    }
    return Request("GET", f"/api/crashes/{part(crash)}/occurrences", set_only(asked))


def report(crash: str, occurrence: Occurrence, report_format: str) -> Request:
    """The report of one occurrence."""
    asked = {
        "id": occurrence.id,
        "log_id": occurrence.log_id,
        "date": iso_text(occurrence.date),
        "format": report_format,
    }
    return Request("GET", f"/api/crashes/{part(crash)}/export_occurrences", asked)


def batch(request: BatchQuestion, *, crash: str | None, app: str | None, job_id: str | None = None) -> Request:
    """A batch of a crash or of a whole app. Repeating the POST is the poll."""
    if (crash is None) == (app is None):
        raise NotAllowed("A batch is of a crash or of an app", "Give one of the two")
    path = f"/api/crashes/{part(crash)}/exports" if crash is not None else f"/api/apps/{part(app or '')}/exports"
    return _batch(path, request.body(), job_id)


def batch_of(job: Job) -> Request:
    """The request that a batch's job answers. Raises NotAllowed when it is another job type."""
    if job.kind not in BATCH_KINDS:
        raise NotAllowed(f"Job {job.job_id} is no batch, but {job.kind}", "Name the job of a batch")
    folder, about = BATCH_KINDS[job.kind]
    asked = dict(job.question)
    try:
        path = f"/api/{folder}/{part(str(asked.pop(about)))}/exports"
        values = {"format": str(asked["format"]), **{name: asked[name] for name in _FACTS if asked.get(name)}}
        if asked.get("encoding"):
            values["encoding"] = str(asked["encoding"])
        if asked.get("since"):
            values["since_date"] = str(asked["since"])
        if asked.get("until"):  # the first instant that counts no more; the parameter is the last one that does
            last = datetime.fromisoformat(str(asked["until"])) - timedelta(microseconds=1)
            values["until_date"] = last.isoformat()
    except (KeyError, ValueError, OverflowError):
        raise BadAnswer("The server's answer is not that of crashq: the request of a batch") from None
    return _batch(path, values, job.job_id)


def part(name: str) -> str:
    """A name as one part of a path. Raises NotAllowed where it would lead elsewhere."""
    if name.strip(".") == "":
        raise NotAllowed("An identifier is empty", "Give the identifier that lists show")
    return quote(name, safe="")


def iso_text(when: When | None) -> str:
    """ISO 8601; nothing for nothing."""
    return "" if when is None else when if isinstance(when, str) else when.isoformat()


def set_only(values: Mapping[str, str | int | None]) -> dict[str, str]:
    """The parameters that are set."""
    return {name: str(value) for name, value in values.items() if value is not None and value != ""}


def _batch(path: str, values: dict[str, Any], job_id: str | None) -> Request:
    body = json.dumps({**values, **({"job_id": job_id} if job_id else {})}).encode()
    return Request("POST", path, headers={"Content-Type": "application/json"}, body=body)

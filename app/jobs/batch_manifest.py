"""The manifest of a batch, which is its result: what it holds, part by part, and whether that is all."""

import json
from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from app import iso_time
from app.db.models.job_part import JobPart, JobPlan
from app.jobs.batch_params import Filters
from app.jobs.job_type import AnyJob, Body, Showing, StoredFile
from app.json_models import ResponseBody, Time

SCHEMA, SCHEMA_VERSION = "crashq-batch", 1


MEDIA_TYPE = "application/json"


_Link = Annotated[
    str,
    Field(
        description="Signed; needs no token until expires_at",
        json_schema_extra={"format": "uri"},
        examples=["https://crashes.example.com/api/downloads/WyI1ZjBjIl0.5b9a5f00.c2lnbmF0dXJl"],
    ),
]


class ManifestPart(ResponseBody):
    """A file of a batch."""

    number: int
    filename: str = Field(examples=["2eab310c430bf292171281ae-00001.csv"])
    content_type: str = Field(examples=["text/csv; charset=utf-8"])
    rows: int
    unreadable: int
    size: int
    sha256: str
    url: _Link


class Manifest(StoredFile):
    """What a batch holds."""

    filename: str = Field(examples=["2eab310c430bf292171281ae-manifest.json"])
    schema_: Literal["crashq-batch"] = Field(alias="schema")
    schema_version: Literal[1]
    crash_identifier: str | None
    app_identifier: str | None = Field(examples=[None])
    format: str = Field(examples=["csv"])
    filters: Annotated[dict[str, Any], WithJsonSchema({"type": "object"})]
    snapshot_at: Time = Field(description="What came later is not in it")
    complete: bool = Field(description="False when some could not be read whole, or are missing")
    rows: int
    unreadable: int
    missing: int = Field(description="Occurrences that were erased or aged while the batch was made")
    total_size: int = Field(description="Bytes of all parts")
    parts: list[ManifestPart]


RESULT = Annotated[
    Manifest | None,
    Field(description="null while loading; then the manifest, with the links of its own file and of every part"),
]


def write_manifest(params: Filters, plan: JobPlan, parts: list[JobPart], stem: str) -> tuple[bytes, str, str]:
    """(content, file name, media type). The same plan and parts give the same bytes."""
    unreadable = sum(part.unreadable or 0 for part in parts)
    is_as_planned = all(part.done == part.units for part in parts)
    content = {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "crash_identifier": getattr(params, "crash_identifier", None),
        "app_identifier": getattr(params, "app_identifier", None),
        "format": params.format,
        "filters": params.to_json(),
        "snapshot_at": iso_time.rfc3339(plan.made_at),
        "complete": is_as_planned and unreadable == 0,
        "rows": sum(part.rows or 0 for part in parts),
        "unreadable": unreadable,
        "missing": sum(max(part.units - part.done, 0) for part in parts),
        "total_size": sum(part.size or 0 for part in parts),
        "parts": [
            {"number": part.number, "filename": part.filename, "content_type": part.media_type, "rows": part.rows,
             "unreadable": part.unreadable, "size": part.size, "sha256": part.sha256}
            for part in parts
        ],
    }  # fmt: skip
    return _compact(content), f"{stem}-manifest.json", MEDIA_TYPE


def present(job: AnyJob, showing: Showing) -> Body:
    """The manifest and the links; null while it is being made."""
    if job.is_live:
        return Body.of(b"null")
    assert job.result_key is not None
    manifest = json.loads(showing.storage.get(job.result_key, job.result_size))
    manifest.setdefault("missing", 0)  # earlier releases did not tell
    for part in manifest["parts"]:
        part["url"] = showing.part_link(job, part["number"])
    return Body.of(_compact({**showing.file(job), **manifest}))


def _compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()

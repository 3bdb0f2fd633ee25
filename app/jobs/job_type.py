"""What a job type offers, and what it is handed to work with."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from pydantic import BaseModel, Field

from app import iso_time
from app.db import Database
from app.db.hot.poll import FoundCrash, FoundJob, WholeApp
from app.db.hot.short_list import ShortList
from app.db.models.job import Job
from app.db.models.job_part import JobPart, JobPlan
from app.db.models.membership import Role
from app.json_models import ResponseBody, Time
from app.speed import Speed
from app.storage import Storage

AnyJob = Job | FoundJob
"""A job's row, or as much of it as a poll reads."""

Subject = FoundCrash | WholeApp
"""What a request is about."""


@dataclass(frozen=True)
class Artefact:
    """A finished result: its bytes lie in the storage or, when they are few, in the job's row."""

    key: str | None  # None: `text` is all of it
    size: int  # bytes
    sha256: str  # hex
    filename: str
    media_type: str
    text: str | None  # the result itself; None when it lies in the storage


@dataclass(frozen=True)
class Plan:
    """Instead of a result: what it will be made of, in parts, by as many workers as there are."""

    made_at: datetime  # when the snapshot was taken that the result shows
    last_row: int  # the newest occurrence that belongs to it
    reports_revision: int  # the app's: parts are made by what was set then, or not at all
    parts: list[dict[str, Any]]  # values of JobPart: number, after, upto, units


@dataclass(frozen=True)
class MadePart:
    """One part, stored; and what it tells."""

    artefact: Artefact
    read: int  # units that it was made from; fewer than planned when some are gone by now
    rows: int
    unreadable: int  # occurrences that belong to it and could not be read


@dataclass
class PartCount:
    """What goes into a part, counted while it is written."""

    read: int = 0
    rows: int = 0
    unreadable: int = 0


@dataclass(frozen=True)
class Body:
    """Bytes of an answer that need not be in memory: their number and their chunks."""

    size: int
    chunks: Iterable[bytes]

    @classmethod
    def of(cls, content: bytes) -> "Body":
        """A body that is in memory."""
        return cls(len(content), (content,))


class Run(Protocol):
    """One attempt at a job, as `compute` sees it. Every method may raise to end an attempt that is no longer wanted."""

    db: Database
    storage: Storage
    app_id: int
    now: Callable[[], datetime]
    speed: Speed  # which of the parts for speed are on

    @property
    def crash_id(self) -> int:
        """The crash that the job is about; a job about a whole app must not ask."""

    def expect(self, total: int) -> None:
        """Say how many units of progress there will be."""

    def advance(self, units: int) -> None:
        """Count progress, and end the attempt here if it was cancelled, lost or has run too long."""

    def shows(self, revision: int) -> None:
        """Say which revision of the crash the result shows at least; call it before reading the data."""

    def preview(self, content: bytes) -> None:
        """Store what is known so far, for pollers to see meanwhile."""

    def store(
        self, name: str, chunks: Iterable[bytes], filename: str, media_type: str, *, in_row: bool = False
    ) -> Artefact:
        """Stream the result into the storage in constant memory; with `in_row` a small UTF-8 text is kept in the row."""


class StoredFile(ResponseBody):
    """A finished job's stored bytes, for the client: where they are, what they are, and until when."""

    url: str = Field(
        description="Signed; needs no token until expires_at",
        json_schema_extra={"format": "uri"},
        examples=["https://crashes.example.com/api/downloads/WyI1ZjBjIl0.5b9a5f00.c2lnbmF0dXJl"],
    )
    filename: str
    content_type: str
    size: int
    sha256: str
    expires_at: Time


@dataclass(frozen=True)
class Showing:
    """What `present` needs to turn a row into the JSON of `result`."""

    storage: Storage
    link: Callable[[AnyJob], str] = field(repr=False)  # signed, absolute URL of the stored bytes
    part_link: Callable[[AnyJob, int], str] = field(repr=False)  # the same for a part, by its number

    def file(self, job: AnyJob) -> dict[str, Any]:
        """The fields of StoredFile, of a finished job's stored bytes."""
        assert job.expires_at is not None
        return {
            "url": self.link(job),
            "filename": job.result_filename,
            "content_type": job.result_media_type,
            "size": job.result_size,
            "sha256": job.result_sha256,
            "expires_at": iso_time.rfc3339(job.expires_at),
        }


def all_occurrences(_db: Database, about: Subject, _params: Any) -> int:
    """As many units of progress as there are occurrences; filters and dates leave out what has to be looked at anyway."""
    return about.occurrences_count


@dataclass(frozen=True)
class JobType:
    """What a job type offers, under the names that its module declares. What has a default need not be declared."""

    PATH: str  # below /api; its one variable is a key of `app.jobs.access.SUBJECTS`, and a field of Params
    UNIT: str  # of progress
    SUMMARY: str  # one line for openapi.json
    RESULT: Any  # the type of `result`, for openapi.json
    Params: type[BaseModel]

    read: Callable[[str, Mapping[str, str]], BaseModel]
    """(identifier, query) -> the request, normalised: equal requests have equal params. Raises BadParameters.

    Several values of one name, which only a POST may give, are lines of one text.
    """
    current_revision: Callable[[Subject], int]
    """(subject) -> the data revision of a result that tells the truth about it as it is now; 0 if that never changes."""
    compute: Callable[[Any, Run], Artefact | Plan]
    """(params, run) -> the result, or the plan of its parts. Touches neither job state nor HTTP."""
    present: Callable[[AnyJob, Showing], Body]
    """The JSON text of `result` for a live or finished job."""

    METHOD: str = "GET"  # or POST
    ROLE: Role = Role.VIEWER  # the least that a member has to have; of a GET this one, for polls do not look at it
    QUERY: type[BaseModel] | None = None  # the parameters of a GET, for openapi.json
    BODY: type[BaseModel] | None = None  # the body of a POST, for openapi.json
    expect: Callable[[Database, Subject, Any], int] = all_occurrences
    """(database, subject, params) -> units of progress that a new job will about have. Raises NotFound."""
    FOR_PEOPLE: bool = False  # it makes a file that somebody asks for; pages list such jobs by themselves
    SHORT_LIST: ShortList | None = None  # what the database may answer by itself, in place of `compute`
    make_part: Callable[[Any, JobPlan, JobPart, Run, str], MadePart] | None = None
    """(params, plan, part, run, name): make one part and store it by that name, the same bytes however often.

    A type whose `compute` makes a plan declares this and `sum_up`; no other type has them.
    Its name ends in `app.db.models.job_part.BATCH`.
    """
    sum_up: Callable[[Any, JobPlan, list[JobPart]], tuple[bytes, str, str]] | None = None
    """(params, plan, parts, all done) -> (content, file name, media type) of the result, which tells of the parts."""

    @property
    def counts_occurrences(self) -> bool:
        """True where a job's units are the occurrences of its crash, so that one statement begins it without `expect`."""
        return self.expect is all_occurrences and self.subject == "crash_identifier" and self.METHOD == "GET"

    @property
    def subject(self) -> str:
        """The variable of the path, which says what a job of this type is about: `crash_identifier`."""
        return self.PATH.partition("<")[2].partition(">")[0]


class JobRequest(NamedTuple):
    """What is asked for; by whom stands beside it."""

    job_type: str  # name of the job type
    params: BaseModel
    key: str  # see `key_of`
    job_id: str | None = None  # ask for that very job


def key_of(job_type: str, params: BaseModel) -> str:
    """What equal requests share: sha256 hex."""
    return hashlib.sha256(f"{job_type}\n{params.model_dump_json()}".encode()).hexdigest()


def stream_between(before: bytes, body: Body, after: bytes) -> Body:
    """The body with bytes put before and after it."""

    if isinstance(body.chunks, tuple):  # few bytes, which go out at once
        return Body.of(b"".join((before, *body.chunks, after)))

    def chunks() -> Iterator[bytes]:
        yield before
        yield from body.chunks
        yield after

    return Body(len(before) + body.size + len(after), chunks())

"""What the server tells, checked: frozen, and open to keys that a newer server adds."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.client.errors import BadAnswer

JOB_ID = re.compile(r"[0-9a-f]{24}")
_PROGRESS = re.compile(r"(\d{1,18})/(\d{1,18}) ([a-z]{1,40})")

Size = Annotated[int, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Identifier = Annotated[str, Field(pattern=r"^[0-9a-f]{24}$")]


class Told(BaseModel):
    """Anything that the server tells."""

    model_config = ConfigDict(frozen=True, extra="allow")


T = TypeVar("T", bound=Told)


@dataclass(frozen=True)
class Progress:
    """How far a job is."""

    done: int
    total: int
    unit: str


class App(Told):
    """An app that the account is a member of."""

    identifier: str
    name: str
    created_at: datetime


class CrashSummary(Told):
    """A crash as lists tell it."""

    identifier: str
    title: str
    first_seen: datetime
    last_seen: datetime
    occurrences_count: int
    state: str = "open"  # an older server tells none of these
    resolved_in: str | None = None  # a version, or next
    ignored_until: dict[str, Any] | None = None
    assignee: str | None = None
    regressed_at: datetime | None = None


class Crash(CrashSummary):
    """A crash by itself; the server's docs describe `why` and `merged`."""

    app_identifier: str
    versions: list[str]
    fingerprint: str
    why: dict[str, Any] | None
    merged: list[dict[str, Any]]


class ChangedCrash(Told):
    """What became of one crash of many: changed, unchanged or not_found."""

    identifier: str
    status: str
    crash_identifier: str | None


class Comment(Told):
    """What a member said about a crash; the author is None once the account is removed."""

    id: str
    created_at: datetime
    author: str | None
    text: str


class HistoryEntry(Told):
    """What happened to a crash; the server's docs describe the fields."""

    id: str
    happened_at: datetime
    action: str
    user: str | None
    crash_identifier: str
    assignee: str | None
    version: str | None
    ignored_until: dict[str, Any] | None
    other_crash_identifier: str | None
    comment: str | None


class Occurrence(Told):
    """One crash, once, on one device; `date` is its UTC day."""

    id: str
    date: date
    log_id: str


class Release(Told):
    """A version of an app in some days; the server's docs describe the fields, also those that are not named here."""

    version: str | None
    first_seen: date | None
    last_seen: date | None
    occurrences: int
    users: int | None
    new_crashes: int
    regressed_crashes: int
    sessions: int
    crash_free_sessions: float | None
    crash_free_users: float | None
    adoption_7_days: float | None


class RemoteFile(Told):
    """A finished result: where it can be had until `expires_at`, its size in bytes and its SHA-256 (hex)."""

    url: str
    filename: str
    content_type: str
    size: Size
    sha256: Sha256
    expires_at: datetime


class Part(Told):
    """One file of a batch."""

    number: int
    filename: str
    content_type: str
    rows: Size
    unreadable: Size
    size: Size
    sha256: Sha256
    url: str


class Manifest(RemoteFile):
    """What a finished batch holds.

    `complete` is false when logs of `unreadable` occurrences could not be read, and when `missing` ones were erased or
    aged while the batch was made.
    """

    crash_identifier: str | None
    app_identifier: str | None
    format: str
    filters: dict[str, Any]
    snapshot_at: datetime
    complete: bool
    rows: Size
    unreadable: Size
    missing: Size = 0  # an older server does not tell
    total_size: Size
    parts: list[Part]


class JobProgress(Told):
    """How far a job is."""

    done: int
    total: int
    unit: str


class JobFailure(Told):
    """Why a job failed."""

    code: str | None
    status: int | None
    message: str | None
    explanation: str | None = None  # for people
    advice: str | None = None


class Job(Told):
    """A request being computed, or what became of it."""

    job_id: Identifier
    kind: str
    question: dict[str, Any]
    state: str
    progress: JobProgress
    attempts: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None
    size: int | None
    error: JobFailure | None

    @property
    def is_live(self) -> bool:
        """True while it is queued or running."""
        return self.state in ("queued", "running")


class FoundOccurrence(Told):
    """An occurrence in a log."""

    id: str
    crash_identifier: str


class ReceivedLog(Told):
    """An upload that is stored."""

    log_id: str
    status: str


class LogState(Told):
    """What became of a log: `status` is received, digested or rejected."""

    log_id: str
    date: date
    status: str
    error_message: str | None
    occurrences: list[FoundOccurrence]


class Symbols(Told):
    """A file of symbols: `state` is received, ready or rejected."""

    identifier: str
    name: str
    kind: str | None
    state: str
    reason: str | None
    size: Size
    sha256: Sha256


def read(model: type[T], value: Any) -> T:
    """Build a model. Raises BadAnswer naming the first key that does not fit."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])[:100]
        raise BadAnswer(f"The server's answer is not that of crashq: {model.__name__} {place}") from None


def read_list(model: type[T], value: Any) -> list[T]:
    """Build a model of each. Raises BadAnswer."""
    if not isinstance(value, list):
        raise BadAnswer("The server's answer is not that of crashq: a list was expected")
    return [read(model, one) for one in value]


def read_progress(headers: Mapping[str, str]) -> Progress | None:
    """X-Progress; None when it is missing or senseless."""
    match = _PROGRESS.fullmatch(headers.get("X-Progress", ""))
    return Progress(int(match[1]), int(match[2]), match[3]) if match else None

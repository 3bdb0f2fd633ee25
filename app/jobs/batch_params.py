"""The request for a batch: its filters and formats, and the plan that cuts its occurrences into parts."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from app import iso_time
from app.crashes.facts import MAX_LENGTH, Facts
from app.db import Session
from app.db.queries.batch_rows import PartEnd, Scope, bound_of_scope, count_in_scope, cuts, has_ended, newest_row
from app.errors import BadParameters, TransientError
from app.exports import ROW_FORMATS
from app.jobs.job_type import Plan, Run
from app.json_models import NO_DEFAULT, OneOf, RequestBody, read_params

REPORTS = "zip"  # the format that holds a report of each occurrence, not a row
FORMATS = tuple(sorted((*ROW_FORMATS, REPORTS)))
DEFAULT_FORMAT = "ndjson"
FILTERS = ("app_version", "os_name", "os_version", "device_model", "user_id")
"""Facts to filter by; an occurrence has to have one of the values of each that is given."""
MAX_VALUES = 100  # of one filter
UTF_8, UTF_8_BOM = "utf-8", "utf-8-sig"
ENCODINGS = (UTF_8, UTF_8_BOM)
"""Of CSV: spreadsheet programs that open a file by a double click know UTF-8 by the mark that the second begins with."""

KNOWN = {"format", "encoding", "since_date", "until_date", "job_id", *FILTERS}

_Several = Annotated[
    Annotated[str, Field(max_length=MAX_LENGTH)] | Annotated[list[str], Field(max_length=MAX_VALUES)],
    Field(description="Exactly as the log says; several: any of them"),
]
ROWS_PER_PART = 100_000  # half a second's work, when nothing has to be read from logs: so long another tenant waits
REPORTS_PER_PART = 1_000
MOST_PARTS = 1_000  # about; of a larger batch the parts grow
SETTLES_WITHIN = 20.0  # seconds that a digest under way may take, in most cases milliseconds
LOOK_EVERY = 0.02  # seconds


class BatchRequest(RequestBody):
    """The body of a request, for openapi.json; `read_filters` reads it, for a query says the same."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"format": "csv", "since_date": "2018-09-01", "app_version": ["1.2", "1.3"], "os_name": "iOS"}]
        }
    )
    format: Annotated[str, OneOf(FORMATS, DEFAULT_FORMAT)] = DEFAULT_FORMAT
    encoding: Annotated[
        str,
        OneOf(ENCODINGS, UTF_8),
        Field(description="With csv: utf-8-sig begins each file with a byte order mark, for spreadsheet programs"),
    ] = UTF_8
    since_date: str = Field(default="", description="First day (UTC) or time, ISO 8601", json_schema_extra=NO_DEFAULT)
    until_date: str = Field(default="", description="Last day (UTC) or time, ISO 8601", json_schema_extra=NO_DEFAULT)
    app_version: _Several = Field(default="", json_schema_extra=NO_DEFAULT)
    os_name: _Several = Field(default="", json_schema_extra=NO_DEFAULT)
    os_version: _Several = Field(default="", json_schema_extra=NO_DEFAULT)
    device_model: _Several = Field(default="", json_schema_extra=NO_DEFAULT)
    user_id: _Several = Field(default="", json_schema_extra=NO_DEFAULT)
    job_id: str = Field(
        default="", description="Ask for that very job instead of the newest result", json_schema_extra=NO_DEFAULT
    )


class Filters(BaseModel, frozen=True):
    """The normalised filters. Values are sorted and without repetition, so that equal requests are equal."""

    format: str
    encoding: str = Field(default=UTF_8, exclude_if=lambda value: value == UTF_8)  # left out: older requests are equal
    since: datetime | None = None  # UTC, inclusive
    until: datetime | None = None  # UTC, exclusive
    app_version: tuple[str, ...] = ()
    os_name: tuple[str, ...] = ()
    os_version: tuple[str, ...] = ()
    device_model: tuple[str, ...] = ()
    user_id: tuple[str, ...] = ()

    @property
    def needs_facts(self) -> bool:
        """True when an occurrence whose facts are unknown may or may not belong."""
        return any(getattr(self, name) for name in FILTERS)

    def wants(self, facts: Facts) -> bool:
        """True when an occurrence of these facts belongs."""
        return all(not (values := getattr(self, name)) or getattr(facts, name) in values for name in FILTERS)

    def to_json(self) -> dict[str, Any]:
        """The filters that are set, as a manifest tells them."""
        times = {"since": self.since, "until": self.until}
        named: dict[str, Any] = {
            name: value.isoformat().replace("+00:00", "Z") for name, value in times.items() if value
        }
        return named | {name: list(values) for name in FILTERS if (values := getattr(self, name))}


class CrashBatch(Filters, frozen=True):
    """A request about one crash."""

    crash_identifier: str


class AppBatch(Filters, frozen=True):
    """A request about a whole app."""

    app_identifier: str
    arrived: tuple[int, int] | None = Field(default=None, exclude_if=lambda value: value is None)
    """Only what is stored in rows after the first and up to the second; asked by exporters, not by clients."""


def read_filters(model: type[CrashBatch] | type[AppBatch], identifier: str, query: Mapping[str, str]) -> Filters:
    """Check format, dates and filters. Raises BadParameters: a misspelt filter must not hand out everything."""
    unknown = sorted(set(query) - KNOWN)
    if unknown:
        raise BadParameters(f"Unknown parameter; known are {', '.join(sorted(KNOWN))}")
    batch_format = query.get("format") or DEFAULT_FORMAT
    if batch_format not in FORMATS:
        raise BadParameters(f"format is not one of {', '.join(FORMATS)}")
    encoding = query.get("encoding") or UTF_8
    if encoding not in ENCODINGS or (encoding != UTF_8 and batch_format != "csv"):
        raise BadParameters(f"encoding is not one of {', '.join(ENCODINGS)}, of which the second needs format=csv")
    about = "crash_identifier" if model is CrashBatch else "app_identifier"
    values: dict[str, Any] = {
        about: identifier,
        "format": batch_format,
        "encoding": encoding,
        "since": iso_time.since("since_date", query.get("since_date")),
        "until": iso_time.until("until_date", query.get("until_date")),
    }
    for name in FILTERS:
        values[name] = _values(name, query.get(name, ""))
    return read_params(model, values)


def _values(name: str, lines: str) -> tuple[str, ...]:
    values = sorted({value for value in lines.split("\n") if value})
    if len(values) > MAX_VALUES:
        raise BadParameters(f"{name} has more than {MAX_VALUES} values")
    if any(len(value) > MAX_LENGTH for value in values):
        raise BadParameters(f"{name} has a value of more than {MAX_LENGTH} characters")
    return tuple(values)


def scope_of(params: Filters, app_id: int, crash_id: int | None, last_row: int) -> Scope:
    """What belongs to a batch, but for the filters that only a row itself can tell."""
    after_row, upto_row = getattr(params, "arrived", None) or (0, last_row)
    return Scope(app_id, crash_id, params.since, params.until, min(last_row, upto_row), after_row)


def make_plan(params: Filters, run: Run, crash_id: Callable[[Session], int | None], reports_revision: int) -> Plan:
    """Freeze the newest occurrence and cut what is older into parts.

    A digest that is under way may still commit rows older than the newest one, and a regrouping move some, so both are
    waited for. After that nobody adds to the set or moves within it while the job is running: `app.db.queries.moves` looks for
    running batches in each transaction that moves. So a part made now or later holds what the plan has counted, but for
    what is erased or aged meanwhile. The plan itself reads one snapshot; `crash_id` tells in it which crash the batch is
    of, None for those of all.
    """
    made_at = run.now()  # before the look at the newest row: what is stored by then is in the batch
    with run.db.read() as session:
        last_row, transaction = newest_row(session)
        deadline = time.monotonic() + SETTLES_WITHIN
        while not has_ended(session, transaction):
            if time.monotonic() > deadline:
                raise TransientError("A digest or a regrouping takes long; the batch is planned again later")
            time.sleep(LOOK_EVERY)
            run.advance(0)
    least = REPORTS_PER_PART if params.format == REPORTS else ROWS_PER_PART
    found: list[PartEnd] = []
    with run.db.snapshot() as session:
        scope = scope_of(params, run.app_id, crash_id(session), last_row)
        size = least
        if bound_of_scope(session, scope) > least * MOST_PARTS:
            size = max(least, -(-count_in_scope(session, scope) // MOST_PARTS))
        for cut in cuts(session, scope, size):
            found.append(cut)
            run.advance(0)
    parts = []
    after: str | None = None
    for number, (upto, rows) in enumerate(found, 1):
        parts.append({"number": number, "after": after, "upto": upto.to_json(), "units": rows})
        after = upto.to_json()
    return Plan(made_at, last_row, reports_revision, parts)

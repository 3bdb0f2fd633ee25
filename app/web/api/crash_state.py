"""How long a crash is ignored, as the bodies of crashes tell it."""

import json
from typing import Any

from pydantic import Field

from app import iso_time
from app.crashes.state_terms import read_terms
from app.db.models.crash import Crash
from app.json_models import ResponseBody, Time


class IgnoredUntilBody(ResponseBody, component="IgnoredUntil"):
    """What ends a crash's being ignored: one of these, as it was asked for."""

    date: Time | None = Field(examples=["2018-10-01T00:00:00Z"])
    occurrences: int | None = Field(description="So many more", examples=[None])
    users: int | None = Field(description="So many more", examples=[None])


def ignored_until(crash: Crash) -> IgnoredUntilBody | None:
    """None for a crash that is not ignored, or for good."""
    return _body({**read_terms(crash.terms), "date": crash.ignored_until})


def ignored_until_in(terms: str | None) -> IgnoredUntilBody | None:
    """The same of an entry of a history."""
    told: dict[str, Any] = json.loads(terms) if terms else {}
    return _body({**told, "date": iso_time.since("date", told.get("date"))})


def _body(told: dict[str, Any]) -> IgnoredUntilBody | None:
    fields = {name: told.get(name) for name in IgnoredUntilBody.model_fields}
    return IgnoredUntilBody(**fields) if any(value is not None for value in fields.values()) else None

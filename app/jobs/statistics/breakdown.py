"""The values of a fact as JSON: the most frequent ones, the rest together, and how many are unknown."""

from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from pydantic import Field

from app.crashes.facts import Facts
from app.db.queries.statistics import CrashCounts
from app.json_models import ResponseBody
from app.redaction.crash_log import redact_facts
from app.redaction.rules import Rules


class VersionCount(ResponseBody):
    """How often a version of the app met the crash."""

    app_version: str
    occurrences: int


class SystemCount(ResponseBody):
    """How often a version of a system met the crash."""

    os_name: str | None
    os_version: str | None
    occurrences: int


class DeviceCount(ResponseBody):
    """How often a model of a device met the crash."""

    device_model: str
    occurrences: int


C = TypeVar("C", bound=ResponseBody)


class Breakdown(ResponseBody, Generic[C]):
    """The values of a fact by how often they occur."""

    top: list[C] = Field(description="The most frequent first")
    other: int = Field(description="Occurrences with another value")
    unknown: int = Field(description="Occurrences of which none is known")


def breakdown(
    counted: Iterable[CrashCounts], names: tuple[str, ...], total: int, most: int, rules: Rules
) -> dict[str, Any]:
    """`{"top":[{<name>:<value>,"occurrences":n}],"other":n,"unknown":n}`; values are those that the app lets out.

    `counted` has the most frequent values of `total` occurrences, at most `most`, and those of which it is unknown.
    """
    unknown = 0
    known: dict[tuple[str | None, ...], int] = {}  # different values may be alike once redacted
    for values, occurrences in counted:
        if all(value is None for value in values):
            unknown = occurrences
            continue
        redacted = redact_facts(Facts(**dict(zip(names, values, strict=True))), rules)
        shown = tuple(getattr(redacted, name) for name in names)
        known[shown] = known.get(shown, 0) + occurrences
    frequent = sorted(known.items(), key=lambda one: (-one[1], [value or "" for value in one[0]]))[:most]
    top = [{**dict(zip(names, values, strict=True)), "occurrences": number} for values, number in frequent]
    return {"top": top, "other": total - unknown - sum(number for _, number in frequent), "unknown": unknown}

"""The values of a fact as JSON: the most frequent ones, the rest together, and how many are unknown."""

from collections.abc import Iterable
from typing import Any

from app.crashes.facts import Facts
from app.db.queries.statistics import CrashCounts
from app.redaction.crash_log import redact_facts
from app.redaction.rules import Rules


def schema_of(*names: str) -> dict[str, Any]:
    """JSON Schema of a breakdown by these facts together."""
    value = {"type": ["string", "null"] if len(names) > 1 else "string"}
    return {
        "type": "object",
        "required": ["top", "other", "unknown"],
        "additionalProperties": False,
        "properties": {
            "top": {
                "type": "array",
                "description": "The most frequent first",
                "items": {
                    "type": "object",
                    "required": [*names, "occurrences"],
                    "additionalProperties": False,
                    "properties": {**dict.fromkeys(names, value), "occurrences": {"type": "integer"}},
                },
            },
            "other": {"type": "integer", "description": "Occurrences with another value"},
            "unknown": {"type": "integer", "description": "Occurrences of which none is known"},
        },
    }


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

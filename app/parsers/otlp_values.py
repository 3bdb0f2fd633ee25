"""Values and attributes of OTLP in JSON.

Source: opentelemetry-proto 1.9 (`common.proto`: AnyValue, KeyValue; JSON encoding of OTLP/HTTP).
"""

from functools import cache
from typing import Any

from app.crashes.log import Json
from app.parsers import values
from app.parsers.values import items, mapping

MAX_DEPTH = 20  # of a value


def attributes(holder: dict[str, Any]) -> dict[str, Json]:
    """The attributes of a record, resource or scope, by their names."""
    pairs = (mapping(pair) for pair in items(holder.get("attributes")))
    return {name: read_value(pair.get("value")) for pair in pairs if (name := values.text(pair.get("key")))}


def read_value(value: Any, depth: int = MAX_DEPTH) -> Json:
    """An AnyValue as JSON."""
    any_value = mapping(value)
    if depth == 0:
        return "…"
    if len(any_value) == 1 and isinstance(string := any_value.get("stringValue"), str):  # what most values are
        return string
    listed, pairs = pick(any_value, "arrayValue"), pick(any_value, "kvlistValue")
    if isinstance(listed, dict):
        return [read_value(each, depth - 1) for each in items(listed.get("values"))]
    if isinstance(pairs, dict):
        named = map(mapping, items(pairs.get("values")))
        return {str(pair.get("key")): read_value(pair.get("value"), depth - 1) for pair in named}
    whole = pick(any_value, "intValue")
    if whole is not None:
        return values.integer(whole)
    for key in ("stringValue", "boolValue", "doubleValue", "bytesValue"):
        if (found := pick(any_value, key)) is not None:
            return found if isinstance(found, (str, bool, int, float)) else None
    return None


def pick(holder: dict[str, Any], key: str) -> Any:
    """A field by its name in JSON, else by that in the schema: `scopeLogs` or `scope_logs`."""
    if key in holder:
        return holder[key]
    return holder.get(_in_schema(key))


@cache  # of the few keys that are read here
def _in_schema(key: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key)

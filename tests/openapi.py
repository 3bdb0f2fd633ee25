"""Reads openapi.json as its readers do: references followed, schemas as validators."""

import re
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator

Json = dict[str, Any]


def validator(document: Json, schema: Json) -> Draft202012Validator:
    """A validator of one schema of the document, in which its references can be followed."""
    return Draft202012Validator(
        {**schema, "components": document["components"]}, format_checker=Draft202012Validator.FORMAT_CHECKER
    )


def resolved(document: Json, node: Json) -> Json:
    """What stands behind a reference, or the node itself."""
    if "$ref" not in node:
        return node
    _, _, kind, name = node["$ref"].split("/")
    found: Json = document["components"][kind][name]
    return found


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """(method, path, operation) of all of them."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def described(document: Json, method: str, path: str, status: int) -> Json:
    """The description of an answer: of the one path template that fits."""
    [operation] = [
        operation for known, template, operation in operations(document)
        if known == method and re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template)), path)
    ]  # fmt: skip
    return resolved(document, operation["responses"][str(status)])


def places(document: Json, operation: Json) -> set[str]:
    """Where an operation has parameters: path, query, header."""
    return {resolved(document, parameter)["in"] for parameter in operation.get("parameters", [])}

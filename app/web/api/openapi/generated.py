"""What the views of a resource say by their signatures, as OpenAPI."""

import itertools
import re
from functools import reduce
from http import HTTPStatus
from operator import or_
from typing import Any, get_args, get_origin

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode
from pydantic_core import core_schema

from app.identity.access import Access
from app.json_models import RequestBody, ResponseBody
from app.web.api.openapi.words import (
    BARE_SUCCESS,
    OPEN,
    PAGING,
    ApiSubject,
    Json,
    answer,
    body,
    operation,
    page_of,
    parameters,
    path,
    query,
    schema,
    success_of,
)
from app.web.api.resource import Answer, BareDocument, Operation, Page, PagingAfter, Resource

_PLACE = re.compile(r"<(?:\w+:)?(\w+)>")


class _Schema(GenerateJsonSchema):
    """Without titles, and with `null` as one more type rather than one more schema."""

    def field_title_should_be_set(self, _schema: Any) -> bool:
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> Json:
        return super().default_schema(schema) if self.mode == "validation" else self.generate_inner(schema["schema"])

    def nullable_schema(self, schema: core_schema.NullableSchema) -> Json:
        inner = self.generate_inner(schema["schema"])
        if isinstance(inner.get("type"), str) and "enum" not in inner:
            return {**inner, "type": [inner["type"], "null"]}
        return self.get_union_of_schemas([inner, {"type": "null"}])


def subject_of(*resources: Resource) -> ApiSubject:
    """The heading of resources with the same tag: their operations, and the schemas that these name."""
    schemas: Json = {}
    paths: Json = {}
    for one in itertools.chain.from_iterable(resource.operations for resource in resources):
        paths.setdefault(_PLACE.sub(r"{\1}", one.path), {})[one.method.lower()] = _operation(one, schemas)
    return ApiSubject(resources[0].tag.name, resources[0].tag.about, paths, schemas)


def schema_of(kind: Any, schemas: Json, mode: JsonSchemaMode = "serialization") -> Json:
    """The JSON schema of a type; the components that it names are added to `schemas`."""
    made = TypeAdapter(kind).json_schema(schema_generator=_Schema, mode=mode)
    found: Json = _placed(made, made.pop("$defs", {}), _components_of(kind), schemas)
    return found


def body_schema(model: type[BaseModel], schemas: Json | None = None) -> Json:
    """The JSON schema of a request's body."""
    return schema_of(model, {} if schemas is None else schemas, "validation")


def _operation(one: Operation, schemas: Json) -> Json:
    needed: list[Json] = []
    for name in one.variables:
        if name == "app_identifier":
            needed += parameters(name)
        else:
            found = schema_of(one.takes[name], {})
            needed.append({**path(name, found.pop("description", "")), "schema": found})
    if "paging" in one.takes:
        needed += parameters("per_page") if one.takes["paging"] is PagingAfter else PAGING
    if "query" in one.takes:
        needed += query_parameters(one.takes["query"])
    more = dict(one.more)
    needed += more.pop("parameters", [])
    if needed:
        more["parameters"] = needed
    if one.is_open:
        more |= OPEN
    given: type[BaseModel] | None = one.takes.get("body", one.reads)
    if given is not None:
        made = body_schema(given, schemas)
        is_change = issubclass(given, RequestBody) and given.is_change
        more["requestBody"] = body(made, required=is_change or bool(made.get("required")))
    return operation(one.name, one.summary, _responses(one, schemas), *_errors(one), **more)


def _responses(one: Operation, schemas: Json) -> Json:
    if one.responses is not None:
        return one.responses
    about = one.about or HTTPStatus(one.status).phrase
    if one.returns is None or one.returns is type(None):
        return answer(BARE_SUCCESS, about, one.status, headers=one.headers)
    if get_origin(one.returns) is Page:
        return page_of(schema_of(get_args(one.returns)[0], schemas), about)
    if get_origin(one.returns) is BareDocument:
        made = schema_of(get_args(one.returns)[0], schemas)
        others = [answer(made, HTTPStatus(status).phrase, status) for status in one.also]
        return reduce(or_, others, answer(made, about, one.status, headers=one.headers))
    result = get_args(one.returns)[0] if get_origin(one.returns) is Answer else one.returns
    return answer(success_of(schema_of(result, schemas)), about, one.status, headers=one.headers)


def _errors(one: Operation) -> list[int]:
    """Those that follow from what the view takes, and its own."""
    found = set(one.errors)
    has_body = "body" in one.takes or one.reads is not None
    found |= {400} if {"paging", "query"} & set(one.takes) or has_body else set()
    found |= set() if one.is_open else {401}
    found |= {404} if "app" in one.takes else set()
    found |= {403} if one.needed in (Access.MEMBER, Access.OWNER) or "uploader" in one.takes else set()
    found |= {413} if has_body else set()
    return sorted(found)


def query_parameters(model: type[BaseModel]) -> list[Json]:
    """The fields of a query as OpenAPI parameters."""
    made = schema_of(model, {}, "validation")
    found = []
    for name, one in made.get("properties", {}).items():
        if one.get("default") in (None, ""):  # it is left out
            one.pop("default", None)
        needed = {"required": True} if name in made.get("required", []) else {}
        found.append({**query(name, one, one.pop("description", "")), **needed})
    return found


def _components_of(kind: Any) -> dict[str, str]:
    """Class name -> name in the components, of the bodies that have one."""
    found: dict[str, str] = {}
    waiting: list[Any] = [kind]
    while waiting:
        one = waiting.pop()
        waiting += get_args(one)
        if isinstance(one, type) and issubclass(one, BaseModel) and one.__name__ not in found:
            if issubclass(one, ResponseBody) and one.component:
                found[one.__name__] = one.component
            waiting += [info.annotation for info in one.model_fields.values()]
    return found


def _placed(made: Any, definitions: Json, components: dict[str, str], schemas: Json) -> Any:
    """The schema with its definitions as components of the document, or in their place where they have no name there."""
    if isinstance(made, list):
        return [_placed(one, definitions, components, schemas) for one in made]
    if not isinstance(made, dict):
        return made
    if "$ref" in made:
        inner = _placed(definitions[made["$ref"].rpartition("/")[2]], definitions, components, schemas)
        return {**inner, **{key: value for key, value in made.items() if key != "$ref"}}
    title = made.get("title")
    if not isinstance(title, str):  # also a field of that name
        return _null_as_a_type({key: _placed(value, definitions, components, schemas) for key, value in made.items()})
    own = {key: value for key, value in made.items() if key not in ("title", "description")}  # of the class
    kept = _placed(own, definitions, components, schemas)
    if title not in components:
        return kept
    schemas[components[title]] = kept
    return schema(components[title])


def _null_as_a_type(made: Json) -> Json:
    """An object that may be null as one schema; what stands in the components cannot be changed where it is used."""
    several = made.get("anyOf", [])
    if len(several) != 2 or several[1] != {"type": "null"} or not isinstance(several[0].get("type"), str):
        return made
    own = {key: value for key, value in made.items() if key != "anyOf"}
    return {**several[0], "type": [several[0]["type"], "null"], **own}

"""Filters of crashes by facts of their occurrences, as people write them: parameters, and terms of a search."""

from collections.abc import Iterable, Iterator
from itertools import permutations, zip_longest
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from app.crashes.facts import MAX_LENGTH, as_fact
from app.crashes.kind import KINDS
from app.crashes.search import MAX_TOKENS, read_search, read_system
from app.db.models.crash_figure import BY_VERSION, TAG, USER
from app.db.queries.counted_span import FactFilter
from app.errors import BadParameters
from app.json_models import OneOf, Query

MAX_SEARCH = 200  # characters, as many as a title has
_FACTS_OF_TERMS = {"version": "app_version", "device": "device_model", "env": "environment", "user": USER}

Text = Annotated[str, BeforeValidator(as_fact), WithJsonSchema({"type": "string", "maxLength": MAX_LENGTH})]
"""Cut and cleaned as what it is compared with."""
Fact = Annotated[Text, Field(description="Exactly as the log says it")]


def _checked_tag(tag: str) -> str:
    name, _, value = tag.partition(":")
    if tag and not (name and value):
        raise BadParameters("tag is given as name:value")
    return f"{as_fact(name)}:{as_fact(value)}" if tag else ""


def _checked_search(search: str) -> str:
    if len(search) > MAX_SEARCH:
        raise BadParameters(f"search has more than {MAX_SEARCH} characters")
    if not search.isprintable():
        raise BadParameters("search has characters that no title has")
    read_search(search)
    return search


class FactQuery(Query):
    """What the occurrences that count have in common."""

    search: Annotated[
        str,
        BeforeValidator(_checked_search),
        WithJsonSchema({"type": "string", "maxLength": MAX_SEARCH}),
        Field(
            description=f'Words of the title, and terms as `version:2.4 os:ios17 "cart is null"`; {MAX_TOKENS} in all'
        ),
    ] = ""
    app_version: Fact = ""
    os_name: Fact = ""
    os_version: Fact = ""
    device_model: Fact = ""
    environment: Fact = ""
    kind: Annotated[str, OneOf(KINDS), Field(description="How it ended")] = ""
    handled: Annotated[str, OneOf(("true", "false")), Field(description="Whether the program caught it")] = ""
    tag: Annotated[
        str,
        BeforeValidator(_checked_tag),
        WithJsonSchema({"type": "string", "examples": ["screen:cart"]}),
        Field(description="A tag of the app, as `name:value`"),
    ] = ""


def fact_filters(query: FactQuery, user_id: str = "") -> Iterator[FactFilter]:
    """The facts that the occurrences have to have, of the parameters and of the search; and the user, if one is given."""
    for parameter, fact in (
        ("app_version", "app_version"),
        ("device_model", "device_model"),
        ("environment", "environment"),
    ):
        if value := getattr(query, parameter):
            yield FactFilter(fact, value)
    if query.os_name or query.os_version:
        yield FactFilter("os", query.os_name or None, query.os_version or None)
    if user_id:
        yield FactFilter(USER, user_id)
    if query.tag:
        name, _, value = query.tag.partition(":")
        yield FactFilter(TAG, name, value)
    kinds, handled = {query.kind} - {""}, {query.handled} - {""}
    for term in read_search(query.search).terms:
        match term.key:
            case "version" | "device" | "env" | "user":
                yield FactFilter(_FACTS_OF_TERMS[term.key], term.value[:MAX_LENGTH])
            case "os":
                system = read_system(term.value)
                yield FactFilter("os", system.name, system.version, is_loose=True)
            case "tag":
                yield FactFilter(TAG, term.name, term.value)
            case "kind":
                kinds.add(term.value)
            case "handled":
                handled.add(term.value)
    # One fact holds both; what is asked for twice in two ways is a combination that no occurrence meets.
    for kind, is_handled in zip_longest(sorted(kinds), sorted(handled)):
        yield FactFilter("kind", kind, is_handled)


def joined(facts: Iterable[FactFilter]) -> tuple[FactFilter, ...]:
    """A version beside an environment or a user is one fact: figures count these by version."""
    found = tuple(facts)
    for version, other in permutations(found, 2) if len(found) == 2 else ():
        if version.fact == "app_version" and other.fact in BY_VERSION:
            return (other._replace(detail=version.value),)
    return found

"""Every operation of openapi.json, asked by schemathesis over HTTP with what fits its schema and what does not: no answer
is a failure of the server, and each is as it is described.

Schemathesis names some cases for each rule of the schema: limits and one beyond, wrong types, what is left out. Hypothesis
draws the others, from a fixed seed. `make soak` draws a hundred times as many, from a random one.
"""

import os
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import CheckFunction
from schemathesis.specs.openapi import checks

from app.web.api import api_document
from tests.described_world import Known, known_things
from tests.live.conftest import Web
from tests.openapi import operations, places

DOCUMENT = api_document()
FITS, DOES_NOT = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
ASKED = [
    pytest.param(f"{method.upper()} {path}", mode, id=f"{method} {path} {mode.value}")
    for method, path, operation in operations(DOCUMENT)
    for mode in (FITS, DOES_NOT)
    if mode is FITS or "requestBody" in operation or "query" in places(DOCUMENT, operation)  # any text fits elsewhere
]
SOAK = bool(os.environ.get("CRASHQ_SOAK"))
CALLS = 5_000 * (100 if SOAK else 1)
DRAWN = 5_600 if SOAK else 31  # cases that Hypothesis draws for each of ASKED, if it finds as many; some have only one
SEED = random.randrange(2**32) if SOAK else 2026
CHECKS: list[CheckFunction] = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
schemathesis.serializer.alias("application/x-sentry-envelope", "application/octet-stream")
schemathesis.serializer.alias("application/x-protobuf", "application/octet-stream")
PART = 206  # of a JSON file, say, which is no JSON then
MAY_BE_DOWN = "GET /readyz"  # there are no workers, and it says so with 503


@pytest.fixture(scope="module")
def schema() -> dict[str, APIOperation]:
    """Label -> operation, as schemathesis reads the document."""
    found = [operation.ok() for operation in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations()]
    return {operation.label: operation for operation in found}


@pytest.fixture(scope="module")
def known(web: Web) -> Known:
    return known_things(web)


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as made:
        yield made


@pytest.fixture(scope="module")
def calls() -> Counter[Any]:
    """(label, mode) -> calls made by now."""
    return Counter()


@pytest.mark.parametrize(("label", "mode"), ASKED)
def test_it_answers_as_described(web: Web, known: Known, session: requests.Session, schema, calls, label: str, mode):
    operation = schema[label]

    def call(case: Case, is_known: bool) -> None:
        calls[label, mode] += 1
        if is_known:
            known.put_into(case)
        if "Prefer" in (case.headers or {}):
            case.headers["Prefer"] = "wait=0"  # nobody works on the job
        answer = case.call(base_url=web.base, session=session, headers=known.headers_for(label), timeout=20)
        left_out = {CHECKS[0]} if label == MAY_BE_DOWN else {CHECKS[-1]} if answer.status_code == PART else set()
        case.validate_response(answer, checks=[check for check in CHECKS if check not in left_out])

    @seed(SEED)
    @settings(
        max_examples=DRAWN,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), is_known=st.sampled_from((True, True, False)))
    def call_drawn(case: Case, is_known: bool) -> None:
        call(case, is_known)

    for case in named_cases(operation, mode):
        call(case, is_known=True)
    call_drawn()


def test_as_many_calls_were_made_as_are_promised(calls):
    if len(calls) < len(ASKED):
        pytest.skip("only some operations were asked")

    assert calls.total() >= CALLS


def named_cases(operation: APIOperation, mode: GenerationMode) -> list[Case]:
    """One case for each rule of the operation's schema."""
    config = operation.schema.config
    made = operation.schema.iter_coverage_cases(
        operation, generation_modes=[mode], generation_config=config.generation_for(operation=operation)
    )
    return [case for case in made if case.method == operation.method.upper()]


def test_nothing_that_needs_a_token_is_told_without_one(web: Web, known: Known, session: requests.Session):
    closed = [
        (method, path) for method, path, operation in operations(DOCUMENT)
        if operation.get("security", DOCUMENT["security"])
    ]  # fmt: skip

    answers: dict[Any, int] = {}
    for method, path in closed:
        for name, value in known.ids.items():
            path = path.replace(f"{{{name}}}", str(value))
        answer = session.request(method, web.base + path, data=b"{}", headers={"Content-Type": "application/json"})
        answers[method, path] = answer.status_code

    assert {asked: status for asked, status in answers.items() if status not in (400, 401)} == {}
    assert sum(status == 401 for status in answers.values()) > 0.9 * len(closed)

"""The family of errors: each has a status with a word of the contract, and a sentence."""

import pytest

from app import errors
from app.errors import STATUS_WORDS, AppError

FAMILY = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, AppError)]


@pytest.mark.parametrize("kind", FAMILY)
def test_every_error_has_a_code_a_status_of_the_contract_and_a_sentence(kind):
    problem = kind()

    assert problem.status in STATUS_WORDS
    assert problem.code.replace("_", "").isalpha()
    assert str(problem) == problem.message != ""


def test_the_words_of_the_contract_are_these():
    assert STATUS_WORDS.items() >= {
        400: "bad_request", 401: "unauthorized", 404: "not_found", 405: "method_not_allowed",
        408: "request_timeout", 409: "conflict", 410: "gone",
        413: "payload_too_large", 415: "unsupported_media_type", 422: "unprocessable", 429: "too_many_requests",
        500: "internal_error", 503: "unavailable",
    }.items()  # fmt: skip


def test_a_message_that_quotes_a_log_can_be_stored():
    problem = errors.MalformedLog("it is of the type \ud800\0, it says")

    assert problem.message == str(problem) == "it is of the type \ufffd\ufffd, it says"

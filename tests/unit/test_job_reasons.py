"""Reasons of failures: every error that can end a job has words for people."""

import importlib
import pkgutil
from collections.abc import Iterator

import app
from app.errors import AppError, TransientError
from app.jobs.reasons import ANYTHING, REASONS, reason_of

WHERE_JOBS_FAIL = (
    "app.errors",
    "app.jobs",
    "app.storage",
    "app.exports",
    "app.reports",
    "app.symbolication",
    "app.work.errors",
)
"""What `compute` and what is below it raise. Pages, forms and webhooks have errors of their own, which end no job."""

NEVER_KEPT = {
    "bad_configuration", "unauthorized", "crash_not_visible", "app_not_found", "job_not_found", "job_cancelled", "job_expired",
    "result_lost", "too_many_jobs", "too_many_requests", "too_large", "unsupported_media", "range_not_satisfiable",
    "data_exporter_not_found", "forbidden",
}  # fmt: skip
"""Codes of answers to requests, raised before a job begins."""


def below(kind: type[AppError]) -> Iterator[type[AppError]]:
    for one in kind.__subclasses__():
        yield one
        yield from below(one)


def test_every_error_that_a_job_can_end_with_has_a_reason():
    for module in pkgutil.walk_packages(app.__path__, "app."):
        if not module.name.startswith(("app.migrations", "app.web.server")):
            importlib.import_module(module.name)

    final = (one for one in below(AppError) if not issubclass(one, TransientError))
    kept = {one.code for one in final if one.__module__.startswith(WHERE_JOBS_FAIL)}

    assert kept - set(REASONS) - NEVER_KEPT == set()


def test_each_reason_is_two_whole_sentences_without_words_of_the_code():
    for code, reason in REASONS.items():
        for sentence in reason:
            assert sentence[0].isupper(), code
            assert sentence.endswith("."), code
            assert "_" not in sentence.replace("`crashq doctor`", ""), code


def test_a_code_of_another_release_has_a_reason_too():
    assert reason_of("from_the_future") == reason_of(None) == ANYTHING

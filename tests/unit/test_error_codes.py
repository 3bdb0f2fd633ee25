"""docs/api.md lists every value of X-Error-Code, with its HTTP status, and no other."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import app
from app.errors import AppError

PAGE = (Path(__file__).parents[2] / "docs/api.md").read_text()
NEVER_ANSWERED = {
    "backup_refused", "bad_configuration", "canary_died", "dump_failed",  # of commands and workers
    "attempt_broke", "over_budget", "worker_silent", "worker_stopped",  # of attempts, another follows or a final error
    "secret_unreadable",  # of deliveries
    "sign_in_first",  # of pages, which lead to the sign-in
}  # fmt: skip


OF_NO_REQUEST = ("app.operations", "app.web.console")  # whose 4xx no request to the API is answered with


def family(kind: type[AppError] = AppError) -> Iterator[type[AppError]]:
    yield kind
    for one in kind.__subclasses__():
        yield from family(one)


def import_all() -> None:
    for module in pkgutil.walk_packages(app.__path__, "app."):
        if not module.name.startswith(("app.migrations", "app.web.server", "app.cli")):
            importlib.import_module(module.name)


def test_the_page_lists_the_codes_that_the_api_answers():
    import_all()
    raised = {(one.status, one.code) for one in family() if one.__module__.startswith("app.")}
    [listed] = re.findall(r"^`X-Error-Code` is finer.*?\n\n(.*?)\n\n", PAGE, re.MULTILINE | re.DOTALL)
    told = {
        (int(status), code)
        for status, codes in re.findall(r"(\d{3})[^`\d]*((?:`\w+`[,\s]*)+)", listed)
        for code in re.findall(r"`(\w+)`", codes)
    }

    assert told == {(status, code) for status, code in raised if code not in NEVER_ANSWERED}


def test_no_error_that_says_what_is_wrong_with_a_request_is_excepted():
    import_all()
    excepted = [one for one in family() if one.code in NEVER_ANSWERED and one.status < 500]

    assert [one.code for one in excepted if not one.__module__.startswith(OF_NO_REQUEST)] == []

"""No regular expression of the code takes quadratic time: it would hold a process for minutes, and all its threads.

Each is run as the code runs it (from the beginning, or from wherever it may match) on long runs of what logs hold.
"""

import ast
import importlib
import pkgutil
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import app

LENGTH = 8_000  # characters: linear patterns take 0.5 ms at most, quadratic ones 25 ms at least
LIMIT = 0.008  # seconds of processor time
CUT = {"app.crashes.frame_name": 1_000}  # module -> characters that it cuts what it reads to
TRUSTED = ("app.migrations", "app.db.hot")  # they read our own text
TRIES = 2  # the faster one counts
LEADS = ("", "x at ", "\n")
RUNS = (
    " ", "\t", "\n", "1", "a", "A", "0", "f", ".", "(", ")", ":", "\\", '"', "'", "0x", "a.", "at ", "-", "_", "$", "<", ">",
    "[", "{", "/", "\u00e9", ", ", "#", ";", "=", "@", "::", "a ", "1 ", " 1", "<a>", "Lambda", "()", "~", "&", "|", "a/",
    "1:", "1.", "a:", "%", "[]", "{}", "a@", "a-", "a_", "a$", " (", "e+", ">>", "%20", "*", "`", "\u202e",
)  # fmt: skip
METHODS = {"search", "sub", "subn", "finditer", "findall", "split", "match", "fullmatch"}


def used_patterns() -> Iterator[tuple[str, str, re.Pattern[Any]]]:
    """(where, method, pattern) of each regular expression that a module of the code runs."""
    for module in pkgutil.walk_packages(app.__path__, "app."):
        if module.name.startswith(TRUSTED):
            continue
        found = importlib.import_module(module.name)
        tree = ast.parse(Path(str(found.__file__)).read_text())
        for call in ast.walk(tree):
            if (
                not isinstance(call, ast.Call)
                or not isinstance(call.func, ast.Attribute)
                or call.func.attr not in METHODS
            ):
                continue
            owner = call.func.value
            where, method = f"{module.name}:{call.lineno}", call.func.attr
            if isinstance(owner, ast.Name) and owner.id == "re" and isinstance(call.args[0], ast.Constant):
                yield where, method, re.compile(call.args[0].value)
            elif isinstance(owner, ast.Name) and isinstance(vars(found).get(owner.id), re.Pattern):
                yield where, method, vars(found)[owner.id]
            elif isinstance(owner, ast.Name):  # of a loop over several
                for value in vars(found).values():
                    if isinstance(value, tuple | list) and value and all(isinstance(one, re.Pattern) for one in value):
                        yield from ((where, method, one) for one in value)


PATTERNS = {
    (pattern.pattern, pattern.flags, "match" if method in ("match", "fullmatch") else "search"): (where, pattern)
    for where, method, pattern in used_patterns()
}


def test_the_patterns_of_the_parsers_are_among_them():
    assert len(PATTERNS) > 100


@pytest.mark.parametrize(
    ("how", "pattern", "length"),
    [
        pytest.param(how, found, CUT.get(where.partition(":")[0], LENGTH), id=f"{where} {how}")
        for (_, _, how), (where, found) in PATTERNS.items()
    ],
)
def test_it_takes_linear_time_on_long_runs(how, pattern, length):
    slow = {
        (lead, run) for lead in LEADS for run in RUNS
        if all(seconds(pattern, how, lead + run * (length // len(run)) + "!") > LIMIT for _ in range(TRIES))
    }  # fmt: skip

    assert slow == set()


def seconds(pattern: re.Pattern[Any], how: str, text: str) -> float:
    """Processor time of one run."""
    content: Any = text.encode("utf-8") if isinstance(pattern.pattern, bytes) else text
    begun = time.thread_time()
    getattr(pattern, how)(content)
    return time.thread_time() - begun

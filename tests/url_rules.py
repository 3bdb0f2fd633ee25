"""Flask applications made by the hundred: what Werkzeug compiles for a URL rule is compiled once in a process.

Each test has an application of its own. Two thirds of a functional test's time went into compiling the same 230 rules.
"""

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.routing import Rule


def compile_once(patch: pytest.MonkeyPatch) -> None:
    """Keep the functions that build URLs; they take the rule as an argument, so equal rules may share them."""
    compile_builder = Rule._compile_builder
    compiled: dict[tuple[str, str, bool], Callable[..., tuple[str, str]]] = {}

    def compiled_before(rule: Any, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        key = (repr(rule._trace), repr(rule.defaults), append_unknown)
        if key not in compiled:
            compiled[key] = compile_builder(rule, append_unknown)
        return compiled[key]

    patch.setattr(Rule, "_compile_builder", compiled_before)

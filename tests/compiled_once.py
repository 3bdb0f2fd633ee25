"""Applications and databases made by the thousand: what Werkzeug and SQLAlchemy compile for them is compiled once in a process.

Each test has an application and an engine of its own. Half of a functional test's time went into compiling the same 230 URL
rules and the same statements.
"""

from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

STATEMENTS = 10_000


def compile_rules_once(patch: pytest.MonkeyPatch) -> None:
    """Let equal rules share what they are compiled to: the functions that build URLs take the rule as an argument."""
    compile_rule = Rule.compile
    compiled: dict[tuple[Any, ...], Rule] = {}

    def share(rule: Any) -> None:
        url_map = rule.map
        key = (rule.rule, rule.host, rule.subdomain, url_map.host_matching, rule.merge_slashes, repr(rule.defaults),
               *url_map.converters.values())  # fmt: skip
        if key not in compiled:
            compile_rule(rule)
            compiled[key] = rule
            return
        first: Any = compiled[key]
        rule._parts, rule._trace, rule._converters = first._parts, first._trace, first._converters
        rule.arguments |= first.arguments
        rule._build = first._build.__func__.__get__(rule)
        rule._build_unknown = first._build_unknown.__func__.__get__(rule)

    patch.setattr(Rule, "compile", share)


def compile_statements_once(patch: pytest.MonkeyPatch) -> None:
    """Let all engines of one driver share the texts that statements are compiled to. All connect to the same server."""
    make_engine = Engine.__init__
    texts: Any = LRUCache(STATEMENTS)

    def with_shared_texts(engine: Engine, *settings: Any, **more: Any) -> None:
        make_engine(engine, *settings, **more)
        engine._compiled_cache = texts

    # A dialect is part of the key of a text, here and in the mappers' own stores.
    patch.setattr(DefaultDialect, "__eq__", lambda one, other: type(one) is type(other))
    patch.setattr(DefaultDialect, "__hash__", lambda dialect: hash(type(dialect)))
    patch.setattr(Engine, "__init__", with_shared_texts)

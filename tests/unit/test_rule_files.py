"""The rule files: data that every language's rules are read from."""

import tomllib
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest

from app.crashes import rules

FILES = sorted(file.name for file in files("app.crashes.rules").iterdir() if file.name.endswith(".toml"))


def lists_in(value: Any) -> Iterator[list[str]]:
    if isinstance(value, dict):
        for child in value.values():
            yield from lists_in(child)
    elif isinstance(value, list):
        yield value


def read(name: str) -> dict[str, Any]:
    return tomllib.loads((files("app.crashes.rules") / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", FILES)
def test_every_list_has_words_and_each_once(name):
    for words in lists_in(read(name)):
        assert words
        assert all(isinstance(word, str) and word.strip() for word in words)
        assert len(set(words)) == len(words)


@pytest.mark.parametrize("name", FILES)
def test_every_word_of_every_file_is_one_that_the_rules_go_by(name):
    used: set[str] = set()
    for value in vars(rules).values():
        if isinstance(value, (tuple, frozenset, dict, rules.Words)):
            used |= set(value)

    assert {word for words in lists_in(read(name)) for word in words} <= used


def test_every_platform_has_a_family_whose_rules_there_are():
    assert set(rules.FAMILIES.values()) == {"image", "java", "javascript", "python", "csharp", "dart", "go"}

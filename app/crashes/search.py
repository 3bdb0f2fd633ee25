"""What people type to find crashes: `version:2.4 os:ios17 tag.screen:cart "cart is null"`, read into terms and words."""

import re
from difflib import get_close_matches
from typing import NamedTuple

from app.crashes.kind import KINDS, OUT_OF_MEMORY
from app.errors import BadParameters

KEYS = {
    "version": "version", "app_version": "version", "release": "version", "os": "os", "device": "device",
    "device_model": "device", "env": "env", "environment": "env", "kind": "kind", "handled": "handled", "user": "user",
    "user_id": "user", "is": "is", "assignee": "assignee",
}  # fmt: skip
"""Names of terms, and what each is read as. `tag.NAME` is one more."""
UNDERSTOOD = (
    "version:2.4, os:ios17, device:iPhone9,4, env:production, kind:anr, handled:no, user:42, tag.screen:cart, "
    "is:open, assignee:me"
)
STATES = ("open", "resolved", "ignored")
MAX_TOKENS = 10  # words, phrases and terms

_TOKEN = re.compile(
    r'(?P<key>[A-Za-z_]+(?:\.[^\s:"]+)?):(?:"(?P<quoted>[^"]*)"|(?P<value>[^\s":][^\s]*))|"(?P<phrase>[^"]*)"|(?P<word>[^\s]+)'
)
_SYSTEM = re.compile(r"(?P<name>.*?[^\d.\s])?\s*(?P<version>\d[\d.]*)?")
_YES = {"yes": "true", "true": "true", "no": "false", "false": "false"}
_KINDS = {**{kind: kind for kind in KINDS}, "oom": OUT_OF_MEMORY, "nonfatal": "non_fatal", "non-fatal": "non_fatal"}


class Term(NamedTuple):
    """`key:value`; of a tag with its name."""

    key: str  # a value of KEYS, or "tag"
    value: str
    name: str = ""


class Search(NamedTuple):
    """What was typed."""

    words: tuple[str, ...]  # words and phrases of a title
    terms: tuple[Term, ...]


class NamedSystem(NamedTuple):
    """What `os:` names; None leaves none out."""

    name: str | None
    version: str | None


def read_search(text: str) -> Search:
    """Read what was typed. Raises BadParameters with what is understood.

    A colon alone makes no term: `std::vector` and `Notebook:` are words, as is what is like no name of a term.
    """
    words: list[str] = []
    terms: list[Term] = []
    for token in _TOKEN.finditer(text):
        key, value = token["key"], token["quoted"] if token["quoted"] is not None else token["value"]
        term = _term(key, value) if key and value else None
        if term:
            terms.append(term)
        elif word := (token["phrase"] if token["phrase"] is not None else token[0]).strip():
            words.append(word)
    if len(set(words)) + len(terms) > MAX_TOKENS:
        raise BadParameters(f"search has more than {MAX_TOKENS} words")
    return Search(tuple(sorted(set(words))), tuple(terms))


def read_system(text: str) -> NamedSystem:
    """`ios17`, `iOS 17.1`, `android`, `17`: the name, in any case, and the version or its beginning."""
    found = _SYSTEM.fullmatch(text.strip())
    if found is None:
        return NamedSystem(text.strip(), None)
    return NamedSystem(found["name"] or None, found["version"] or None)


def _term(key: str, value: str) -> Term | None:
    name, dot, tag = key.partition(".")
    if name.lower() == "tag" and dot:
        return Term("tag", value, tag)
    if key not in KEYS:
        if close := get_close_matches(name.lower(), [*KEYS, "tag"], 1, 0.75):
            hint = "tag.NAME" if close[0] == "tag" else close[0]
            raise BadParameters(
                f'search: {key} is not understood, {hint} is; quote "{key}:…" to look for it in titles. {_all()}'
            )
        return None
    canonical = KEYS[key]
    if canonical == "kind":
        return Term(canonical, _one_of(key, value, _KINDS, KINDS))
    if canonical == "handled":
        return Term(canonical, _one_of(key, value, _YES, ("yes", "no")))
    if canonical == "is":
        return _state(value)
    return Term(canonical, value)


def _state(value: str) -> Term:
    handled = {"handled": "true", "unhandled": "false"}
    if value.lower() in handled:
        return Term("handled", handled[value.lower()])
    return Term("is", _one_of("is", value, dict(zip(STATES, STATES, strict=True)), (*STATES, *handled)))


def _one_of(key: str, value: str, values: dict[str, str], told: tuple[str, ...]) -> str:
    if value.lower() not in values:
        raise BadParameters(f"search: {key} is one of {', '.join(told)}")
    return values[value.lower()]


def _all() -> str:
    return f"Understood are words, phrases in quotation marks, and {UNDERSTOOD}"

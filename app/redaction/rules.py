"""What an app's members do not want in reports, read from its settings and made ready to apply."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import re2

from app.errors import BadParameters
from app.redaction.fields import Path, read_path
from app.redaction.patterns import PATTERNS, Pattern

MAX_REGEXES, MAX_REGEX, MAX_FIELDS = 20, 300, 100  # how many, characters of one, how many
MAX_MEMORY = 4 * 1024 * 1024  # bytes that RE2 may take for one pattern
REMEMBERED = 20_000  # texts of one report that are looked at once: frames repeat their names
INSTEAD = "[redacted]"
KEYS = {"patterns", "regexes", "fields", "raw_log"}
_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")
_SURROGATES = re.compile("[\ud800-\udfff]")


class Rules:
    """Built-in patterns, own regular expressions and fields, and whether the raw log may leave all the same."""

    def __init__(self, patterns: tuple[Pattern, ...], fields: tuple[Path, ...], *, raw_log: bool) -> None:
        self.fields = fields
        self.raw_log = raw_log
        self._patterns = [(_compiled(pattern.regex), pattern) for pattern in patterns]
        together = "|".join(f"(?:{pattern.regex})" for pattern in patterns)
        self._any = _compiled(together, MAX_MEMORY * 4) if patterns else None
        self._known: dict[str, str] = {}

    @property
    def is_on(self) -> bool:
        """False when nothing is to be taken out."""
        return bool(self._patterns or self.fields)

    def text(self, value: str) -> str:
        """The text with everything that a pattern finds replaced by the name of what it was."""
        if self._any is None or not value:
            return value
        known = self._known.get(value)
        if known is None:
            known = self._redacted(value)
            if len(self._known) < REMEMBERED:
                self._known[value] = known
        return known

    def _redacted(self, value: str) -> str:
        text = _SURROGATES.sub("\ufffd", value)
        assert self._any is not None
        if not self._any.search(text):
            return value
        for regex, pattern in self._patterns:
            text = regex.sub(lambda found, pattern=pattern: _instead(found, pattern), text)
        return text


def read_rules(given: Any) -> Rules:
    """Rules from the value of the setting `redaction`; nothing given is no rules. Raises BadParameters."""
    if given is None:
        return _NONE
    if not isinstance(given, Mapping) or not set(given) <= KEYS:
        raise BadParameters(f"redaction is an object with {', '.join(sorted(KEYS))}")
    names = _texts(given, "patterns", len(PATTERNS))
    if not set(names) <= set(PATTERNS):
        raise BadParameters(f"redaction.patterns: known are {', '.join(PATTERNS)}")
    own = tuple(_own_pattern(one) for one in _listed(given, "regexes", MAX_REGEXES))
    raw_log = given.get("raw_log", False)
    if not isinstance(raw_log, bool):
        raise BadParameters("redaction.raw_log is true or false")
    fields = tuple(read_path(path) for path in _texts(given, "fields", MAX_FIELDS))
    # What an app looks for itself comes first: it may be a part of what a built-in pattern takes whole.
    return Rules((*own, *(PATTERNS[name] for name in PATTERNS if name in names)), fields, raw_log=raw_log)


def _own_pattern(given: Any) -> Pattern:
    if not isinstance(given, Mapping) or set(given) != {"name", "regex"}:
        raise BadParameters("redaction.regexes: each is an object with name and regex")
    name, regex = given["name"], given["regex"]
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise BadParameters("redaction.regexes: a name has 1 to 32 of the signs A-Z a-z 0-9 _ -")
    if not isinstance(regex, str) or not 0 < len(regex) <= MAX_REGEX or _SURROGATES.search(regex):
        raise BadParameters(f"redaction.regexes: a regex has 1 to {MAX_REGEX} characters")
    if _compiled(regex).search("") is not None:
        raise BadParameters(f"redaction.regexes: {name} finds the empty text, so it would find itself everywhere")
    return Pattern(regex, f"[{name}]", lambda found, _before, _after: found != "")


@lru_cache(maxsize=256)
def _compiled(regex: str, memory: int = MAX_MEMORY) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = memory
    try:
        return re2.compile(regex, options)
    except re2.error as error:
        reason = error.args[0] if error.args else "it cannot be read"
        why = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise BadParameters(f"redaction.regexes: {why} (the syntax is RE2's)") from None


def _instead(found: Any, pattern: Pattern) -> str:
    whole, start, end = found.string, found.start(), found.end()
    counts = pattern.counts(found.group(), whole[start - 1 : start] if start else "", whole[end : end + 2])
    return pattern.instead if counts else str(found.group())


def _texts(given: Mapping[str, Any], name: str, most: int) -> list[str]:
    values = _listed(given, name, most)
    if not all(isinstance(value, str) for value in values):
        raise BadParameters(f"redaction.{name} is a list of texts")
    return values


def _listed(given: Mapping[str, Any], name: str, most: int) -> list[Any]:
    values = given.get(name, [])
    if not isinstance(values, list) or len(values) > most:
        raise BadParameters(f"redaction.{name} is a list of at most {most}")
    return values


_NONE = Rules((), (), raw_log=True)

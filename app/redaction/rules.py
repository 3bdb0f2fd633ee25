"""What an app's members do not want in reports, read from its settings: patterns, own expressions and places."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import re2

from app.errors import BadParameters

MAX_CARD = 19  # digits
_BYTE = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
MAX_STEPS = 12
MAX_LENGTH = 200  # characters of a path
ANY = "*"
_STEP = re.compile(r"([^.\[\]*\s]+|\*)(\[\*\])?")
_REPORTS_OWN = {"occurrence", "crash", "app", "os", "device", "process", "exceptions", "threads", "images", "breadcrumbs",
                "notes"}  # fmt: skip
Path = tuple[str, ...]
MAX_REGEXES, MAX_REGEX, MAX_FIELDS = 20, 300, 100  # how many, characters of one, how many
MAX_MEMORY = 4 * 1024 * 1024  # bytes that RE2 may take for one pattern
REMEMBERED = 20_000  # texts of one report that are looked at once: frames repeat their names
INSTEAD = "[redacted]"
KEYS = {"patterns", "regexes", "fields", "raw_log"}
_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")
_SURROGATES = re.compile("[\ud800-\udfff]")


class Pattern(NamedTuple):
    """What to look for, what stands in its place, and which finds count."""

    regex: str  # in RE2's words
    instead: str
    counts: Callable[[str, str, str], bool]  # (found, sign before, signs after); "" at an end


def _always(_match: str, _before: str, _after: str) -> bool:
    return True


def _is_ipv4(_match: str, before: str, after: str) -> bool:
    """Not within a longer row of numbers, such as a version."""
    return before not in (".", "-") and not re.match(r"\.\d|-", after)


def _is_ipv6(found: str, before: str, after: str) -> bool:
    """Not a time of day, and not a scope: `std::vector` has hexadecimal digits beside its colons too."""
    if _is_word(before) or _is_word(after[:1]) or not any(sign.isdigit() for sign in found):
        return False
    try:
        return ipaddress.ip_address(found).version == 6
    except ValueError:
        return False


def _is_card(found: str, before: str, after: str) -> bool:
    """A number of a known brand and length with the right check digit (Luhn)."""
    digits = [int(sign) for sign in found if sign.isdigit()]
    if before in ("-", ".") or re.match(r"[-.]\d", after) or not _is_of_a_brand("".join(map(str, digits))):
        return False
    doubled = [digit if place % 2 == 0 else sum(divmod(2 * digit, 10)) for place, digit in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


def _is_of_a_brand(number: str) -> bool:
    length, first, first_four = len(number), int(number[:2]), int(number[:4])
    if number[0] == "4":
        return length in (13, 16, 19)
    if 51 <= first <= 55 or 2221 <= first_four <= 2720:
        return length == 16
    if first in (34, 37):
        return length == 15
    if first in (30, 36, 38, 39):
        return length in (14, 16, 19)
    return first in (35, 50, 56, 57, 58, 60, 62, 63, 64, 65, 67) and 16 <= length <= MAX_CARD


def _is_word(sign: str) -> bool:
    return sign.isalnum() or sign == "_"


_TOKENS = (
    r"(?i:\bbearer)\s+[A-Za-z0-9._~+/=-]{8,}",
    r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*",  # a JSON web token
    r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b",
    r"\bgh[pousr]_[A-Za-z0-9]{36,}",
    r"\bxox[abeprs]-[A-Za-z0-9-]{10,}",
    r"\b[rsp]k_(?:live|test)_[A-Za-z0-9]{16,}",
    r"\bAIza[A-Za-z0-9_-]{35}",
    r"(?s:-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,32}PRIVATE KEY-----|$))",
    r"(?i:\b(?:password|passwd|pwd|secret|api[_-]?key|access[_-]?key|auth[_-]?token|access[_-]?token|refresh[_-]?token"
    r"|session[_-]?id|token)[\"']?\s*[:=]\s*[\"']?)[^\s\"',;&<>()]{3,}",
)

PATTERNS = {
    "email": Pattern(r"[\pL\pN._%+'-]+(?:@|%40)(?:[\pL\pN-]+\.)+\pL{2,}", "[email]", _always),
    "ipv4": Pattern(rf"\b(?:{_BYTE}\.){{3}}{_BYTE}\b", "[ip]", _is_ipv4),
    "ipv6": Pattern(r"[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:\.\d{1,3}){0,3}", "[ip]", _is_ipv6),
    "card": Pattern(r"\b\d(?:[ -]?\d){12,18}\b", "[card]", _is_card),
    "token": Pattern("|".join(_TOKENS), "[token]", _always),
}
"""Name -> pattern, as settings name them."""


_NAMES = {
    ("user_id",): ("user_id",),
    ("occurrence", "user_id"): ("user_id",),
    ("occurrence", "report_id"): ("report_id",),
    ("process", "name"): ("process",),
    ("app", "bundle_name"): ("app", "name"),
    ("device", "model"): ("device", "model"),
    ("device", "manufacturer"): ("device", "manufacturer"),
    ("device", "install_id"): ("device", "install_id"),
    ("exceptions", ANY, "message"): ("faults", ANY, "message"),
    ("exceptions", ANY, "mechanism"): ("faults", ANY, "mechanism"),
    ("exceptions", ANY, "frames", ANY, "source"): ("faults", ANY, "frames", ANY, "source"),
    ("threads", ANY, "frames", ANY, "source"): ("threads", ANY, "frames", ANY, "source"),
    ("threads", ANY, "name"): ("threads", ANY, "name"),
    ("threads", ANY, "queue"): ("threads", ANY, "queue"),
    ("images", ANY, "name"): ("images", ANY, "name"),
    ("images", ANY, "path"): ("images", ANY, "path"),
    ("breadcrumbs", ANY, "category"): ("breadcrumbs", ANY, "category"),
    ("breadcrumbs", ANY, "message"): ("breadcrumbs", ANY, "message"),
    ("notes", ANY): ("notes", ANY),
}
"""The report's name of a text -> where CrashLog has it."""
_STACKS = {"exceptions": "faults", "threads": "threads"}  # the same of what has frames


def read_path(text: str) -> Path:
    """Where in a CrashLog that is. What the report has no name for is looked for in `custom`. Raises BadParameters."""
    steps = _steps(text)
    if steps in _NAMES:
        return _NAMES[steps]
    if steps[:3] == ("breadcrumbs", ANY, "data") and len(steps) > 3:
        return steps
    if steps[0] in _STACKS and steps[1:5] == (ANY, "frames", ANY, "vars") and len(steps) == 6:
        return (_STACKS[steps[0]], *steps[1:])
    if steps[0] == "custom" and len(steps) > 1:
        return steps
    if steps[0] in _REPORTS_OWN:
        known = ", ".join(sorted({_dotted(path) for path in _NAMES}))
        raise BadParameters(
            f"redaction.fields: {text} is no text of a report; take one of {known}, or a place in custom"
        )
    return ("custom", *steps)


def _steps(text: str) -> Path:
    steps: list[str] = []
    for part in text.split(".") if len(text) <= MAX_LENGTH else ():
        found = _STEP.fullmatch(part)
        if not found:
            break
        steps += [found[1]] + ([ANY] if found[2] else [])
    else:
        if 0 < len(steps) <= MAX_STEPS:
            return tuple(steps)
    raise BadParameters("redaction.fields: a path looks like user.email or breadcrumbs[*].data.token")


def _dotted(path: Path) -> str:
    return ".".join(path).replace(f".{ANY}", f"[{ANY}]")


def below(paths: tuple[Path, ...], step: Any) -> tuple[Path, ...]:
    """What is left of the paths that go on through this key, name or place in a list."""
    return tuple(path[1:] for path in paths if path and path[0] in (ANY, step))


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

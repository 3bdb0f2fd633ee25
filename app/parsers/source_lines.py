"""Lines of source and local variables of a frame, as senders add them, bounded.

A report has at most 1,000 frames of a stack; what is kept of each is what a reader looks at.
"""

import json
from typing import Any

from app.crashes.log import SourceLines
from app.parsers import values

MAX_AROUND = 7  # lines kept before the frame's own, and as many after
MAX_LINE = 300  # characters kept of a line
MAX_VARIABLES = 50  # kept of a frame
MAX_NAME, MAX_VALUE = 100, 1_000  # characters kept of a variable


def source_lines(before: Any, line: Any, after: Any) -> SourceLines | None:
    """The lines, or None where the frame's own is not told."""
    if not isinstance(line, str):
        return None
    return SourceLines(_line(line), _lines(before)[-MAX_AROUND:], _lines(after)[:MAX_AROUND])


def numbered_lines(code: Any, number: int | None) -> SourceLines | None:
    """The same of an object that has lines by their numbers, as Bugsnag sends them."""
    known = {at: text for key, text in values.mapping(code).items() if (at := values.integer(key)) is not None}
    if number is None or number not in known:
        return None
    before = [known[at] for at in range(number - MAX_AROUND, number) if at in known]
    after = [known[at] for at in range(number + 1, number + 1 + MAX_AROUND) if at in known]
    return source_lines(before, known[number], after)


def variables(found: Any) -> tuple[tuple[str, str], ...]:
    """Local variables in the sender's order: a text as it is, any other value as JSON."""
    listed = list(values.mapping(found).items())[:MAX_VARIABLES]
    return tuple((_cut(values.clean(str(name)), MAX_NAME), _cut(_value(value), MAX_VALUE)) for name, value in listed)


def _value(value: Any) -> str:
    plain = values.plain_json(value)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def _lines(listed: Any) -> tuple[str, ...]:
    return tuple(_line(one) if isinstance(one, str) else "" for one in values.items(listed))


def _line(text: str) -> str:
    return _cut(values.clean(text.rstrip("\r\n")), MAX_LINE)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"

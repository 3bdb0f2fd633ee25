"""A message as it stays from one occurrence to the next: without pointers, numbers, ids, quoted text and paths."""

import re

MAX_LENGTH = 200  # characters of the result that count; what follows is usually a dump of data


_VOLATILE = (
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "<id>"),
    (re.compile(r"\b[a-z][a-z0-9+.-]{1,15}://[^\s\"'<>)\]]+", re.IGNORECASE), "<url>"),
    (re.compile(r"[\w.+-]{1,64}@(?=[\w-]{1,63}\.)[\w.-]{1,253}"), "<email>"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "<hex>"),
    (re.compile(r"@[0-9a-f]{5,16}\b"), "@<hex>"),  # Java's identity hash
    (re.compile(r"\b(?=[0-9a-fA-F]*\d)(?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{8,}\b"), "<hex>"),
    (
        re.compile(
            r"\"[^\"\n]{0,500}\"|(?<!\w)'[^'\n]{0,500}'|`[^`\n]{0,500}`"
            r"|“[^”\n]{0,500}”|‘[^’\n]{0,500}’"
        ),
        "<text>",
    ),
    (re.compile(r"\b[A-Za-z]:\\[^\s:*?\"<>|]+|(?<![\w.\])/-])(?:/[\w.@%+~=,-]+){2,}/?"), "<path>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"), "<time>"),
    (re.compile(r"(?<![A-Za-z_\d])[-+]?\d+(?:[.,]\d+)*"), "<number>"),
)


_STACK = re.compile(
    r"\n[ \t]{0,40}(?:#\d{1,4} {1,4}0x|at [\w.$<>]{1,200}[( ]|(?:Backtrace|Stack ?trace):?\s)", re.IGNORECASE
)


def without_stack(message: str) -> str:
    """The message without the stack that some writers put behind it."""
    text = message[: MAX_LENGTH * 20]
    found = _STACK.search(text)
    return text[: found.start()] if found and found.start() else message


def stable_text(message: str) -> str:
    """The message on one line, what varies replaced by its kind in angle brackets, at most MAX_LENGTH characters."""
    text = message[: MAX_LENGTH * 20]
    for pattern, kind in _VOLATILE:
        text = pattern.sub(kind, text)
    return " ".join(text.split())[:MAX_LENGTH]

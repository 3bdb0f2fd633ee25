"""What a notification says, whatever it is sent by; and how untrusted texts are made to fit."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

MORE = "…"
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]+")
"""Control characters, line breaks and marks of direction."""
LINES = 10  # crashes that a summary names


class Fact(NamedTuple):
    """A label of ours, and a value that may come out of a log."""

    label: str
    value: str


class Line(NamedTuple):
    """One crash of several."""

    text: str  # untrusted
    note: str  # of ours
    link: str | None


@dataclass(frozen=True)
class Notice:
    """One notification. `app`, `title`, the facts' values and the lines' texts are untrusted; the rest is ours."""

    event: str
    event_id: str  # the same at every attempt
    timestamp: str  # when it happened
    app: str
    app_identifier: str
    headline: str  # without the app
    title: str | None  # of the crash
    crash_identifier: str | None
    facts: tuple[Fact, ...]
    link: str | None  # None: the operator has set no CRASHQ_PUBLIC_URL
    lines: tuple[Line, ...] = ()
    more: int = 0  # lines that are left out

    @property
    def subject(self) -> str:
        """In one line, for a mail and for the preview of a message: `New crash in Notes: NSRangeException`."""
        begin = f"{self.headline} in {self.app}"
        return f"{begin}: {self.title}" if self.title else begin


def clip(text: str, most: int) -> str:
    """The text on one line, shortened to this many characters as services count them, in units of UTF-16."""
    line = UNSEEN.sub(" ", text).strip()
    if length(line) <= most:
        return line
    units = line.encode("utf-16-le", "replace")[: 2 * (most - len(MORE))]
    return units.decode("utf-16-le", "ignore") + MORE


def fit(text: str, most: int, escape: Callable[[str], str]) -> str:
    """The same with what the service would read as markup escaped; the result fits, and no escape is cut in two."""
    room = most
    while length(escaped := escape(clip(text, room))) > most:
        room -= max((length(escaped) - most) // 6, 1)  # an escape is six characters at most
    return escaped


def markdown_of(notice: Notice, title_within: int, line_within: int, escape: Callable[[str], str]) -> str:
    """The title, and the lines as a list with a link each, in the Markdown of chats; each part as long as it may be."""
    texts = [fit(notice.title, title_within, escape)] if notice.title else []
    for line in notice.lines:
        text = fit(f"{line.text} ({line.note})", line_within, escape)
        texts.append(f"- {text} [Open]({line.link})" if line.link else f"- {text}")
    if notice.more:
        texts.append(f"and {notice.more} more")
    return "\n".join(texts)


def length(text: str) -> int:
    """Characters as services count them."""
    return len(text.encode("utf-16-le", "replace")) // 2

"""Reads server-sent events as a browser does."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Event:
    """One event; a comment has no name."""

    name: str
    id: str
    data: Any
    text: str  # as it came

    @property
    def is_comment(self) -> bool:
        return not self.name


def events(lines: Iterable[bytes]) -> Iterator[Event]:
    """The events and comments in chunks or lines of a stream, as they come."""
    text = ""
    for part in lines:
        text += part.decode()
        while "\n\n" in text:
            whole, _, text = text.partition("\n\n")
            if not whole.startswith("retry:"):
                yield _event(whole)
    assert text == ""


def _event(text: str) -> Event:
    fields = dict(line.split(": ", 1) for line in text.split("\n") if not line.startswith(":"))
    return Event(fields.get("event", ""), fields.get("id", ""), json.loads(fields.get("data", "null")), text)

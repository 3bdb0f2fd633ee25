"""What tells crashes with one title apart, of the parts of their fingerprints: in a list no two look the same."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from app.crashes.title import MAX_LENGTH, MAX_PLACE, cut, one_line

MOST = 3  # parts that are added to a title
MARK = 6  # digits of the identifier, for crashes whose parts look alike too

# Label of a part -> how a title says it. Frames have none of their own: they are named as callers are.
_WORDS = {
    "type": " ({})",
    "root cause": ", caused by {}",
    "code": " ({})",
    "ended by": ", ended by {}",
    "hint": " [{}]",
    "split": " [{}]",
    "message": ": {}",
    "platform": " ({})",
    "program": " in {}",
    "process": " in {}",
    "at": ", at {}",
    "image": ", by {}",
    "recursion": ", through {}",
}
_FROM = ", from {}"


class Titled(NamedTuple):
    """A crash as a list has it."""

    title: str
    identifier: str
    parts: tuple[str, ...]  # of its fingerprint; none where they are not known: the title stays


def told_apart(crashes: Sequence[Titled]) -> list[str]:
    """The titles, in order; those that are alike say how their crashes differ."""
    counts = Counter(one.title for one in crashes)
    alike = {title for title, count in counts.items() if count > 1}
    found = {title: _apart([one for one in crashes if one.title == title]) for title in alike}
    return [found[one.title].get(one.identifier, one.title) if one.title in alike else one.title for one in crashes]


def _apart(crashes: list[Titled]) -> dict[str, str]:
    """Identifier -> title, of crashes with one title."""
    known = [one for one in crashes if one.parts]
    if not known:
        return {}
    shared = set.intersection(*(set(one.parts) for one in known))
    told: dict[str, list[str]] = {}
    titles: dict[str, str] = {}
    twice: Counter[str] = Counter()
    for step in range(1, MOST + 1):
        for one in known:
            if step == 1 or twice[titles[one.identifier]] > 1:
                told[one.identifier] = [part for part in one.parts if part not in shared][:step]
        titles = {one.identifier: _with(one.title, told[one.identifier]) for one in known}
        twice = Counter(titles.values())
        if len(twice) == len(titles):
            return titles
    return {
        one.identifier: _joined(one.title, f" #{one.identifier[:MARK]}")
        if twice[titles[one.identifier]] > 1
        else titles[one.identifier]
        for one in known
    }


def _with(title: str, parts: list[str]) -> str:
    return _joined(title, "".join(filter(None, map(_said, parts))))


def _said(part: str) -> str:
    label, _, text = part.partition(": ")
    text = cut(one_line(text), MAX_PLACE)
    return _WORDS.get(label, _FROM).format(text) if text else ""


def _joined(title: str, more: str) -> str:
    more = cut(more, MAX_LENGTH - MAX_PLACE)
    return cut(title, MAX_LENGTH - len(more)) + more

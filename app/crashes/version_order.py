"""The order of app versions as people write them: semantic versions, build numbers, dates, and what sorts with nothing.

Source: Semantic Versioning 2.0.0, section 11; what it does not know is as Python's PEP 440, Maven and git describe have it.
- Numbers are compared one by one; one that is missing is 0, so `1.2` is `1.2.0`. A `v` before them and the package that
  Sentry puts before them (`com.example@1.2.3+45`) count for nothing.
- `2.0.0-beta` is older than `2.0.0`, and so is what follows the numbers otherwise, but for words of fixes (`1.2-hotfix1`),
  commits that git counts (`1.2-14-gabc1234`), and words of the release itself (`1.2-final`).
- A build, `1.2+45` or `1.2 (45)`, decides between equal versions if both have one.
- A lone number of four digits or more is a build number, or a day without dashes: it compares with its like, and with
  versions that begin with such a number, but not with `1.2`.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

MAX_LENGTH = 300  # characters; what is longer sorts with nothing
BUILD_FROM = 1_000  # a lone number from here on counts builds

Suffix = tuple[tuple[int, int, str], ...]

_SHAPE = re.compile(
    r"(?:[^@]*@)?[vV]?(?P<numbers>[0-9]+(?:\.[0-9]+)*)"
    r"(?P<suffix>(?:[A-Za-z][0-9A-Za-z]*)?(?:[._~-][0-9A-Za-z]+)*)"
    r"(?:\+(?P<build>[0-9A-Za-z.-]+)| ?\((?P<printed>[^()]*)\))?"
)
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_GIT = re.compile(r"-([0-9]+)-g[0-9a-f]{4,40}(?:-dirty)?")
_WORDS = re.compile(r"[a-z]+|[0-9]+")
_FIRST = {"dev": 0, "snapshot": 0, "nightly": 0, "canary": 0, "a": 1, "alpha": 1, "b": 2, "beta": 2}
_BEFORE = _FIRST | {"c": 4, "rc": 4, "cr": 4, "pre": 4, "preview": 4}  # 3: words that nobody has ranked
_AFTER = {"post", "hotfix", "patch", "fix", "sp"}
_SAME = {"final", "ga", "release"}
_SPELT = {"a": "alpha", "b": "beta", "c": "rc", "cr": "rc", "preview": "pre"}


class Version(NamedTuple):
    """What is compared of a version."""

    numbers: tuple[int, ...]  # without zeros at the end
    stage: int  # -1: before the release, 1: after it
    suffix: Suffix
    build: int | None
    is_lone: bool  # one number that counts builds


def read_version(text: str) -> Version | None:
    """The parts of a version; None for what sorts with nothing: names, hashes of commits."""
    text = text.strip()
    found = _SHAPE.fullmatch(_DAY.sub(r"\1.\2.\3", text)) if len(text) <= MAX_LENGTH and text.isascii() else None
    if found is None:
        return None
    numbers = [int(number) for number in found["numbers"].split(".")]
    read = _read_suffix(found["suffix"], is_dotted=len(numbers) > 1)
    if read is None:
        return None
    is_lone = len(numbers) == 1 and numbers[0] >= BUILD_FROM
    while numbers and numbers[-1] == 0:
        numbers.pop()
    build = found["build"] or found["printed"] or ""
    return Version(tuple(numbers), *read, int(build) if build.isdigit() else None, is_lone)


def compare(one: str, other: str) -> int | None:
    """-1: `one` is older, 0: neither is, 1: `one` is newer, None: the two do not sort. Equal texts are equal."""
    if one.strip() == other.strip():
        return 0
    left, right = read_version(one), read_version(other)
    if left is None or right is None or _counts_otherwise(left, right) or _counts_otherwise(right, left):
        return None
    for mine, others in ((left[:3], right[:3]), (left.build, right.build)):
        if mine is not None and others is not None and mine != others:
            return -1 if mine < others else 1  # type: ignore[operator]
    return 0


def newest_first(versions: Iterable[str]) -> list[str]:
    """Those that sort, from new to old, and behind them the others in their order.

    Builds stand before what they do not compare with, so that all others of a list are in the order of `compare`.
    """
    read = [(text, read_version(text)) for text in versions]
    sortable = [(text, version) for text, version in read if version is not None]
    sortable.sort(key=lambda one: (*one[1][:3], -1 if one[1].build is None else one[1].build), reverse=True)
    return [text for text, _ in sortable] + [text for text, version in read if version is None]


def _counts_otherwise(lone: Version, other: Version) -> bool:
    return lone.is_lone and not other.is_lone and not (other.numbers and other.numbers[0] >= BUILD_FROM)


def _read_suffix(text: str, *, is_dotted: bool) -> tuple[int, Suffix] | None:
    """(stage, suffix); None where it makes the whole no version."""
    if not text:
        return 0, ()
    if git := _GIT.fullmatch(text):
        return 1, ((0, int(git[1]), ""),)
    words = _WORDS.findall(text.lower())
    if not words:
        return None
    if text[0].isalpha() and not _goes_without_dash(words, is_dotted=is_dotted):
        return None
    if words[0] in _SAME:
        return 0, ()
    return (1 if words[0] in _AFTER else -1), tuple(_ranked(word) for word in words)


def _goes_without_dash(words: list[str], *, is_dotted: bool) -> bool:
    """Whether letters may stand right behind the numbers: known words, but no lone letter, which may mean either."""
    known = words[0] in _BEFORE or words[0] in _AFTER or words[0] in _SAME
    return known and (len(words[0]) > 1 or (is_dotted and len(words) == 2 and words[1].isdigit()))


def _ranked(word: str) -> tuple[int, int, str]:
    """Numbers before words, as Semantic Versioning has it; known words by their stage, others by the alphabet."""
    if word.isdigit():
        return (-1, int(word), "")
    return (_BEFORE.get(word, 3), 0, _SPELT.get(word, word))

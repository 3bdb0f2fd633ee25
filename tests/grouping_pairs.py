"""Pairs of crashes: those that belong together and those that do not, and how the rules judge them."""

import tomllib
from collections.abc import Hashable, Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from app.crashes.log import AppInfo, CrashLog, Fault, Frame, Thread

CASES = Path(__file__).parent / "grouping_cases"
LANGUAGES = sorted(path.stem for path in CASES.glob("*.toml"))


class Judged(NamedTuple):
    """Pairs by what they are and what the rules say."""

    right: int  # pairs of one group that the rules put together
    wrong: int  # pairs of two groups that the rules put together
    missed: int  # pairs of one group that the rules keep apart

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong)

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missed)


def judge(crashes: Mapping[Hashable, tuple[str, str]]) -> Judged:
    """Of crashes by name, each with (the group it is of, the fingerprint that the rules give)."""
    pairs = list(combinations(crashes.values(), 2))
    together = [(one[0] == other[0]) for one, other in pairs if one[1] == other[1]]
    missed = sum(one[0] == other[0] and one[1] != other[1] for one, other in pairs)
    return Judged(together.count(True), together.count(False), missed)


def cases(language: str) -> Iterator[tuple[str, int, CrashLog]]:
    """(name of the group, number of the crash in it, the crash) of a file."""
    told = tomllib.loads((CASES / f"{language}.toml").read_text(encoding="utf-8"))
    for group in told["group"]:
        for number, crash in enumerate(group["crash"], 1):
            yield group["name"], number, _crash(told["platform"], told.get("app"), crash)


def _crash(platform: str, app: str | None, told: dict[str, Any]) -> CrashLog:
    stack = [*told.get("first", ()), *told["stack"] * told.get("repeat", 1)]
    frames = tuple(_frame(platform, text) for text in stack)
    faults = [Fault(told["type"], told.get("message"), frames, signal=told.get("signal"), code=told.get("code"))]
    for index, cause in enumerate(told.get("cause", ())):
        frames = tuple(_frame(platform, text) for text in cause["stack"])
        faults.append(Fault(cause["type"], cause.get("message"), frames, relation="cause", parent=index))
    thread = Thread(0, is_crashed=True, frames=faults[0].frames)
    return CrashLog("case", platform, faults=tuple(faults), threads=(thread,), app=AppInfo(app))


def _frame(platform: str, text: str) -> Frame:
    """As the parsers of the platform's formats fill it."""
    if platform in ("java", "csharp"):
        module, _, function = text.rpartition("#")
        return Frame(function, module=module or None)
    function, _, place = text.rpartition(" @ ")
    if platform in ("apple", "native"):
        return _native(function, place)
    if platform == "dart":
        return Frame(function, module=place or None)
    return Frame(function, file=place)


def _native(told: str, image: str) -> Frame:
    """`? f` was found by searching the stack, `! f` is in-app by the sender; `f + 8` is 8 bytes into it."""
    mark = told[:1] if told[:1] in ("?", "!") and told[1:2] in ("", " ") else ""
    name = told.removeprefix(mark).strip()
    function, _, offset = name.rpartition(" + ")
    if not offset.isdecimal() or not function:
        function, offset = name, ""
    return Frame(
        function or None,
        image=image or None,
        offset=int(offset) if offset else None,
        is_guess=True if mark == "?" else None,
        in_app=True if mark == "!" else None,
    )

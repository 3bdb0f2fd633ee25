"""The printed stack traces in a log, of all languages of app/parsers/traces, found once for all who ask."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import NamedTuple

from app.parsers import dotnet_words, logcat, report_header, traces
from app.parsers.document import Document
from app.parsers.logcat import LogLine
from app.parsers.traces import Language, Trace

_UNHANDLED = re.compile(r"\b(?:Unhandled|UNHANDLED|unhandled|Uncaught|uncaught)\b")
_MAX_LINE = 4_000  # characters of a line that are read


class PrintedTrace(NamedTuple):
    """A trace and where it stands."""

    start: LogLine
    platform: str
    trace: Trace
    above: tuple[str, ...] = ()  # lines above it, where the log has no prefixes

    @property
    def is_unhandled(self) -> bool:
        """True where the log says that nothing caught the error."""
        return _says_unhandled(self.start.text[:_MAX_LINE])


def _discover() -> list[Language]:
    names = sorted(module.name for module in pkgutil.iter_modules(traces.__path__))
    return [importlib.import_module(f"{traces.__name__}.{name}") for name in names]


LANGUAGES = _discover()


def unhandled(document: Document) -> list[PrintedTrace]:
    """Return the traces that the log calls unhandled; a log without the word is not searched for traces."""
    if not _says_unhandled(document.text or ""):
        return []
    return [one for one in found(document) if one.is_unhandled]


def _says_unhandled(text: str) -> bool:
    return any(word in text for word in dotnet_words.UNHANDLED) or _UNHANDLED.search(text) is not None


def found(document: Document) -> list[PrintedTrace]:
    """Return the traces in the order of the log."""
    return document.once(
        "printed traces", lambda: sorted(_each_trace(document.text or ""), key=lambda one: one.start.number)
    )


def _each_trace(text: str) -> Iterator[PrintedTrace]:
    marked = [language for language in LANGUAGES if any(mark in text for mark in language.MARKS)]
    for stream in logcat.streams(logcat.read(text)) if marked else ():
        lines = [line.text for line in stream]
        for language in marked:
            for trace in language.traces(lines):
                start = stream[trace.first_line]
                above = (
                    () if start.stream else lines[max(trace.first_line - report_header.MAX_LINES, 0) : trace.first_line]
                )
                yield PrintedTrace(start, language.PLATFORM, trace, tuple(above))

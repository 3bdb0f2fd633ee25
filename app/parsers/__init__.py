"""From the bytes of a log to the crash reports in it. One module per format; a new one is found by being in this folder."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from itertools import islice
from typing import Protocol

from app.crashes.log import CrashLog
from app.errors import MalformedLog, UnknownFormat
from app.parsers.document import Document

_PANIC = re.compile(r"^panic\(cpu \d{1,4} caller 0x", re.MULTILINE)
_SYMBOLS = re.compile(r"MODULE \w{1,20} \w{1,20} [0-9A-Fa-f]{9,41} |# compiler: R8|[^\s#]{1,500} -> [^\s:]{1,500}:\n")
_HEAD = 20_000  # characters in which a panic names itself


class Parser(Protocol):
    """What a format's module offers."""

    FORMAT: str

    def sniff(self, document: Document) -> bool:
        """True when the content is certainly of this format; of all parsers at most one says so."""

    def parse(self, document: Document) -> list[CrashLog]:
        """The crash reports in the log, in its order; may be empty. Raises MalformedLog with a reason for the reader."""


def _discover() -> dict[str, Parser]:
    """The modules of this folder that have a FORMAT; the others are what these share."""
    modules = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    found: dict[str, Parser] = {module.FORMAT: module for module in modules if hasattr(module, "FORMAT")}
    return dict(sorted(found.items()))


PARSERS = _discover()
"""FORMAT -> its module."""


def recognise(document: Document) -> Parser:
    """Return the one parser that claims the log. Raises UnknownFormat when none does, with the most telling reason.

    A text that none claims is tried once more without the indent of a paste, which the document then lacks.
    """
    found = _claiming(document)
    if found:
        return found
    reason = _why_unknown(document)
    if document.text is not None and not document.looks_like_json and document.outdent():
        found = _claiming(document)
    if found:
        return found
    raise UnknownFormat(reason)


def _claiming(document: Document) -> Parser | None:
    return next((parser for parser in PARSERS.values() if parser.sniff(document)), None)


def parse(raw: bytes) -> list[CrashLog]:
    """Read the log in whatever format it is. Raises MalformedLog."""
    document = Document(raw)
    return recognise(document).parse(document)


def nth(raw: bytes, number: int) -> CrashLog:
    """The log's crash report of that number, from 1, without holding those before it. Raises MalformedLog."""
    document = Document(raw)
    for log in islice(_one_by_one(document), number - 1, None):
        return log
    raise MalformedLog(f"The stored log holds fewer than {number} crash reports")


def _one_by_one(document: Document) -> Iterator[CrashLog]:
    """The reports as they are read, where the format's module offers `reports`."""
    parser = recognise(document)
    read = getattr(parser, "reports", None)
    return read(document) if read else iter(parser.parse(document))


def _why_unknown(document: Document) -> str:
    if not (document.raw if document.text is None else document.text).strip():
        return "The log is empty"
    if document.text is None:
        return "The log is in no known format: it is binary data or text in an unknown encoding"
    if document.looks_like_json and document.json is None:
        return f"The log begins as JSON but is {document.json_problem}"
    if document.json is not None:
        return "The log is JSON but of no known crash report format"
    if _PANIC.search(document.text[:_HEAD]):
        return "This is Apple's report of a kernel panic, not of a program's crash"
    if _SYMBOLS.match(document.text[:_HEAD]):
        return "This is a file of symbols, not a log: send it with crashq symbols add, or to /api/apps/APP/symbols"
    return "The log is text but holds no crash report in a known format"

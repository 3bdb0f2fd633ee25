"""Printed stack traces, one module per language. A new language is found by being in this folder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.crashes.log import BinaryImage, Fault


@dataclass(frozen=True, slots=True)
class Trace:
    """One exception with its stack, as it stands in the lines of a log."""

    first_line: int  # index in the lines
    faults: tuple[Fault, ...]
    thread: str | None = None  # name of the thread
    images: tuple[BinaryImage, ...] = ()
    process_id: int | None = None
    arch: str | None = None
    notes: tuple[str, ...] = ()


class Language(Protocol):
    """What the module of a language offers."""

    PLATFORM: str  # of its crash reports
    MARKS: tuple[str, ...]  # each log with such a trace has one of them

    def traces(self, lines: Sequence[str]) -> Iterator[Trace]:
        """The traces in lines that one thread wrote, in their order."""

"""A log format whose parser a test decides, to be put into app.parsers.PARSERS."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app.crashes.log import CrashLog, Fault, Frame
from app.parsers.document import Document

NAME = "tests-own"
CONTENT = b"a log of the tests' own format"


def parsed(*types: str, at: datetime | None = None) -> list[CrashLog]:
    """One crash report per exception type."""
    return [
        CrashLog(
            format=NAME,
            platform="java",
            occurred_at=at,
            faults=(Fault(type=kind, frames=(Frame("run", "com.example.Main"),)),),
        )
        for kind in types
    ]


@dataclass
class FakeParser:
    """Claims CONTENT and parses by calling `act`."""

    act: Callable[[], list[CrashLog]]
    FORMAT: str = NAME
    calls: int = 0

    def sniff(self, document: Document) -> bool:
        """True for what begins as the tests' own format."""
        return document.raw.startswith(CONTENT)

    def parse(self, document: Document) -> list[CrashLog]:  # noqa: ARG002
        """Whatever the test says."""
        self.calls += 1
        return self.act()

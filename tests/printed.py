"""Reads a printed stack trace as a log that no other format claims."""

from pathlib import Path

from app.crashes.log import CrashLog, Frame
from app.parsers import PARSERS, stack_trace
from app.parsers.document import Document

SAMPLES = Path(__file__).parents[1] / "app" / "samples" / "stack-trace"


def read(text: str) -> CrashLog:
    """The one crash report of the text."""
    document = Document(text.encode())
    assert [name for name, parser in PARSERS.items() if parser.sniff(document)] == ["stack-trace"]
    (report,) = stack_trace.parse(document)
    return report


def places(frames: tuple[Frame, ...]) -> list[tuple[str | None, str | None, int | None]]:
    """Function, file and line of each frame."""
    return [(frame.function, frame.file, frame.line) for frame in frames]

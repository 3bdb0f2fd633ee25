"""The table of tests/CORPUS.md: what becomes of each log of a corpus. `.venv/bin/python -m tests.corpus_table` prints it.

The corpus lies beside the checkout, or CRASHQ_CORPUS names it. Logs are read as a digest reads them.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from app.errors import MalformedLog
from app.parsers import recognise
from app.parsers.document import Document

CORPUS = Path(os.environ.get("CRASHQ_CORPUS") or Path(__file__).parents[2] / "shared" / "corpus")
NO_LOGS = ("symbolication",)  # folders that hold what logs are read with


class Fate(NamedTuple):
    """What becomes of one log."""

    format: str | None  # None: rejected
    occurrences: int
    reason: str | None


def fate(raw: bytes) -> Fate:
    """As a digest decides it, without a database."""
    document = Document(raw, brief=True)
    try:
        parser = recognise(document)
        return Fate(parser.FORMAT, len(parser.parse(document)), None)
    except MalformedLog as error:
        return Fate(None, 0, error.message)


def table(corpus: Path = CORPUS) -> Iterator[str]:
    """The lines of the table, and the totals as its last row."""
    yield "| folder | logs | digested | rejected | occurrences |"
    yield "|---|---|---|---|---|"
    rows = [(folder.name, _counted(folder)) for folder in sorted(corpus.iterdir()) if _has_logs(folder)]
    for name, counts in [*rows, ("all", tuple(map(sum, zip(*(counts for _, counts in rows), strict=True))))]:
        yield f"| {name} | " + " | ".join(map(str, counts)) + " |"


def _has_logs(folder: Path) -> bool:
    return folder.is_dir() and folder.name not in NO_LOGS


def _counted(folder: Path) -> tuple[int, ...]:
    fates = [fate(path.read_bytes()) for path in sorted(folder.iterdir())]
    digested = sum(one.format is not None for one in fates)
    return len(fates), digested, len(fates) - digested, sum(one.occurrences for one in fates)


if __name__ == "__main__":
    if not CORPUS.is_dir():
        sys.exit(f"There is no corpus at {CORPUS}; CRASHQ_CORPUS names one")
    print("\n".join(table()))

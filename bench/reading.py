"""How fast the parsers read: MB a second and core, of each format's own samples grown to a size.

`python -m bench.reading [SIZE in bytes …] [--format NAME …]` prints a table, without servers. A text is its sample
over and over; JSON is its sample with the elements of its largest list over and over. Binary formats are left out:
what fills a minidump is memory, which nobody reads. Line numbers of frames differ from copy to copy. Beside each
stands the least that any reader does: `splitlines()` or `json.loads`.
"""

import argparse
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from app.parsers import recognise
from app.parsers.document import Document
from app.samples import samples

_SOURCE_LINE = re.compile(r":\d+\)")
SIZES = (10_000, 1_000_000, 20_000_000)  # bytes
ROUNDS = 5
TEXT_MB, JSON_MB = 5.0, 20.0  # MB a second to reach
KEPT_FORMATS = ("archive", "sentry-envelope")  # not grown by repetition


class Reading(NamedTuple):
    """One sample at one size."""

    format: str
    sample: str
    is_json: bool
    size: int  # bytes
    seconds: float  # processor time of recognising and parsing, the median
    least: float  # of splitlines() or json.loads

    @property
    def speed(self) -> float:
        """MB a second."""
        return self.size / self.seconds / 1e6

    @property
    def ratio(self) -> float:
        """How often the least fits into it."""
        return self.seconds / self.least


def readings(sizes: tuple[int, ...] = SIZES, formats: tuple[str, ...] = (), rounds: int = ROUNDS) -> Iterator[Reading]:
    """Measure each sample of these formats (of all, when none is named) at each size."""
    for path in samples():
        name = path.parent.name
        if name in KEPT_FORMATS or (formats and name not in formats):
            continue
        for size in sizes:
            raw, is_json = grown(path, size)
            if raw is not None:
                least = _json_loads if is_json else bytes.splitlines
                yield Reading(
                    name, path.name, is_json, len(raw), _seconds(read, raw, rounds), _seconds(least, raw, rounds)
                )


def read(raw: bytes) -> int:
    """Read a log as a digest does; returns the number of its reports."""
    document = Document(raw, brief=True)
    return len(recognise(document).parse(document))


def grown(path: Path, size: int) -> tuple[bytes | None, bool]:
    """The sample grown to about that size, and whether it is JSON; None when it is binary."""
    raw = path.read_bytes()
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return None, False
    if "\0" in text:
        return None, False
    parts = _json_parts(text)
    if not parts:
        copies = range(1, max(1, size // len(raw)) + 1)
        return "".join(_SOURCE_LINE.sub(f":{number})", text.rstrip("\n") + "\n") for number in copies).encode(), False
    *before, last = parts
    largest = max(_lists(last), key=lambda found: len(json.dumps(found)), default=None)
    if largest:
        missing = size - len(raw)
        largest *= 1 + max(0, missing // len(json.dumps(largest)))
    return b"\n".join(json.dumps(part).encode() for part in [*before, last]), True


def _json_parts(text: str) -> list[Any] | None:
    """The JSON values of a text: one, or one on the first line and one below it; None when it is none."""
    head, _, rest = text.partition("\n")
    for parts in ([text], [head, rest]):
        try:
            return [json.loads(part) for part in parts]
        except ValueError:
            continue
    return None


def _lists(value: Any) -> Iterator[list[Any]]:
    if isinstance(value, list) and value:
        yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _lists(child)


def _json_loads(raw: bytes) -> list[Any]:
    return [json.loads(part) for part in ([raw] if raw[:1] == b"[" or b"\n" not in raw else raw.split(b"\n", 1))]


def _seconds(do: Callable[[bytes], object], raw: bytes, rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        copy = bytes(bytearray(raw))  # nothing is remembered of it
        begun = time.thread_time()
        do(copy)
        taken.append(time.thread_time() - begun)
    return max(median(taken), 1e-9)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.reading", description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, help="bytes")
    parser.add_argument("--format", action="append", default=[], dest="formats")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    chosen = parser.parse_args()
    print(f"{'format':24}{'sample':30}{'bytes':>12}{'MB/s':>9}{'x least':>9}")
    for found in readings(tuple(chosen.sizes) or SIZES, tuple(chosen.formats), chosen.rounds):
        print(f"{found.format:24}{found.sample:30}{found.size:>12,}{found.speed:>9.1f}{found.ratio:>9.1f}", flush=True)


if __name__ == "__main__":
    main()

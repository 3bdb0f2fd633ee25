"""How fast reports are written, without servers: a very large one, and zips of many, made of the project's samples.

`python -m bench.reports [NUMBER of reports]` prints a table. The first line of the many is the least that
makes them: the log is unpacked and parsed, and its report written as JSON, without a zip. Names from symbols and
rules of the app are left out of all.
"""

import argparse
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import cycle, islice
from statistics import median
from typing import NamedTuple

from app.crashes.fingerprint import fingerprint
from app.crashes.log import AppInfo, BinaryImage, CrashLog, Fault, Frame, Thread
from app.crashes.title import title
from app.parsers import parse
from app.redaction.crash_log import redact, redact_fingerprint
from app.redaction.rules import read_rules
from app.reports import Report, ReportFormat, html_report, json_report, zip_report
from app.samples import samples

REPORTS = 20_000
THREADS, FRAMES = 500, 1_000  # of the large report
FORMATS = ("apple-ips", "java-trace", "sentry-event")  # of the many
ROUNDS = 5
HTML_SECONDS, ZIP_SECONDS = 0.3, 0.8  # of the large report, to reach
WHEN = datetime(2026, 3, 4, 12, tzinfo=UTC)


class Writing(NamedTuple):
    """Processor time of one thing, in seconds: the median of the rounds."""

    what: str
    seconds: float


def large_log() -> CrashLog:
    """A native crash in an app of as many threads and frames as a report may have; no two frames are alike."""
    images = tuple(
        BinaryImage(name, f"/apps/Shop.app/{name}", None, "arm64", (at + 1) << 32, 1 << 24)
        for at, name in enumerate(("Shop", "UIKitCore", "libsystem_kernel.dylib"))
    )
    threads = tuple(
        Thread(at, is_crashed=at == 0, frames=tuple(_frame(images, at * FRAMES + number) for number in range(FRAMES)))
        for at in range(THREADS)
    )
    fault = Fault(type="EXC_BAD_ACCESS", signal="SIGSEGV")
    return CrashLog(
        "apple-ips", "apple", faults=(fault,), threads=threads, images=images, app=AppInfo("com.example.shop")
    )


def _frame(images: tuple[BinaryImage, ...], number: int) -> Frame:
    image = images[number % len(images)]
    start = image.address or 0
    name = f"Shop.Cart{number % 997}.pay(_:)"
    return Frame(
        name, None, "Cart.swift", number % 500 + 1, None, image.name, start + number, start, None, number % 4_000
    )


def report_of(log: CrashLog, raw: bytes) -> Report:
    """The report of a log without symbols and rules."""
    return Report(
        "shop-1-crash-1", "shop-1", WHEN.date(), "c" * 32, title(log), "com.example.shop", "Shop",
        redact(log, read_rules(None)), raw, "shop-1.log", "crashq", redact_fingerprint(fingerprint(log), read_rules(None)),
    )  # fmt: skip


def large_report() -> Iterator[Writing]:
    """Measure the large report in HTML and as a zip of all formats."""
    report = report_of(large_log(), b"")
    for writer in (html_report, zip_report):
        taken = _seconds(partial(_written, writer, report))
        yield Writing(f"{THREADS} threads × {FRAMES:,} frames, {writer.FORMAT}", taken)


def many_reports(number: int = REPORTS) -> Iterator[Writing]:
    """Measure zips of so many reports, each of a log that is unpacked and parsed for it."""
    packed = [zlib.compress(path.read_bytes()) for path in samples() if path.parent.name in FORMATS]
    logs = list(islice(cycle(packed), number))
    made: dict[str, Callable[[], object]] = {
        "read, parsed and written": lambda: [_drain(json_report.write(report)) for report in _reports(logs)],
        "one zip of json": lambda: _drain(zip_report.zip_stream(_jsons(logs))),
        "a zip of json, txt, html and log each": lambda: [_drain(zip_report.write(one)) for one in _reports(logs)],
    }
    for what, do in made.items():
        yield Writing(f"{number:,} reports, {what}", _seconds(do, rounds=1))


def _reports(logs: Iterable[bytes]) -> Iterator[Report]:
    for packed in logs:
        raw = zlib.decompress(packed)
        yield report_of(parse(raw)[0], raw)


def _jsons(logs: Iterable[bytes]) -> Iterator[tuple[str, Iterable[bytes]]]:
    return ((f"{number}.json", json_report.write(report)) for number, report in enumerate(_reports(logs)))


def _written(writer: ReportFormat, report: Report) -> int:
    return _drain(writer.write(report))


def _drain(chunks: Iterable[bytes]) -> int:
    return sum(map(len, chunks))


def _seconds(do: Callable[[], object], rounds: int = ROUNDS) -> float:
    taken = []
    for _ in range(rounds):
        begun = time.thread_time()
        do()
        taken.append(time.thread_time() - begun)
    return median(taken)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.reports", description=__doc__)
    parser.add_argument("number", nargs="?", type=int, default=REPORTS)
    number = parser.parse_args().number
    for found in large_report():
        print(f"{found.what:70}{found.seconds:9.2f} s", flush=True)
    for found in many_reports(number):
        print(f"{found.what:70}{found.seconds:9.2f} s {number / found.seconds:9.0f} /s", flush=True)


if __name__ == "__main__":
    main()

"""Reports of one log that follow each other and are alike: two loggers printed the same exception."""

from collections.abc import Iterable
from dataclasses import replace

from app.crashes.log import CrashLog


def _are_alike(one: CrashLog, other: CrashLog) -> bool:
    return replace(one, notes=other.notes, occurred_at=other.occurred_at) == other


def without_repeats(reports: Iterable[CrashLog]) -> list[CrashLog]:
    """Each run of alike reports once, with a note of how many there are. Times and notes may differ."""
    kept: list[CrashLog] = []
    times: list[int] = []
    for report in reports:
        if kept and kept[-1].faults == report.faults and _are_alike(kept[-1], report):
            times[-1] += 1
        else:
            kept.append(report)
            times.append(1)
    return [
        report
        if number == 1
        else replace(report, notes=(*report.notes, f"The log holds this trace {number} times in a row"))
        for report, number in zip(kept, times, strict=True)
    ]

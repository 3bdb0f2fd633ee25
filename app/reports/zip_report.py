"""The reports of all other formats and, where it may leave, the log as it was uploaded, in one zip file."""

import re
from collections.abc import Iterator

from app.reports import html_report, json_report, text_report
from app.reports.report import Report
from app.reports.zip_stream import zip_stream

FORMAT = "zip"
MEDIA_TYPE = "application/zip"
EXTENSION = "zip"

RAW_CHUNK = 1 << 18  # bytes of the log that are packed at a time
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def write(report: Report) -> Iterator[bytes]:
    """The file in chunks as they are packed: json, txt, html, then the log. Names hold only A-Z a-z 0-9 . _ -"""
    return zip_stream(_entries(report))


def _entries(report: Report) -> Iterator[tuple[str, Iterator[bytes]]]:
    stem = _safe(report.occurrence_id, "occurrence")
    for format_ in (json_report, text_report, html_report):
        yield f"{stem}.{format_.EXTENSION}", format_.write(report)
    if report.raw is not None:
        yield f"raw-{_safe(report.raw_filename, 'log')}", _pieces(report.raw)


def _pieces(raw: bytes) -> Iterator[bytes]:
    return (raw[at : at + RAW_CHUNK] for at in range(0, len(raw), RAW_CHUNK))


def _safe(name: str, otherwise: str) -> str:
    return _UNSAFE.sub("_", name).strip("._")[-150:] or otherwise

"""The reports of all other formats and, where it may leave, the log as it was uploaded, in one zip file."""

import re
import zipfile
from collections.abc import Iterable, Iterator
from typing import IO, TYPE_CHECKING, cast

from isal import isal_zlib

from app.reports import Report, html_report, json_report, text_report

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

FIXED_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can say: the same report has to give the same bytes
FORMAT = "zip"
MEDIA_TYPE = "application/zip"
EXTENSION = "zip"
LEVEL = 1  # of isal's deflate: 9 times as fast as zlib's level 6, and a report becomes half as large again
RAW_CHUNK = 1 << 18  # bytes of the log that are packed at a time
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def zip_stream(entries: Iterable[tuple[str, Iterable[bytes]]]) -> Iterator[bytes]:
    """The file: (name, chunks) packed in their order, then the directory. Only the directory grows with the entries."""
    buffer = _Buffer()
    with zipfile.ZipFile(cast("IO[bytes]", buffer), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, chunks in entries:
            yield from _add(archive, buffer, name, chunks)
    yield buffer.taken()  # the directory of the archive


def _add(archive: zipfile.ZipFile, buffer: "_Buffer", name: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    entry = zipfile.ZipInfo(name, FIXED_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3  # Unix, on whatever system it is made
    entry.external_attr = 0o644 << 16
    with archive.open(entry, "w") as packed:
        # For speed only: without this line zipfile packs by zlib.
        packed._compressor = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, -isal_zlib.MAX_WBITS)  # type: ignore[attr-defined]
        for chunk in chunks:
            packed.write(chunk)
            if ready := buffer.taken():
                yield ready


class _Buffer:
    """Where zipfile writes to: it cannot seek, so zipfile streams, and what was written is taken out again at once."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def write(self, chunk: "ReadableBuffer") -> int:
        self._chunks.append(bytes(chunk))
        return len(self._chunks[-1])

    def flush(self) -> None:
        """Nothing is held back."""

    def taken(self) -> bytes:
        """What was written since the last call."""
        written = b"".join(self._chunks)
        self._chunks.clear()
        return written


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

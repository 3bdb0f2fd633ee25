"""Rows as Parquet, with zstd, 20,000 rows to a group; written by the Rust library behind arro3."""

import io
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from arro3.core import Array, DataType, Field, RecordBatch, RecordBatchReader, Schema, Table
from arro3.io import read_json, write_parquet

from app.exports import COLUMNS, Row

FORMAT = "parquet"
MEDIA_TYPE = "application/vnd.apache.parquet"
EXTENSION = "parquet"
TEXT = "ndjson"

GROUP = 20_000  # rows
READ_CHUNK = 1 << 18  # bytes

_ALWAYS = ("id", "date", "log_id", "occurred_at", "crash_identifier")
_TYPES = {"date": DataType.date32(), "occurred_at": DataType.timestamp("us", tz="UTC")}
_SCHEMA = Schema(
    [Field(name, _TYPES.get(name, DataType.utf8()), nullable=name not in _ALWAYS) for name in COLUMNS]
)  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = _EPOCH.toordinal()
_MICROSECOND = timedelta(microseconds=1)


def write(pages: Iterable[list[Row]]) -> Iterator[bytes]:
    """The file in chunks."""
    return _file(_batch(page) for page in pages if page)


def join(texts: Iterable[bytes]) -> Iterator[bytes]:
    """The same file: Rust reads the texts, so Python has no object for a value."""
    return _file(batch for text in texts if text for batch in read_json(io.BytesIO(text), _SCHEMA, batch_size=GROUP))


def _file(batches: Iterator[RecordBatch]) -> Iterator[bytes]:
    """The library pushes what a generator has to hand out, so it lies in a file that is gone after."""
    failed: list[BaseException] = []

    def watched() -> Iterator[RecordBatch]:
        try:
            yield from _grouped(batches)
        except BaseException as error:
            failed.append(error)
            raise

    with tempfile.TemporaryFile() as file:
        try:
            reader = RecordBatchReader.from_batches(_SCHEMA, watched())
            write_parquet(reader, file, compression="zstd(3)", max_row_group_size=GROUP)
        except Exception:
            if failed:  # as it was: the library wraps what its source raises
                raise failed[0] from None
            raise
        file.seek(0)
        while chunk := file.read(READ_CHUNK):
            yield chunk


def _grouped(batches: Iterator[RecordBatch]) -> Iterator[RecordBatch]:
    """The rows in batches of GROUP, the last one shorter: pages of whatever size give the same bytes."""
    held: list[RecordBatch] = []
    rows = 0
    for batch in batches:
        held.append(batch)
        rows += batch.num_rows
        while rows >= GROUP:
            joined = _joined(held)
            yield joined.slice(0, GROUP)
            rows -= GROUP
            held = [joined.slice(GROUP)] if rows else []
    if rows:
        yield _joined(held)


def _joined(batches: list[RecordBatch]) -> RecordBatch:
    if len(batches) == 1:
        return batches[0]
    [joined] = Table.from_batches(batches, schema=_SCHEMA).combine_chunks().to_batches()
    return joined


def _batch(page: list[Row]) -> RecordBatch:
    columns = zip(COLUMNS, zip(*page, strict=True), strict=True)
    return RecordBatch.from_arrays([_array(name, values) for name, values in columns], schema=_SCHEMA)


def _array(name: str, values: tuple[Any, ...]) -> Array:
    if name == "occurred_at":
        return Array([(value - _EPOCH) // _MICROSECOND for value in values], DataType.int64()).cast(_TYPES[name])
    if name == "date":
        return Array([date.fromisoformat(value).toordinal() - _EPOCH_DAY for value in values], DataType.int32()).cast(
            _TYPES[name]
        )
    return Array(values, DataType.utf8())

"""Rows as Parquet, with zstd, 20,000 rows to a group; written by the Rust library behind arro3."""

import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from arro3.core import Array, DataType, Field, RecordBatch, RecordBatchReader, Schema
from arro3.io import write_parquet

from app.exports import COLUMNS, Row

FORMAT = "parquet"
MEDIA_TYPE = "application/vnd.apache.parquet"
EXTENSION = "parquet"

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
    """The file in chunks. The library pushes what a generator has to hand out, so it lies in a file that is gone after."""
    failed: list[BaseException] = []

    def batches() -> Iterator[RecordBatch]:
        try:
            yield from (_batch(page) for page in pages if page)
        except BaseException as error:
            failed.append(error)
            raise

    with tempfile.TemporaryFile() as file:
        try:
            reader = RecordBatchReader.from_batches(_SCHEMA, batches())
            write_parquet(reader, file, compression="zstd(3)", max_row_group_size=GROUP)
        except Exception:
            if failed:  # as it was: the library wraps what its source raises
                raise failed[0] from None
            raise
        file.seek(0)
        while chunk := file.read(READ_CHUNK):
            yield chunk


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

"""Rows as NDJSON: one JSON object to a line, every key in each."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from json.encoder import encode_basestring

from app.exports import COLUMNS, Row, time_text
from app.one_line import one_line, one_line_bytes

FORMAT = "ndjson"
MEDIA_TYPE = "application/x-ndjson"
EXTENSION = "ndjson"
TEXT = "ndjson"

_LINE = "{" + ",".join(f'"{name}":%s' for name in COLUMNS) + "}\n"


def write(pages: Iterable[list[Row]]) -> Iterator[bytes]:
    """A chunk for each page of rows. Compact JSON in UTF-8; unknown is null."""
    for page in pages:
        yield one_line("".join(map(_line, page))).encode("utf-8", "replace")


def join(texts: Iterable[bytes]) -> Iterator[bytes]:
    """The texts, with the signs that some readers take for the end of a line as escapes."""
    return map(one_line_bytes, texts)


def _line(row: Row) -> str:
    return _LINE % tuple([_text(time_text(value) if isinstance(value, datetime) else value) for value in row])


def _text(value: str | None) -> str:
    return "null" if value is None else encode_basestring(value)

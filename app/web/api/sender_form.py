"""Forms of files and texts, read as they come: one part is kept whole, and files that nobody reads are dropped."""

from typing import NamedTuple

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from app.errors import BadParameters, TooLarge
from app.ingest.unpacking import Readable
from app.web.api.body import Upload

MAX_PARTS = 1_000  # of one form
MAX_TEXT = 512 * 1024  # bytes of all texts, without the part that is kept
MAX_HEAD = 256 * 1024  # bytes that are read before a part begins
TIMES = 5  # the limit of a log: as large a form is read, packed or unpacked, for the sake of the part in it
CHUNK = 64 * 1024  # bytes


class Form(NamedTuple):
    """What is kept of a form."""

    part: bytes | None  # the one that was asked for, be it a file or a text
    texts: dict[str, str]  # all others


def read_form(wanted: str) -> Form:
    """The request's form, with its part of that name. Raises TooLarge, BadParameters, SlowBody or UnsupportedMedia.

    The part may have as many bytes as a log; the form may have more, of files that are dropped.
    """
    with Upload(TIMES) as upload:
        found = Form(None, {})

        def read(stream: Readable, max_bytes: int) -> bytes:
            nonlocal found
            found = _FormReader(wanted, max_bytes).read(stream)
            return b""

        upload.reduced(read)
        return found


class _FormReader:
    """Takes the parts of one form, of which no more than what is kept is ever in memory."""

    def __init__(self, wanted: str, max_bytes: int) -> None:
        self._wanted, self._max_bytes = wanted, max_bytes
        self._part: bytearray | None = None
        self._texts: dict[str, bytearray] = {}
        self._text_size = 0
        self._into: bytearray | None = None  # where the bytes of the part at hand go; None: nowhere

    def read(self, stream: Readable) -> Form:
        boundary = request.mimetype_params.get("boundary", "").encode("latin-1", "replace")
        decoder = MultipartDecoder(boundary, MAX_HEAD, max_parts=MAX_PARTS)
        left = TIMES * self._max_bytes
        try:
            while chunk := stream.read(CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise TooLarge(f"The form is larger than {TIMES * self._max_bytes} bytes")
                decoder.receive_data(chunk)
                self._take_all(decoder)
            decoder.receive_data(None)
            self._take_all(decoder)
        except RequestEntityTooLarge:
            raise TooLarge(f"The form has more than {MAX_PARTS} fields, or a head that is too long") from None
        except (ValueError, UnicodeError, AttributeError):  # the last: a part's head without the line that ends it
            raise BadParameters("The form is not whole multipart/form-data") from None
        texts = {name: value.decode("utf-8", "replace") for name, value in self._texts.items()}
        return Form(None if self._part is None else bytes(self._part), texts)

    def _take_all(self, decoder: MultipartDecoder) -> None:
        while not isinstance(event := decoder.next_event(), (NeedData, Epilogue)):
            if isinstance(event, (Field, File)):
                self._begin(event)
            elif isinstance(event, Data) and self._into is not None:
                self._add(event.data)

    def _begin(self, event: Field | File) -> None:
        """A part begins; of parts of one name the first counts."""
        self._into, name = None, str(event.name)
        if name == self._wanted:
            if self._part is None:
                self._into = self._part = bytearray()
        elif isinstance(event, Field) and name not in self._texts:
            self._into = self._texts[name] = bytearray()

    def _add(self, data: bytes) -> None:
        if self._into is None:
            return
        self._into += data
        if self._into is self._part:
            if len(self._part) > self._max_bytes:
                raise TooLarge(f"The log is larger than {self._max_bytes} bytes")
            return
        self._text_size += len(data)
        if self._text_size > MAX_TEXT:
            raise TooLarge(f"The form has more than {MAX_TEXT} bytes of text")

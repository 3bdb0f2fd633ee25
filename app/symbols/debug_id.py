"""One spelling for what names a binary image: UUID, Breakpad id and GNU build id all become a debug id."""

import re
from uuid import UUID

from symbolic.debuginfo import normalize_debug_id
from symbolic.exceptions import SymbolicError

BUILD_ID = re.compile(r"(?:[0-9a-f]{2}){4,64}")  # a GNU build id is mostly 20 bytes; linkers make 8 and 16, too
UUID_BYTES = 16


def debug_id(written: str, *, is_elf: bool = False) -> str | None:
    """The debug id of an image as a log writes it, in lower case; None when it is none.

    A build id of ELF (`is_elf`, or of another length than a UUID's) is cut or filled to 16 bytes, and its first three
    fields are turned around, as Breakpad and Sentry do it.
    """
    plain = written.strip().lower()
    if BUILD_ID.fullmatch(plain) and (is_elf or len(plain) != 2 * UUID_BYTES):
        padded = bytes.fromhex(plain)[:UUID_BYTES].ljust(UUID_BYTES, b"\0")
        return str(UUID(bytes_le=padded))
    try:
        return normalize_debug_id(plain)
    except SymbolicError:
        return None

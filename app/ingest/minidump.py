"""The upload form of Breakpad and Crashpad: a minidump, and fields that tell of the program, which go into the dump itself.

Source: Microsoft's MINIDUMP_HEADER and MINIDUMP_DIRECTORY; stream types above 0xffff are free for applications. The fields
become such a stream, so that the stored log is a whole minidump, which any tool reads.
"""

import hashlib
import json
import struct
from collections.abc import Mapping

from app.errors import BadParameters
from app.parsers.minidump_annotations import FORM_FIELDS
from app.parsers.minidump_reader import MAX_STREAMS

_HEADER = struct.Struct("<4s4xII")  # signature, number of streams, where their directory lies
_ENTRY = struct.Struct("<III")  # type, size, place


def log_of_minidump(dump: bytes, fields: Mapping[str, str]) -> tuple[str, bytes]:
    """(log_id, the dump with the fields in it); the same upload has the same name. Raises BadParameters when it is no dump."""
    content = _with_fields(dump, fields) if fields else dump
    if dump[:4] != b"MDMP" or len(dump) < 32:
        raise BadParameters("upload_file_minidump is no minidump")
    return f"minidump-{hashlib.sha256(content).hexdigest()[:32]}", content


def _with_fields(dump: bytes, fields: Mapping[str, str]) -> bytes:
    """The dump with its directory written anew at its end, one stream longer; as it was where its directory is broken."""
    if len(dump) < _HEADER.size:
        return dump
    _, number, place = _HEADER.unpack_from(dump)
    directory = dump[place : place + number * _ENTRY.size]
    if number >= MAX_STREAMS or len(directory) != number * _ENTRY.size:
        return dump
    text = json.dumps(dict(sorted(fields.items())), ensure_ascii=False).encode(errors="replace")
    padding = bytes(-len(dump) % 4)
    text_at = len(dump) + len(padding)
    aligned = text + bytes(-len(text) % 4)
    whole = dump + padding + aligned + directory + _ENTRY.pack(FORM_FIELDS, len(text), text_at)
    return whole[:8] + struct.pack("<II", number + 1, text_at + len(aligned)) + whole[16:]

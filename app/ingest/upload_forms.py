"""What is uploaded as a form: reports of ACRA, and minidumps of Breakpad and Crashpad."""

import hashlib
import json
import re
import struct
from collections.abc import Mapping
from urllib.parse import parse_qsl

from app.errors import BadParameters
from app.parsers.envelope_items import json_object
from app.parsers.minidump_annotations import FORM_FIELDS
from app.parsers.minidump_reader import MAX_STREAMS

MAX_FIELDS = 1_000  # of a form; ACRA knows some forty

_REPORT_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_FORM = re.compile(rb"[A-Za-z0-9_.%+*-]{1,200}=")
_ATTACHMENT = re.compile(r"(?P<report>[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})-.+")
_HEADER = struct.Struct("<4s4xII")  # signature, number of streams, where their directory lies
_ENTRY = struct.Struct("<III")  # type, size, place


def report_of(content: bytes) -> bytes:
    """The report as JSON: as it was sent, or made of a form (KEY_VALUE_LIST). Raises BadParameters when it is neither."""
    if not _FORM.match(content):
        return content
    try:
        fields = parse_qsl(content.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise BadParameters(f"The report is no form of up to {MAX_FIELDS} fields") from None
    return json.dumps(dict(fields), ensure_ascii=False).encode(errors="replace")


def log_id_of_acra(content: bytes) -> str:
    """The same name for a report that is sent again. Raises BadParameters when it is no JSON object."""
    report = json_object(content)
    if report is None:
        raise BadParameters("The report is neither a JSON object nor a form")
    report_id = report.get("REPORT_ID")
    if isinstance(report_id, str) and _REPORT_ID.fullmatch(report_id):
        return f"acra-{report_id}"
    return f"acra-{hashlib.sha256(content).hexdigest()[:32]}"


def report_of_attachment(name: str) -> str | None:
    """The id of the report, where a PUT is named as one of its attachments; None where it is named as a report."""
    found = _ATTACHMENT.fullmatch(name)
    return found["report"] if found else None


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

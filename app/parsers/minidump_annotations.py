"""What a program adds to its minidumps: Crashpad's annotations, and the fields of the form that a dump was uploaded with.

Source: Crashpad's minidump_extensions.h (MinidumpCrashpadInfo, version 1); the form's fields are a stream of our own, see
app/ingest/senders.py.
"""

import struct
from dataclasses import dataclass, field, replace
from uuid import UUID

from app.crashes.log import BinaryImage, Fault, Json
from app.parsers import values
from app.parsers.apple_information import most_telling, plain_information
from app.parsers.document import load_json
from app.parsers.minidump_reader import Dump

FORM_FIELDS = 0x63710001  # the type of our stream: JSON, an object of texts
MAX_ENTRIES = 1_000  # of one dictionary or list
MAX_MODULES = 1_000  # that have annotations
MAX_KEY = 256  # bytes
_MAX_FORM = 1024 * 1024  # bytes
_CRASHPAD = 0x43500001

_INFO = struct.Struct("<I16s16sIIII")  # version, report, client; simple annotations: size, place; modules: size, place
_MODULE_LINK = struct.Struct("<III")  # index of the module, size, place
_MODULE = struct.Struct("<IIIIIII")  # version; list, dictionary and objects of annotations: size, place
_PAIR = struct.Struct("<II")
_OBJECT = struct.Struct("<IHHI")  # name, type, reserved, value
_U32 = struct.Struct("<I")
_TEXT = 1  # the type of annotation objects that are read


@dataclass(slots=True)
class Annotations:
    """What was found; all empty when the program added nothing."""

    report_id: str | None = None
    client_id: str | None = None  # the installation
    texts: dict[str, Json] = field(default_factory=dict)  # of the program, then the form's fields
    modules: dict[str, Json] = field(default_factory=dict)  # image -> what it added

    def first(self, *names: str) -> str | None:
        """The first of these texts that there is."""
        return next((text for name in names if (text := values.text(self.texts.get(name)))), None)


def read_annotations(dump: Dump, images: tuple[BinaryImage, ...]) -> Annotations:
    """All annotations of the dump, within its budget of text; what cannot be read is left out."""
    found = Annotations()
    place = dump.optional_stream(_CRASHPAD)
    info = dump.unpack(_INFO, place[0]) if place and place[1] >= _INFO.size else None
    if info:
        _, report, client, size, at, modules_size, modules_at = info
        found.report_id, found.client_id = _id(report), _id(client)
        found.texts.update(_dictionary(dump, at, size))
        for index, module_size, module_at in dump.entries((modules_at, modules_size), _MODULE_LINK, MAX_MODULES):
            module = dump.unpack(_MODULE, module_at) if module_size >= _MODULE.size else None
            added = _of_module(dump, module) if module else None
            if added:
                name = images[index].name if index < len(images) else None
                found.modules[name or f"module {index}"] = added
    form = dump.plain(dump.optional_stream(FORM_FIELDS), _MAX_FORM)
    fields, _ = load_json(form.decode("utf-8", "replace")) if form else (None, None)
    for key, value in list(values.mapping(fields).items())[:MAX_ENTRIES]:
        found.texts[values.clean(key)] = values.plain_json(value)
    return found


def with_annotations(fault: Fault, added: Annotations) -> Fault:
    """A crash on Apple's systems with what images say: an uncaught exception's name and reason, else a message."""
    images = [(name, values.mapping(said)) for name, said in added.modules.items()]
    if fault.mechanism == "nsexception":
        for said in (values.mapping(added.texts), *(said for _, said in images)):
            name, reason = values.text(said.get("exceptionName")), values.text(said.get("exceptionReason"))
            if name or reason:
                return replace(fault, type=name or fault.type, message=reason or fault.message)
    lines = (
        (name, line)
        for name, said in images
        for entry in values.items(said.get("list"))
        if (line := values.text(entry))
    )
    telling = (line for said in most_telling(lines) if (line := plain_information(said)))
    return replace(fault, message=fault.message or next(telling, None))


def _of_module(dump: Dump, module: tuple[int, ...]) -> Json:
    """Its dictionary and its objects as one object, its list under the key "list"."""
    _, list_size, list_at, pairs_size, pairs_at, objects_size, objects_at = module
    added: dict[str, Json] = {**_dictionary(dump, pairs_at, pairs_size)}
    for name_at, kind, _, value_at in dump.entries((objects_at, objects_size), _OBJECT, MAX_ENTRIES):
        name = dump.utf8(name_at, MAX_KEY)
        if kind == _TEXT and name:
            added[name] = dump.utf8(value_at)
    listed = [dump.utf8(at) for (at,) in dump.entries((list_at, list_size), _U32, MAX_ENTRIES)]
    if any(listed):
        added["list"] = [text for text in listed if text]
    return added


def _dictionary(dump: Dump, at: int, size: int) -> dict[str, str]:
    pairs = dump.entries((at, size), _PAIR, MAX_ENTRIES) if at else ()
    return {name: dump.utf8(value) or "" for key, value in pairs if (name := dump.utf8(key, MAX_KEY))}


def _id(guid: bytes) -> str | None:
    return str(UUID(bytes_le=guid)) if any(guid) else None

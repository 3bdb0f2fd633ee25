"""Panics of Apple's kernels: `.panic` files, as JSON (`panic-full-*.ips`, macOS 10.15 to 26, iOS) and as text (before).

Source: xnu's osfmk (`paniclog_append_noflush`, kernel extensions in backtrace), osquery's kernel_panics table (2024). A panic
ends the whole system, not an app: no frame is an app's own. The process is the one that ran then. Left out on purpose: other
strings, states of processors, stackshots, loaded extensions.
"""

import re
from itertools import pairwise
from typing import Any

from app.crashes.log import BinaryImage, CrashLog, DeviceInfo, Fault, Frame, OsInfo, Thread
from app.errors import MalformedLog
from app.parsers import values
from app.parsers.apple_names import known, split_os
from app.parsers.apple_state import present
from app.parsers.document import Document, load_json
from app.parsers.values import mapping

FORMAT = "apple-panic"

MAX_LENGTH = 200_000  # characters that are read
MAX_REPORTS = 100
MAX_IMAGES = 200
_SAID = re.compile(r"panic\(cpu \d{1,4} caller (?:0x)?[0-9a-fA-F]{1,16}\):[ \t]*(\S.{0,2000})")
_REGISTERS = re.compile(r",? registers:.*$")
_PROCESS = re.compile(
    r"^(?:BSD p|P)rocess name corresponding to current thread(?: \(0x[0-9a-f]{1,16}\))?:[ \t]*(?P<name>\S.{0,200})"
    r"|^Panicked task .{0,200}? pid (?P<pid>\d{1,10}): (?P<task>\S.{0,200})",
    re.MULTILINE,
)
_EXTENSION = re.compile(
    r"^\s{0,20}(?P<name>(?!dependency)[\w-]{1,60}(?:\.[\w-]{1,60}){1,10})\((?P<version>[^)\n]{1,40})\)"
    r"(?:\[(?P<id>[0-9A-F-]{32,36})\])?\s?@0x(?P<start>[0-9a-f]{1,16})->0x(?P<end>[0-9a-f]{1,16})",
    re.MULTILINE,
)
_CALL = re.compile(
    r"^\s{0,20}(?:lr: {1,4}0x(?P<link>[0-9a-f]{1,16}) {1,8}fp: {1,4}0x[0-9a-f]{1,16}"
    r"|0x[0-9a-f]{1,16} : 0x(?P<back>[0-9a-f]{1,16})(?: (?P<image>[\w.]{1,200}) : (?P<function>\S{1,500}) \+ 0x[0-9a-f]{1,16})?)",
    re.MULTILINE,
)
_MODEL = re.compile(r"^System model name:[ \t]*([\w,]{1,60})", re.MULTILINE)
_BUILD = re.compile(r"^(?:Mac )?OS version:\s{0,4}(\w{4,12})[ \t]*$", re.MULTILINE)
_UPTIME = re.compile(r"^System uptime in nanoseconds:[ \t]*(\d{1,20})", re.MULTILINE)
_NONE = "not yet set"


def sniff(document: Document) -> bool:
    """True for the text of a panic, or the body of a file of one without its header line."""
    if document.looks_like_json:
        return _said(mapping(document.json)) is not None
    text = (document.text or "")[:MAX_LENGTH]
    return _SAID.search(text) is not None and (_PROCESS.search(text) is not None or _CALL.search(text) is not None)


def parse(document: Document) -> list[CrashLog]:
    """The panics, one after another. Raises MalformedLog when nothing is said of it."""
    if document.looks_like_json:
        found = read_body({}, mapping(document.json), FORMAT)
        if found is None:
            raise MalformedLog("The panic says nothing")
        return [found]
    text = document.text or ""
    starts = [found.start() for found in _SAID.finditer(text)][1:MAX_REPORTS]
    return [_read(text[start:end], {}, {}, FORMAT) for start, end in pairwise([0, *starts, len(text)])]


def read_body(header: dict[str, Any], rest: str | dict[str, Any], format_name: str) -> CrashLog | None:
    """The panic in the body of an .ips file; None where it holds none."""
    if isinstance(rest, str):
        if '"panicString"' not in rest and '"macOSPanicString"' not in rest:
            return None
        rest = mapping(load_json(rest.strip())[0])
    said = _said(rest)
    return _read(said, header, rest, format_name) if said else None


def _said(body: dict[str, Any]) -> str | None:
    """What macOS' kernel said, else what another processor's did."""
    texts = (known(body.get(key)) for key in ("macOSPanicString", "panicString"))
    return next((text for text in texts if text and text != _NONE), None)


def _read(text: str, header: dict[str, Any], body: dict[str, Any], format_name: str) -> CrashLog:
    text = text[:MAX_LENGTH]
    said = _SAID.search(text)
    message = said[1] if said else next((line.strip() for line in text.split("\n") if line.strip()), "")
    images = tuple(_image(found) for found, _ in zip(_EXTENSION.finditer(text), range(MAX_IMAGES), strict=False))
    frames = values.bounded([_frame(found, images) for found in _CALL.finditer(text)])
    process = _PROCESS.search(text)
    build, model, uptime = _BUILD.search(text), _MODEL.search(text), _UPTIME.search(text)
    name, version, number = split_os(known(body.get("build")) or known(header.get("os_version")))
    return CrashLog(
        format=format_name,
        platform="apple",
        report_id=known(body.get("incident")) or known(header.get("incident_id")),
        occurred_at=values.utc_time(body.get("date")) or values.utc_time(header.get("timestamp")),
        level="fatal",
        process=known(process["name"] or process["task"]) if process else None,
        process_id=values.integer(process["pid"]) if process else None,
        faults=(Fault("Kernel panic", values.clean(_REGISTERS.sub("", message)), mechanism="kernel", handled=False),),
        threads=(Thread(0, is_crashed=True, frames=frames),) if frames else (),
        images=images,
        os=OsInfo(name or "macOS", version, number or (build[1] if build else None)),
        device=DeviceInfo(
            model=known(body.get("product")) or (model[1] if model else None),
            install_id=known(body.get("crashReporterKey")),
        ),
        details=present({"uptime_seconds": int(uptime[1]) // 10**9 if uptime else None}),
        notes=("The kernel ended the whole system: no frame is an app's own",),
    )


def _image(found: re.Match[str]) -> BinaryImage:
    start, end = int(found["start"], 16), int(found["end"], 16)
    return BinaryImage(
        name=found["name"], debug_id=found["id"], address=start, size=end - start + 1 if end >= start else None
    )


def _frame(found: re.Match[str], images: tuple[BinaryImage, ...]) -> Frame:
    address = int(found["link"] or found["back"], 16)
    image = next(
        (one for one in images if one.address and one.address <= address < one.address + (one.size or 0)), None
    )
    if image is None or image.address is None:
        return Frame(known(found["function"]), image=known(found["image"]), address=address, in_app=False)
    return Frame(
        known(found["function"]), image=image.name, address=address, image_address=image.address,
        offset=address - image.address, in_app=False,
    )  # fmt: skip

"""Apple .ips crash reports: a header line of JSON, then a JSON body (bug type 309) or classic text (bug type 109).

A jetsam event (298) is the end of the process that it names; reports of hangs and of too much use, and panics of the
kernel, are read too, by apple_spindump.py and apple_panic.py.

Source: Apple, "Interpreting the JSON format of a crash report" (iOS 15 to 18, macOS 12 to 15).
Left out on purpose: `trialInfo`, `vmSummary`, `extMods`, `sharedCache`, `storeInfo`, `instructionByteStream`,
wake and sleep times, `userID`, coalition and baseband.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from app.crashes.log import AppInfo, BinaryImage, CrashLog, DeviceInfo, Fault, Frame, OsInfo, Thread
from app.errors import MalformedLog
from app.parsers import apple_frames, apple_jetsam, apple_panic, apple_spindump, apple_state, apple_text, values
from app.parsers import apple_ips_stacks as stacks
from app.parsers.apple_information import most_telling, plain_information
from app.parsers.apple_names import code_type, is_zero, known, split_os, uncaught_exception
from app.parsers.document import Document, load_json
from app.parsers.trap_message import with_trap_message
from app.parsers.values import items, mapping

FORMAT = "apple-ips"

_BUG_TYPES = {
    "115": "a device reset", "142": "too many CPU wake-ups", "145": "too many disk writes", "151": "a forced reset",
    "202": "too much CPU use", "206": "too much CPU use, which ended the process", "210": "a kernel panic",
    "211": "analytics data", "288": "a stackshot, taken at a hang or a forced snapshot",
    "385": "a user fault that did not end the process",
}  # fmt: skip
"""What the other files that end in .ips report, as far as it is certain."""
_CRASHES = ("109", "309", apple_jetsam.BUG_TYPE)
_BODY_KEYS = {"usedImages", "threads", "faultingThread", "captureTime", "procLaunch", "exception", "termination"}
_HEADER_KEYS = {"incident_id", "os_version", "timestamp", "app_name", "name", "bundleID", "slice_uuid", "app_version"}
_HEADER_LINE = re.compile(r'^[ \t]*\{[^\n]*"bug_type"', re.MULTILINE)
_MAX_HEADER = 20_000  # characters; real header lines have about 400


def sniff(document: Document) -> bool:
    """True when the first line is the header of an .ips file, or when the log is the body alone."""
    if not document.looks_like_json:
        return False
    if _header((document.text or "").lstrip("\ufeff \t\n"))[0]:
        return True
    body = mapping(document.json)
    return apple_jetsam.is_body(body) or (
        "threads" in body and "usedImages" in body and len(_BODY_KEYS & body.keys()) >= 3
    )


def parse(document: Document) -> list[CrashLog]:
    """One CrashLog per report in the file. Raises MalformedLog when there is none, saying what is there instead."""
    found, reason = [], ""
    for header, rest in _split(document):
        try:
            found += _read(header, rest)
        except MalformedLog as error:
            reason = reason or error.message
    if not found:
        raise MalformedLog(reason or "The .ips file holds no report")
    return found


def _header(text: str) -> tuple[dict[str, Any], int]:
    """The header object that the text begins with and where it ends, or ({}, 0)."""
    if not _HEADER_LINE.match(text[:_MAX_HEADER]):
        return {}, 0
    line = text[:_MAX_HEADER].split("\n", 1)[0]
    try:
        end = json.JSONDecoder().raw_decode(line.lstrip())[1] + len(line) - len(line.lstrip())
    except (ValueError, RecursionError):
        return {}, 0
    header = mapping(load_json(line[:end])[0])
    is_header = "bug_type" in header and _HEADER_KEYS & header.keys() and not {"threads", "usedImages"} & header.keys()
    return (header, end) if is_header else ({}, 0)


def _split(document: Document) -> Iterator[tuple[dict[str, Any], str | dict[str, Any]]]:
    """(header, body) of each report; the body is text, or the object when the file has no header."""
    text = (document.text or "").lstrip("\ufeff \t\n")
    header, end = _header(text)
    if not header:
        yield {}, mapping(document.json)
        return
    for line in _HEADER_LINE.finditer(text, end):
        line_end = text.find("\n", line.end())
        following, following_end = _header(text[line.start() : line_end if line_end >= 0 else None])
        if following:
            yield header, text[end : line.start()]
            header, end = following, line.start() + following_end
    yield header, text[end:]


def _read(header: dict[str, Any], rest: str | dict[str, Any]) -> list[CrashLog]:
    bug_type = known(header.get("bug_type")) or (known(rest.get("bug_type")) if isinstance(rest, dict) else None)
    if isinstance(rest, str) and apple_spindump.is_report(rest):
        return [_with_header(apple_spindump.read(rest, FORMAT), header)]
    if panic := apple_panic.read_body(header, rest, FORMAT):
        return [panic]
    if bug_type and bug_type not in _CRASHES:
        name = _BUG_TYPES.get(bug_type, "another event")
        raise MalformedLog(values.clean(f"This .ips file is no crash report: its bug type {bug_type[:40]} is {name}"))
    if isinstance(rest, dict):
        return [_of_body(header, rest)]
    if not rest.strip():
        raise MalformedLog("The .ips file is cut short after its header line")
    if rest.lstrip()[:1] != "{":
        return [_with_header(log, header) for log in apple_text.parse_text(rest)]
    body, problem = load_json(rest.strip())
    if problem:
        raise MalformedLog(f"The body of the .ips file is {problem} after the header line")
    return [_of_body(header, mapping(body))]


def _of_body(header: dict[str, Any], body: dict[str, Any]) -> CrashLog:
    is_jetsam = apple_jetsam.is_body(body) or known(header.get("bug_type")) == apple_jetsam.BUG_TYPE
    return apple_jetsam.read(header, body, FORMAT) if is_jetsam else _log(header, body)


def _with_header(log: CrashLog, header: dict[str, Any]) -> CrashLog:
    """A report in classic text, with what only the header line tells."""
    app = _app(header, {})
    os_name, os_version, os_build = split_os(known(header.get("os_version")))
    return replace(
        log,
        format=FORMAT,
        report_id=log.report_id or known(header.get("incident_id")),
        occurred_at=log.occurred_at or values.utc_time(header.get("timestamp")),
        app=AppInfo(
            identifier=app.identifier or log.app.identifier,
            name=app.name,
            version=app.version or log.app.version,
            build=app.build or log.app.build,
        ),
        os=log.os if log.os.version else OsInfo(os_name, os_version, os_build),
    )


def _log(header: dict[str, Any], body: dict[str, Any]) -> CrashLog:
    images = tuple(stacks.read_image(entry) for entry in items(body.get("usedImages")))
    crashed = _crashed_index(body)
    if not any(body.get(key) for key in ("exception", "termination", "lastExceptionBacktrace")) and crashed is None:
        raise MalformedLog("The .ips file does not say what crashed: no exception, termination or crashed thread")
    legacy = mapping(mapping(body.get("legacyInfo")).get("threadTriggered"))
    threads = tuple(
        stacks.read_thread(mapping(entry), position, position == crashed, legacy, images)
        for position, entry in enumerate(items(body.get("threads")))
    )
    fault = _fault(body, images)
    log = CrashLog(
        format=FORMAT,
        platform="apple",
        report_id=known(body.get("incident")) or known(header.get("incident_id")),
        occurred_at=values.utc_time(body.get("captureTime")) or values.utc_time(header.get("timestamp")),
        started_at=values.utc_time(body.get("procLaunch")),
        process=known(body.get("procName")) or known(header.get("name")),
        process_id=values.integer(body.get("pid")) or None,
        faults=(fault,),
        threads=threads,
        images=tuple(image for image in images if image != BinaryImage()),
        app=_app(header, mapping(body.get("bundleInfo"))),
        os=_os(header, mapping(body.get("osVersion"))),
        device=DeviceInfo(
            model=known(body.get("modelCode")),
            arch=code_type(body.get("cpuType")),
            install_id=known(body.get("crashReporterKey")),
        ),
        details=apple_state.of_body(body),
        notes=tuple(values.clean(note) for note in _notes(body, fault, threads)),
    )
    return with_trap_message(log)


def _app(header: dict[str, Any], bundle: dict[str, Any]) -> AppInfo:
    return AppInfo(
        identifier=known(bundle.get("CFBundleIdentifier")) or known(header.get("bundleID")),
        name=known(header.get("app_name")) or known(header.get("name")),
        version=known(bundle.get("CFBundleShortVersionString")) or known(header.get("app_version")),
        build=known(bundle.get("CFBundleVersion")) or known(header.get("build_version")),
    )


def _os(header: dict[str, Any], body: dict[str, Any]) -> OsInfo:
    name, version, build = split_os(known(body.get("train")))
    if not version:
        name, version, build = split_os(known(header.get("os_version")))
    return OsInfo(name, version, known(body.get("build")) or build)


def _crashed_index(body: dict[str, Any]) -> int | None:
    threads = items(body.get("threads"))
    flagged = (position for position, thread in enumerate(threads) if mapping(thread).get("triggered") is True)
    named = values.integer(body.get("faultingThread"))
    return next(flagged, named if named is not None and 0 <= named < len(threads) else None)


def _fault(body: dict[str, Any], images: tuple[BinaryImage, ...]) -> Fault:
    exception, named = mapping(body.get("exception")), mapping(body.get("exceptionReason"))
    mach, signal = known(exception.get("type")), known(exception.get("signal"))
    information = _information(body)
    uncaught = uncaught_exception(information)
    if known(named.get("name")):
        uncaught = str(known(named.get("name"))), known(named.get("composed_message"))
    reason = uncaught[1] if uncaught else plain_information(information)
    return Fault(
        type=uncaught[0] if uncaught else mach or signal,
        message=reason or known(exception.get("message")) or _termination(body),
        frames=_exception_frames(body, images),
        signal=signal,
        code=_code(body),
        mechanism="nsexception" if known(named.get("name")) else apple_text.mechanism(mach, uncaught, information),
    )


def _exception_frames(body: dict[str, Any], images: tuple[BinaryImage, ...]) -> tuple[Frame, ...]:
    frames, places = stacks.read_frames(body.get("lastExceptionBacktrace"), images), apple_frames.Places(images)
    for trace in [] if frames else items(body.get("asiBacktraces")):
        lines = (values.text(trace) or "").split("\n")
        frames = places.place(apple_frames.frame_lines(lines))
        if frames:
            break
    return frames


def _information(body: dict[str, Any]) -> str:
    said = (
        (image, line)
        for image, entries in mapping(body.get("asi")).items()
        for entry in (items(entries) or [entries])
        if (line := known(entry))
    )
    return values.clean("\n".join(most_telling(said)))


def _termination(body: dict[str, Any]) -> str | None:
    termination = mapping(body.get("termination"))
    lines = [line for key in ("reasons", "details") for entry in items(termination.get(key)) if (line := known(entry))]
    return values.clean("\n".join(lines)) or None


def _code(body: dict[str, Any]) -> str | None:
    exception, termination = mapping(body.get("exception")), mapping(body.get("termination"))
    subtype, codes = known(exception.get("subtype")), known(exception.get("codes"))
    if subtype or (codes and not is_zero(codes)):
        return subtype or codes
    space = known(termination.get("namespace"))
    return apple_state.termination_code(space, termination.get("code")) if space != "SIGNAL" else None


def _notes(body: dict[str, Any], fault: Fault, threads: tuple[Thread, ...]) -> list[str]:
    exception, termination = mapping(body.get("exception")), mapping(body.get("termination"))
    found = []
    mach = known(exception.get("type"))
    if mach and mach != fault.type:
        found.append(f"Exception Type: {mach}" + (f" ({fault.signal})" if fault.signal else ""))
    told = apple_state.termination_code(known(termination.get("namespace")), termination.get("code"))
    words = [told or known(termination.get("code")), *(known(termination.get(key)) for key in ("indicator", "byProc"))]
    if any(words):
        found.append("Termination: " + ", ".join(word for word in words if word))
    information = _information(body)
    if information and information != fault.message:
        found.append(f"Application specific information: {information}")
    region = known(body.get("vmRegionInfo"))
    found += [f"Memory region: {region}"] if region else []
    found += [said for entry in items(body.get("reportNotes")) if (said := known(entry))]
    if body.get("isSimulated") is True or body.get("isSimulated") == 1:
        found.append("The crash is simulated: the process went on")
    if not fault.frames and not any(thread.frames for thread in threads if thread.is_crashed):
        found.append("The report holds no stack of the crash")
    return found

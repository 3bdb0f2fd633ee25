"""Classic Apple crash reports as text (.crash, .txt, .log) and the relatives that other tools write in its layout.

Source: Apple, "Examining the fields in a crash report" and Technical Note TN2151 (report versions 6 to 104, macOS 9 to
12), KSCrash KSCrashReportFilterAppleFmt.m, PLCrashReporter PLCrashReportTextFormatter.m (1.11), Umeng's backtrace text.
Left out on purpose: instruction streams, VM regions, external modifications, system profile, KSCrash's "Extra
Information" (memory contents), sleep, wake and boot times, user id, coalition.
"""

import re

from app.crashes.log import AppInfo, BinaryImage, CrashLog, DeviceInfo, Fault, Frame, OsInfo, Thread
from app.errors import MalformedLog
from app.parsers import android_kind, apple_frames, apple_state, values
from app.parsers.apple_information import plain_information
from app.parsers.apple_names import code_type, is_zero, known, split_os, split_version, uncaught_exception
from app.parsers.apple_sections import HEADER_KEYS, Sections, TextBlock, cut, split_reports
from app.parsers.apple_spindump import is_report as is_spindump
from app.parsers.document import Document
from app.parsers.trap_message import with_trap_message

FORMAT = "apple-text"

_HEADER = re.compile(rf"^({'|'.join(map(re.escape, HEADER_KEYS))}) {{0,4}}:[ \t]*\S", re.MULTILINE)
_UNMISTAKABLE = {"Incident Identifier", "CrashReporter Key", "Code Type", "Exception Type", "Crashed Thread",
                 "Triggered by Thread", "Report Version", "Parent Process"}  # fmt: skip
_CRASHED_BLOCK = re.compile(r"^Thread \d{1,9} Crashed:[^\n]*\n\s{0,20}\d{1,9}\s[^\n]{0,400}\s0x[0-9a-fA-F]", re.M)
_UMENG_MARKS = ("dSYM UUID:", "Application received signal ")
_UMENG = re.compile(r"^dSYM UUID:[ \t]*[0-9A-Fa-f-]{32,36}$", re.MULTILINE)
_UMENG_SIGNAL = re.compile(r"^Application received signal (SIG[A-Z]{2,8})$", re.MULTILINE)
_UMENG_FRAME = re.compile(r"^\s{0,20}\d{1,4}\s[^\n]{0,400}\s0x[0-9a-fA-F]+", re.MULTILINE)
_TYPE = re.compile(r"(\S{1,200})(?:\s{1,8}\((\w{1,40})\))?")
_THREAD_NUMBER = re.compile(r"\d{1,9}")
_FREED = "This exception has been deallocated"


def sniff(document: Document) -> bool:
    """True for text with the header keys or the thread blocks of an Apple report, whole or cut; not for JSON.

    Of a text that also holds a crash of Android `android_kind` tells whose it is.
    """
    text = document.text
    if not text or document.looks_like_json or not document.once("like Apple's", lambda: _is_apples(text)):
        return False
    if is_spindump(text):
        return False
    return android_kind.kind(document) is None


def _is_apples(text: str) -> bool:
    if any(key in text for key in _UNMISTAKABLE):  # spares most texts of others the search for all keys
        keys = {match[1] for match in _HEADER.finditer(text)}
        certain = keys & _UNMISTAKABLE
        if len(certain) >= 2 or (certain and len(keys) >= 3):
            return True
    return bool(" Crashed:" in text and _CRASHED_BLOCK.search(text)) or _is_umeng(text)


def parse(document: Document) -> list[CrashLog]:
    """One CrashLog per report in the text. Raises MalformedLog when none of them says what crashed."""
    return parse_text(document.text or "")


def parse_text(text: str) -> list[CrashLog]:
    """The reports of a text that is known to be Apple's. Raises MalformedLog when none of them says what crashed."""
    if _is_umeng(text) and not _HEADER.search(text):
        return [_umeng(text)]
    found, reason = [], "The Apple crash report is empty"
    for report in split_reports(text):
        try:
            found.append(with_trap_message(_read(cut(report))))
        except MalformedLog as error:
            reason = error.message
    if not found:
        raise MalformedLog(reason)
    return found


def _read(report: Sections) -> CrashLog:
    images = tuple(image for line in report.images if (image := apple_frames.read_image(line)))
    crashed, disagreement = _crashed_index(report)
    if not report.value("Exception Type") and crashed is None:
        raise MalformedLog(_why_nothing(report))
    places = apple_frames.Places(images)
    threads = tuple(_thread(block, crashed, report, places) for block in report.blocks)
    os_name, os_version, os_build = split_os(report.value("OS Version"))
    process, process_id = _process(report.value("Process"))
    exception_type = report.value("Exception Type") or ""
    fault = _fault(report, places)
    version, build = split_version(report.value("Version"), os_name, os_version, exception_type.startswith("SIG"))
    return CrashLog(
        format=FORMAT,
        platform="apple",
        report_id=known(report.value("Incident Identifier")),
        occurred_at=values.utc_time(report.value("Date/Time")),
        started_at=values.utc_time(report.value("Launch Time")),
        process=process,
        process_id=process_id,
        faults=(fault,),
        threads=threads,
        images=images,
        app=AppInfo(identifier=known(report.value("Identifier")), version=version, build=build),
        os=OsInfo(name=os_name, version=os_version, build=os_build),
        device=DeviceInfo(
            model=known(report.value("Hardware Model")),
            arch=code_type(report.value("Code Type")),
            install_id=known(report.value("CrashReporter Key")) or known(report.value("Anonymous UUID")),
        ),
        details=apple_state.of_header({key: report.value(key) for key in report.header}),
        notes=tuple(values.clean(note) for note in _notes(report, fault, threads, disagreement)),
    )


def _why_nothing(report: Sections) -> str:
    event = known(report.value("Event"))
    if event:
        return values.clean(f"This is Apple's report of an event ({event[:80]}), not of a crash")
    return "The Apple crash report is cut short before its Exception Type: it does not say what crashed"


def _crashed_index(report: Sections) -> tuple[int | None, str | None]:
    """The crashed thread and a note where header and blocks disagree. The flagged block holds the stack: it wins."""
    keys = ("Crashed Thread", "Triggered by Thread", "Highlighted by Thread", "Highlighted Thread")
    spoken = (_THREAD_NUMBER.match(report.value(key) or "") for key in keys)
    named = next((int(number[0]) for number in spoken if number), None)
    flagged = next((block.index for block in report.blocks if block.is_flagged), None)
    if flagged is None or named in (None, flagged):
        return named if flagged is None else flagged, None
    return flagged, f"The header names thread {named} as crashed, the stacks mark thread {flagged}"


def _thread(block: TextBlock, crashed: int | None, report: Sections, places: apple_frames.Places) -> Thread:
    label = report.labels.get(block.index) or block.label
    name, _, queue = label.partition("Dispatch queue:")
    is_crashed = block.index == crashed
    state = report.states.get(block.index, report.states.get(None, []) if is_crashed else [])
    return Thread(
        index=block.index,
        name=known(name),
        queue=known(queue),
        is_crashed=is_crashed,
        frames=places.place(apple_frames.frame_lines(block.lines)),
        registers=apple_frames.read_registers(state),
    )


def _fault(report: Sections, places: apple_frames.Places) -> Fault:
    spoken = _TYPE.match(report.value("Exception Type") or "")
    mach, signal = (known(spoken[1]), known(spoken[2])) if spoken else (None, None)
    if mach and mach.startswith("SIG"):
        signal = mach
    information = "\n".join(report.information).strip()
    if _FREED in information:  # what KSCrash says of a zombie: the exception is no cause of this crash
        information = ""
    uncaught = uncaught_exception(values.clean(information)) if information else None
    deadlock = next((line for line in report.loose if "deadlocked" in line), None)
    if mach == "0":
        mach = "Deadlock" if deadlock else None
    reason = uncaught[1] if uncaught else plain_information(information) or deadlock
    message = reason or _termination(report) or known("\n".join(report.diagnosis))
    return Fault(
        type=values.clean(uncaught[0]) if uncaught else mach,
        message=values.clean(message) if message else None,
        frames=_exception_frames(report, places),
        signal=None if signal == "0" else signal,
        code=_code(report),
        mechanism=mechanism(mach, uncaught, information),
    )


def mechanism(mach: str | None, uncaught: tuple[str, str | None] | None, information: str) -> str | None:
    """How the crash was caught: "nsexception", "cpp_exception", "mach", "signal", "deadlock" or None."""
    if uncaught:
        return "nsexception" if f"exception '{uncaught[0]}'" in information else "cpp_exception"
    if not mach:
        return None
    return "mach" if mach.startswith("EXC_") else "signal" if mach.startswith("SIG") else mach.lower()


def _termination(report: Sections) -> str | None:
    description = known(report.value("Termination Description")) or known(report.value("Exception Message"))
    lines = report.header.get("Termination Reason", [])
    more = known("\n".join(lines[1:]))
    return description or more


def _code(report: Sections) -> str | None:
    subtype, codes = known(report.value("Exception Subtype")), known(report.value("Exception Codes"))
    if subtype or (codes and not is_zero(codes)):
        return subtype or codes
    reason = apple_state.spoken_termination(report.value("Termination Reason"))
    return None if not reason or "SIGNAL" in reason else reason


def _exception_frames(report: Sections, places: apple_frames.Places) -> tuple[Frame, ...]:
    for lines in report.traces:
        text = " ".join(lines).strip()
        frames = places.at(text) if text.startswith("(") else places.place(apple_frames.frame_lines(lines))
        if frames:
            return frames
    return ()


def _notes(report: Sections, fault: Fault, threads: tuple[Thread, ...], disagreement: str | None) -> list[str]:
    found = [disagreement] if disagreement else []
    keys = ("Exception Type", "Exception Note", "Termination Signal", "Termination Reason", "Terminating Process")
    for key in keys:
        said = known(report.value(key))
        if said and not (key == "Exception Type" and said.startswith(fault.type or "0 (0)")):
            found.append(f"{key}: {said}")
    information = known("\n".join(report.information))
    if information and information != fault.message:
        found.append(f"Application specific information: {information}")
    if report.diagnosis:
        found.append("Diagnosis: " + "\n".join(report.diagnosis))
    if report.handler is not None:
        found.append(_handler_note(report.handler))
    if not fault.frames and not any(thread.frames for thread in threads if thread.is_crashed):
        found.append("The report holds no stack of the crash")
    return found


def _handler_note(handler: str) -> str:
    inner = cut(handler)
    said = [known(inner.value(key)) for key in ("Exception Type", "Exception Codes")]
    what = ", ".join(word for word in said if word) or "unknown fault"
    frames = [frame for block in inner.blocks for frame in apple_frames.frame_lines(block.lines[:5])]
    calls = " < ".join(frame.function or frame.image or "?" for frame in frames[:5])
    return f"The crash handler crashed while it wrote this report: {what}" + (f" in {calls}" if calls else "")


def _process(value: str | None) -> tuple[str | None, int | None]:
    name, bracket, number = (value or "").rpartition("[")
    if not bracket or not number.endswith("]"):
        return known(value), None
    return known(name), values.integer(number[:-1]) or None


def _is_umeng(text: str) -> bool:
    start = text[:200_000]
    if not any(mark in start for mark in _UMENG_MARKS):
        return False
    return bool((_UMENG.search(start) or _UMENG_SIGNAL.search(start)) and _UMENG_FRAME.search(start))


def _umeng(text: str) -> CrashLog:
    """Umeng's text: reason, exception name or (null), one backtrace in brackets, then the app's own image."""
    lines = text.strip().split("\n")
    footer = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines[-12:])}
    signal = _UMENG_SIGNAL.search(text)
    named = known(lines[1]) if len(lines) > 1 and not lines[1].startswith("(") else None
    base = values.address(footer.get("Base Address"))
    image = BinaryImage(known(footer.get("Binary Image")), None, known(footer.get("dSYM UUID")),
                        known(footer.get("CPU Type")), base)  # fmt: skip
    frames = apple_frames.frame_lines(lines[1:])
    fault = Fault(
        type=signal[1] if signal else named,
        message=known(lines[0]),
        frames=frames,
        signal=signal[1] if signal else None,
        mechanism="signal" if signal else "nsexception",
    )
    return CrashLog(
        format=FORMAT,
        platform="apple",
        process=image.name,
        faults=(fault,),
        images=(image,) if image.name or image.debug_id else (),
        device=DeviceInfo(arch=image.arch),
    )

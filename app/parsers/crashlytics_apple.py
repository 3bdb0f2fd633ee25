"""Crashlytics' text of a crash on Apple's systems: the export of an issue's session, or a stack copied from the page.

Source: exports of Firebase's console (2018 to 2026), `# Crashlytics - Stack trace`. An address counts from the start of
its image; behind a function with a file, `+ 26` repeats the line. Left out on purpose: ids of issue and session.
"""

import re
from dataclasses import replace
from datetime import UTC, datetime

from app.crashes.log import AppInfo, CrashLog, DeviceInfo, Fault, Frame, OsInfo, Thread
from app.errors import MalformedLog
from app.parsers import android_kind, apple_frames, apple_state, values
from app.parsers.apple_names import known
from app.parsers.document import Document

FORMAT = "crashlytics-apple"
MAX_THREADS = 2_000
MAX_REPORTS = 500

_HEAD = 8_000  # characters in which the header and the first block begin
_TITLE = re.compile(r"^# (?:Crashlytics - |Platform: apple\b)", re.MULTILINE)
_EXPORT = re.compile(r"^(?=# Crashlytics - )", re.MULTILINE)
_FRAME = re.compile(r"[ \t]{0,8}\d{1,4} {1,8}\S.{0,400}? +0x[0-9a-fA-F]{1,16}(?: |$)")
_BLOCK = re.compile(
    r"^(?:Crashed|Fatal Exception|Non-fatal Exception|Non-fatal Error): [^\n]{1,500}\n"
    rf"(?:[^\n]{{0,2000}}\n){{0,3}}?{_FRAME.pattern}",
    re.MULTILINE,
)
_MARKS = (
    "Crashed: ",
    "atal Exception: ",
    "atal Error: ",
    "# Crashlytics - ",
    "# Platform: apple",
)  # of title and block
_FACT = re.compile(r"# (?P<key>[A-Za-z][A-Za-z ]{1,30}): (?P<value>.+)$")
_CRASHED = re.compile(r"Crashed: (?P<name>.+)$")
_EXCEPTION = re.compile(r"(?P<what>Fatal|Non-fatal) (?:Exception|Error): (?P<type>.+)$")
_MACH = re.compile(
    r"(?P<type>EXC_[A-Z_]{2,30}|SIG[A-Z]{2,8}) (?P<code>[A-Z_]{3,60} )?(?P<address>0x[0-9a-fA-F]{1,16})$"
)
_VERSION = re.compile(r"(?P<version>[^()]{1,100}?)(?: \((?P<build>[^()]{1,100})\))?$")
_LOADED = 0x100000000  # from here on an address is one of the process


def sniff(document: Document) -> bool:
    """True for an export with frames of Apple's kind, or a block of the page; not for Android's exports."""
    text = document.text
    if text is None or document.looks_like_json:
        return False
    head = text[:_HEAD]
    if not any(mark in head for mark in _MARKS):
        return False
    block = _BLOCK.search(head)
    if not block and not (_TITLE.search(head) and re.search(rf"^{_FRAME.pattern}", head, re.MULTILINE)):
        return False
    return "Incident Identifier" not in head and android_kind.kind(document) is None


def parse(document: Document) -> list[CrashLog]:
    """One crash report per export in the text. Raises MalformedLog when no block says what crashed."""
    found, reason = [], ""
    for text in _EXPORT.split(document.text or "")[:MAX_REPORTS]:
        try:
            found += [_read(text)] if text.strip() else []
        except MalformedLog as error:
            reason = error.message
    if not found:
        raise MalformedLog(reason or "The Crashlytics text is empty")
    return found


def _read(text: str) -> CrashLog:
    facts: dict[str, str] = {}
    threads: list[Thread] = []
    fault, heading, frames = Fault(), list[str](), list[Frame]()

    def close() -> None:
        nonlocal fault, heading, frames
        if frames:
            fault = _closed(fault, heading, frames, threads)
            heading, frames = [], []

    for line in text.split("\n"):
        fact = _FACT.match(line[:1_000])
        frame = _frame(line) if _FRAME.match(line[:1_000]) else None
        if frame:
            frames.append(frame)
        elif fact:
            facts.setdefault(fact["key"].strip(), fact["value"].strip())
        else:
            close()
            heading = [*heading, line.strip()][-20:] if line.strip() else []
    close()
    if fault == Fault() and not any(thread.is_crashed for thread in threads):
        raise MalformedLog("The Crashlytics text names no crashed thread and no exception")
    return _report(facts, fault, tuple(threads))


def _closed(fault: Fault, heading: list[str], frames: list[Frame], threads: list[Thread]) -> Fault:
    """Take a block with its heading into the threads, or as the exception; returns the fault as it is known then."""
    exception = next((found for line in heading if (found := _EXCEPTION.match(line))), None)
    if exception and fault.type is None:
        at = next(number for number, line in enumerate(heading) if _EXCEPTION.match(line))
        return Fault(
            values.text(exception["type"].strip()), known("\n".join(heading[at + 1 :])), values.bounded(frames),
            handled=exception["what"] != "Fatal", mechanism="nsexception",
        )  # fmt: skip
    crashed = next((found for line in heading if (found := _CRASHED.match(line))), None)
    name = crashed["name"] if crashed else heading[-1].rstrip(":") if heading else None
    if len(threads) < MAX_THREADS:
        is_crashed = crashed is not None and not any(each.is_crashed for each in threads)
        threads.append(Thread(len(threads), values.text(name), None, is_crashed, None, values.bounded(frames)))
    mach = next((found for line in heading if (found := _MACH.match(line))), None) if crashed else None
    if mach and fault.type is None:
        code = f"{(mach['code'] or '').strip()} at {mach['address']}".strip()
        is_signal = mach["type"].startswith("SIG")
        return Fault(
            mach["type"], signal=mach["type"] if is_signal else None, code=code, handled=False, mechanism="mach"
        )
    return fault


def _frame(line: str) -> Frame | None:
    frame = apple_frames.read_frame(line.strip() if not line[:1].isdigit() else line)
    if frame is None:
        return None
    if frame.file:
        frame = replace(frame, offset=None, symbol_address=None)
    if frame.address is not None and frame.address < _LOADED:
        frame = replace(frame, image_address=0, symbol_address=None)
    return frame


def _report(facts: dict[str, str], fault: Fault, threads: tuple[Thread, ...]) -> CrashLog:
    version = _VERSION.match(facts.get("Version", ""))
    system, _, number = facts.get("OS Version", "").rpartition(" ")
    return CrashLog(
        format=FORMAT,
        platform="apple",
        occurred_at=_time(facts.get("Date")),
        level="fatal" if not fault.handled else "error",
        faults=(fault,) if fault != Fault() else (Fault(handled=False),),
        threads=threads,
        app=AppInfo(
            identifier=known(facts.get("Application")) or known(facts.get("Bundle Identifier")),
            version=version["version"] if version else None,
            build=version["build"] if version else None,
        ),
        os=OsInfo(name=known(system), version=known(number)),
        device=DeviceInfo(model=known(facts.get("Device"))),
        details=apple_state.present(
            {"free_memory": known(facts.get("RAM Free")), "free_storage": known(facts.get("Disk Free"))}
        ),
    )


def _time(spoken: str | None) -> datetime | None:
    """ISO 8601, or JavaScript's `Tue Jul 30 2024 11:11:11 GMT+0200 (…)`."""
    found = values.utc_time(spoken)
    if found or not spoken:
        return found
    try:
        return datetime.strptime(spoken[:33], "%a %b %d %Y %H:%M:%S GMT%z").astimezone(UTC)
    except ValueError:
        return None

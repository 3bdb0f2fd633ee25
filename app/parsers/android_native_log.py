"""Native crashes in an Android log: debuggerd's blocks, bare fatal signals, sanitizers, the kernel and the linker.

Source: AOSP `system/core/debuggerd` and `bionic/linker` (Android 4.4 to 16), compiler-rt's sanitizer reports and Linux'
oops, panic and KASAN reports; with every logcat prefix, and with `--------- tag (pid):` lines in place of prefixes.
A bare fatal signal counts where no block tells of its process. Left out on purpose: memory, stack and shadow memory.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from app.crashes.log import CrashLog, Fault, Thread
from app.errors import MalformedLog
from app.parsers import android_kind, kernel_report, logcat, sanitizer_report, tombstone_block, values
from app.parsers.document import Document
from app.parsers.logcat import LogLine

FORMAT = "android-native-log"
MAX_REPORTS = 500
_MAX_LINE = 8_000  # characters of a line that are read

_GROUP = re.compile(r"--------- (?P<tag>\S.{0,100}?) \((?P<pid>\d{1,10})\):$")
_BLOCK_PROCESS = re.compile(r"pid: (?P<pid>\d{1,10}), tid: \d{1,10}, name: ")
_BLOCK_BEGIN = re.compile(
    r"Build fingerprint: |FATAL EXCEPTION: "
    r"|(?:(?:Caused by: )?java\.lang\.Error: )?signal \d{1,3} \(SIG\w+\), code -?\d"
)
_SIGNAL = re.compile(
    r"Fatal signal \d{1,3} \((?P<name>SIG\w+)\)"
    r"(?:,? code (?P<code>-?\d{1,10})(?: \((?P<code_name>\w+)[^)]*\))?)?"
    r"(?:,? fault addr (?P<address>[\w-]+)|,? at (?P<at>0x\w+)[^i]{0,40})?"
    r".{0,40}?(?: in)? tid (?P<tid>\d{1,10})(?: \((?P<name_of>[^)]{0,100})\))?"
    r"(?:, pid (?P<pid>\d{1,10})(?: \((?P<process>[^)]{0,200})\))?)?"
)
_LINKER = re.compile(r'CANNOT LINK EXECUTABLE(?: DEPENDENCIES)?(?: "(?P<process>[^"]{1,1000})")?: (?P<reason>.*)$')

Found = tuple[int, CrashLog]  # number of the line it begins on, report


def sniff(document: Document) -> bool:
    """True when a native crash stands in the text, which is no tombstone and no thread dump itself."""
    return android_kind.kind(document) == "native"


def parse(document: Document) -> list[CrashLog]:
    """The crash reports, in the order of the log. Raises MalformedLog when none of the crashes tells what it was."""
    streams = logcat.streams(_grouped(logcat.read(document.text or "")))
    found: list[Found] = []
    reason = "The log names a native crash but not what crashed"
    for stream in streams:
        for lines in _blocks(stream):
            try:
                report = tombstone_block.report(tombstone_block.read([line.text for line in lines]), FORMAT)
            except MalformedLog as error:
                reason = error.message
            else:
                found.append((lines[0].number, _timed(report, lines[0])))
        found += [(line.number, _timed(each, line)) for line, each in sanitizer_report.reports(stream, FORMAT)]
        found += _linker(stream)
    found += _bare_signals(streams, [report for _, report in found])
    kernel = [(line.number, _timed(each, line)) for line, each in kernel_report.reports(streams, FORMAT)]
    found = sorted([*found, *kernel], key=lambda each: each[0])
    if not found:
        raise MalformedLog(reason)
    return [report for _, report in found[:MAX_REPORTS]]


def _grouped(lines: list[LogLine]) -> list[LogLine]:
    """The lines below each `--------- tag (pid):` as that stream's; lines with a prefix of their own stay what they are."""
    grouped, stream = [], None
    for line in lines:
        found = _GROUP.match(line.text[:200]) if line.text.startswith("---------") else None
        if found:
            stream = (int(found["pid"]), None, found["tag"])
        elif line.stream is None and stream:
            grouped.append(line._replace(stream=stream))
        else:
            grouped.append(line)
    return grouped


def _blocks(stream: list[LogLine]) -> Iterator[list[LogLine]]:
    """The lines of each block of debuggerd and Unity: from its stars, else its first known line, to the next one's."""
    block: list[LogLine] = []
    pid = None
    for line in stream:
        text = line.text[:_MAX_LINE]
        process = _BLOCK_PROCESS.match(text) if " <<<" in text else None
        is_other = process is not None and pid is not None and process["pid"] != pid
        begins = process is None and _BLOCK_BEGIN.match(text)
        if android_kind.STARS.match(text) or is_other or (begins and text.startswith("FATAL")):
            if block:
                yield block
            block, pid = [], None
        elif not block and process is None and not begins:
            continue
        pid = process["pid"] if process else pid
        block.append(line._replace(text=text))
    if block:
        yield block


def _bare_signals(streams: list[list[LogLine]], known: list[CrashLog]) -> list[Found]:
    """One report of each process that a fatal signal ended and of which nothing else tells."""
    seen = {report.process_id for report in known} | {thread.index for report in known for thread in report.threads}
    found: list[Found] = []
    for stream in streams:
        for line in stream:
            signal = _SIGNAL.search(line.text[:_MAX_LINE]) if "atal signal " in line.text else None
            if not signal:
                continue
            tid = int(signal["tid"])
            pid = int(signal["pid"]) if signal["pid"] else (line.stream or (None,))[0]
            if tid not in seen and (pid is None or pid not in seen):
                found.append((line.number, _timed(_signalled(signal, tid, pid), line)))
            seen |= {tid} if pid is None else {tid, pid}
    return found


def _signalled(signal: re.Match[str], tid: int, pid: int | None) -> CrashLog:
    code = signal["code_name"] or (f"code {signal['code']}" if signal["code"] else None)
    address = signal["address"] or signal["at"]
    if address and not address.startswith("-"):
        code = f"{code} at {address}" if code else f"at {address}"
    fault = Fault(type=signal["name"], signal=signal["name"], code=code, handled=False, mechanism="signal")
    return CrashLog(
        format=FORMAT,
        platform="native",
        level="fatal",
        process=values.text(signal["process"]),
        process_id=pid,
        faults=(fault,),
        threads=(Thread(index=tid, name=values.text(signal["name_of"]), is_crashed=True),),
        notes=("The log holds no backtrace of the crashed thread",),
    )


def _linker(stream: list[LogLine]) -> list[Found]:
    found: list[Found] = []
    for line in stream:
        linker = _LINKER.search(line.text[:_MAX_LINE]) if "CANNOT LINK" in line.text else None
        if linker:
            fault = Fault(
                type="CANNOT LINK EXECUTABLE",
                message=values.text(linker["reason"].strip()),
                handled=False,
                mechanism="linker",
            )
            report = CrashLog(
                format=FORMAT, platform="native", level="fatal", process=values.text(linker["process"]),
                process_id=(line.stream or (None,))[0], faults=(fault,),
                notes=("The program was not started: there is no stack",),
            )  # fmt: skip
            found.append((line.number, _timed(report, line)))
    return found


def _timed(report: CrashLog, line: LogLine) -> CrashLog:
    """The report with the time of its first line, where it tells none itself and the line's has a year."""
    time = None if report.occurred_at else logcat.utc_time(line.time)
    if time is None:
        return report
    zone = () if logcat.has_zone(line.time) else ("The log names no time zone: its time is read as UTC",)
    return replace(report, occurred_at=time, notes=(*report.notes, *zone))

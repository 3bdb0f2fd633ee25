"""Android ANRs: the thread dump that ART writes when an app does not respond, as in `/data/anr`, and xCrash's.

Source: AOSP `art/runtime/signal_catcher.cc`, `thread.cc` and `thread_list.cc` (Android 5 to 16), Dalvik's of Android 4.4,
`ActivityManager`'s `Subject:` line, xCrash 2.4 (`Key: 'value'`). Of several dumps the first tells of what did not respond.
Left out on purpose: garbage collector figures, class loaders, libraries, waiting channels, the log and the open files.
"""

import re
from dataclasses import dataclass, field

from app.crashes.log import AppInfo, CrashLog, Fault, Frame, Thread
from app.errors import MalformedLog
from app.parsers import android_build, android_kind, java_stack, native_text, tombstone_block, values
from app.parsers.document import Document
from app.parsers.native_text import NativeFrame

FORMAT = "android-anr"
MAX_THREADS = 2_000
_MAX_LINE = 8_000  # characters of a line that are read; a list of libraries is far longer
_MAX_HEAD = 4_000  # lines above the first thread that are searched for facts

_DUMP = re.compile(r"----- (?P<other>[\w ]{0,40}: )?pid (?P<pid>\d{1,10}) at (?P<time>[^\n]{1,60}?) -----")
_THREAD = re.compile(r'"(?P<name>[^\n]{0,1000})"(?P<rest> (?:daemon |prio=|tid=|sysTid=|\()[^\n]{0,200})$')
_OTHER_THREAD = re.compile(r'"(?P<name>[^"\n]{0,1000})"(?P<rest>[ \t][^\n]{0,200})?$')  # in words of a later version
_JAVA_THREAD = re.compile(r"\btid=(?P<tid>\d{1,10})(?: (?P<state>\w{1,40}))?")
_SYSTEM_THREAD = re.compile(r"\bsysTid=(?P<number>\d{1,10})")
_FACT = re.compile(r"(?P<key>[A-Z][A-Za-z ]{1,30}): ?(?P<value>.*)$")
_XCRASH_PROCESS = re.compile(r"pid: (?P<pid>\d{1,10}) +>>> (?P<process>.{1,500}?) <<<")
_WAIT = re.compile(
    r"[ \t]+- (?P<what>waiting to lock|waiting on|sleeping on) <\S{1,40}> \(an? (?P<type>.{1,500}?)\)"
    r"(?: held by (?:thread |tid=)(?P<holder>\d{1,10})(?: \([^\n]{0,1000}\))?)?[ \t]*$"
)
_ZONE = re.compile(r"[+-]\d\d:?\d\d$")


@dataclass(slots=True)
class _OpenThread:
    """One thread while it is read."""

    name: str | None
    state: str | None
    tid: int | None  # the virtual machine's number; None for a thread that is not attached to it
    system_id: int | None
    frames: list[Frame] = field(default_factory=list)
    wait: re.Match[str] | None = None


@dataclass(slots=True)
class _Dump:
    """What the lines say about the process that did not respond."""

    facts: dict[str, str] = field(default_factory=dict)  # of a repeated key the first counts
    pid: int | None = None
    time: str | None = None
    process: str | None = None
    threads: list[_OpenThread] = field(default_factory=list)
    native: list[NativeFrame] = field(default_factory=list)
    others: set[int] = field(default_factory=set)  # processes that were dumped beside it

    @property
    def main(self) -> _OpenThread | None:
        """The thread with the id 1, else with the number of the process, whatever its name; else the one named main."""
        first = next((each for each in self.threads if each.tid == 1), None)
        first = first or next((each for each in self.threads if self.pid and each.system_id == self.pid), None)
        return first or next((each for each in self.threads if each.name == "main"), None)


def sniff(document: Document) -> bool:
    """True when the text is a thread dump, below lines of the system at most, or xCrash's file of an ANR."""
    return android_kind.kind(document) == "anr"


def parse(document: Document) -> list[CrashLog]:
    """The one crash report. Raises MalformedLog when the log holds neither a thread nor the reason of the ANR."""
    dump = _read((document.text or "").split("\n"))
    if not dump.threads and not dump.facts.get("Subject"):
        raise MalformedLog("The thread dump is cut short before its first thread: nothing says what the app was doing")
    return [_report(dump)]


def _read(lines: list[str]) -> _Dump:
    dump, thread, is_over = _Dump(), None, False
    for number, full in enumerate(lines):
        line = full[:_MAX_LINE]
        if line.startswith("-----") and (found := _DUMP.match(line)):
            is_over = _begin(dump, found)
            thread = None
        elif is_over:
            continue
        elif line.startswith("----- end") or line == "logcat:":
            is_over, thread = bool(dump.threads), None
        elif line.startswith('"') and (found := _THREAD.match(line) or _OTHER_THREAD.match(line)):
            thread = _open_thread(dump, found)
        elif not line.strip():
            thread = None
        elif thread:
            _read_thread(dump, thread, line)
        elif not dump.threads and number < _MAX_HEAD:
            _read_fact(dump, line)
    return dump


def _begin(dump: _Dump, found: re.Match[str]) -> bool:
    """Take the head of a dump; True when it is another's, which is passed over."""
    pid = int(found["pid"])
    if dump.threads:
        if pid != dump.pid:
            dump.others.add(pid)
        return True
    if found["other"] and dump.pid is not None:
        return False
    dump.pid, dump.time = pid, found["time"]
    return False


def _open_thread(dump: _Dump, found: re.Match[str]) -> _OpenThread | None:
    if len(dump.threads) >= MAX_THREADS:
        return None
    rest = found["rest"] or ""
    java, system = _JAVA_THREAD.search(rest), _SYSTEM_THREAD.search(rest)
    state = java["state"] if java else "not attached" if "(not attached)" in rest else None
    thread = _OpenThread(
        values.text(found["name"]), state, int(java["tid"]) if java else None, int(system["number"]) if system else None
    )
    dump.threads.append(thread)
    return thread


def _read_thread(dump: _Dump, thread: _OpenThread, line: str) -> None:
    if thread.system_id is None and not thread.frames and (system := _SYSTEM_THREAD.search(line[:200])):
        thread.system_id = int(system["number"])
        return
    native = native_text.read_frame(line) if "#" in line[:16] else None
    frame = (
        native.frame if native else java_stack.frame(line.replace("(Native method)", "(Native Method)"))
    )  # ART spells it so
    if native:
        dump.native.append(native)
    if frame:
        thread.frames.append(frame)
    elif thread.wait is None:
        thread.wait = _WAIT.match(line)


def _read_fact(dump: _Dump, line: str) -> None:
    fact = _FACT.match(line)
    if fact:
        dump.facts.setdefault(fact["key"], fact["value"].strip().strip("'"))
    elif process := _XCRASH_PROCESS.match(line):
        dump.process = dump.process or process["process"]
        dump.pid = int(process["pid"]) if dump.pid is None else dump.pid


def _report(dump: _Dump) -> CrashLog:
    facts, main = dump.facts, dump.main
    process = values.text(dump.process) or values.text(facts.get("Cmd line"))
    arch = native_text.architecture(facts.get("ABI"))
    time = facts.get("Crash time") or dump.time
    identifier = facts.get("App ID") or tombstone_block.package(process)
    fingerprint = facts.get("Build fingerprint")
    message = values.text(facts.get("Subject"))
    return CrashLog(
        format=FORMAT,
        platform="java",
        occurred_at=values.utc_time(time),
        started_at=values.utc_time(facts.get("Start time")),
        process=process,
        process_id=dump.pid,
        faults=(Fault(type="ANR", message=message, handled=False, mechanism="anr"),),
        threads=tuple(
            Thread(_index(each, position), each.name, None, each is main, each.state, values.bounded(each.frames))
            for position, each in enumerate(dump.threads)
        ),
        images=native_text.images_of(dump.native, None, arch),
        app=AppInfo(identifier=values.text(identifier), version=values.text(facts.get("App version"))),
        os=android_build.system(fingerprint, values.text(facts.get("OS version"))),
        device=android_build.device(
            fingerprint, values.text(facts.get("Model")), values.text(facts.get("Manufacturer")), arch
        ),
        notes=tuple(values.clean(note) for note in _notes(dump, main, time)),
    )


def _index(thread: _OpenThread, position: int) -> int:
    """The number by which the dump names it, as far as it does."""
    return next((number for number in (thread.tid, thread.system_id) if number is not None), position)


def _notes(dump: _Dump, main: _OpenThread | None, time: str | None) -> list[str]:
    notes = []
    if main is None:
        notes.append("The dump holds no main thread" if dump.threads else "The dump holds no thread")
    elif main.wait:
        wait = main.wait
        holder = next(
            (each for each in dump.threads if wait["holder"] and each.tid == int(wait["holder"])),
            None,
        )
        held = f" held by thread {wait['holder']}" if wait["holder"] else ""
        named = f' "{holder.name}"' if holder and holder.name else ""
        notes.append(f"The main thread is {wait['what']} a {wait['type']}{held}{named}")
    if time and values.utc_time(time) and not _ZONE.search(time.strip()):
        notes.append("The log names no time zone: its time is read as UTC")
    if dump.others:
        notes.append(f"The log holds dumps of {len(dump.others)} more processes, which are left out")
    return notes

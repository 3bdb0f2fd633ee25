"""Microdumps: what Breakpad writes of a native crash into logcat, or to standard error, where no file may be sent.

Source: Breakpad's `client/linux/microdump_writer` (2014 to 2024): lines of one letter and hex between a BEGIN and an END, with
every logcat prefix or none. Several in one log are several reports. There is the crashed thread alone; its stack is walked as
a minidump's, with the same notes. An image's address is the start of its mapping, as Breakpad's own reader takes it. Left out
on purpose: floating point registers, free memory (H), process and thread of logcat's prefix, which are those of the writer.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from app.crashes.log import AppInfo, BinaryImage, CrashLog, DeviceInfo, Fault, Frame, Json, OsInfo, Thread
from app.errors import MalformedLog
from app.parsers import android_build, android_kind, logcat, values
from app.parsers.document import Document
from app.parsers.logcat import LogLine
from app.parsers.minidump_codes import fault_of
from app.parsers.minidump_registers import Cpu, cpu_named, read_registers
from app.parsers.minidump_stack import Code, FindRules, Stack, StackBudget, walk_stack
from app.parsers.minidump_streams import MAX_MODULES

FORMAT = "microdump"
MAX_REPORTS = 500
MAX_STACK = 8 * 1024 * 1024  # bytes of a stack; Android's main thread has that much

_END = "-----END BREAKPAD MICRODUMP-----"
_WORD = "[0-9A-F]{8}(?:[0-9A-F]{8})?"
_SYSTEM = re.compile(r"O (?P<os>[AL]) (?P<arch>\w{1,20}) [0-9A-F]{2} \S{1,100} ?(?P<rest>.{0,1000})")
_REASON = re.compile(rf"R (?P<signal>[0-9A-F]{{8}}) \S{{1,100}} (?P<address>{_WORD})$")
_STACK = re.compile(rf"S 0 (?P<sp>{_WORD}) (?P<start>{_WORD}) (?P<size>{_WORD})$")
_CHUNK = re.compile(rf"S (?P<address>{_WORD}) (?P<bytes>(?:[0-9A-F]{{2}})+)$")
_CONTEXT = re.compile(r"C (?P<bytes>(?:[0-9A-F]{2})+)$")
_MODULE = re.compile(rf"M (?P<start>{_WORD}) {_WORD} (?P<size>{_WORD}) (?P<id>[0-9A-F]{{33}}) (?P<name>.{{1,1000}})$")
_UNKNOWN = ("", "UNKNOWN", "UNKNOWN:0.0.0.0")


@dataclass(slots=True)
class _Microdump:
    """The lines of one, read."""

    time: str | None  # of logcat's prefix
    product: str = ""
    process_type: str = ""
    gpu: str = ""
    system: re.Match[str] | None = None
    reason: re.Match[str] | None = None
    context: bytes | None = None
    stack_start: int = 0
    stack: bytearray = field(default_factory=bytearray)
    images: list[BinaryImage] = field(default_factory=list)
    has_end: bool = False


def sniff(document: Document) -> bool:
    """True for a text in which a microdump begins."""
    return android_kind.kind(document) == "microdump"


def parse(document: Document) -> list[CrashLog]:
    """The crash reports, in the order of the log. Raises MalformedLog when none has registers or images."""
    streams = logcat.streams(logcat.read(document.text or ""))
    found = sorted(
        ((line.number, _read(line, rest)) for stream in streams for line, rest in _dumps(stream)),
        key=lambda one: one[0],
    )
    reports = [_report(dump, document.brief) for _, dump in found if dump.context is not None or dump.images]
    if not reports:
        raise MalformedLog("The microdump is cut short before its registers")
    return reports[:MAX_REPORTS]


def _dumps(stream: list[LogLine]) -> Iterator[tuple[LogLine, list[str]]]:
    """The first line of each microdump, and the texts of the lines below it."""
    begun: LogLine | None = None
    texts: list[str] = []
    for line in stream:
        if line.text.rstrip() == android_kind.MICRODUMP:
            if begun:
                yield begun, texts
            begun, texts = line, []
        elif begun:
            texts.append(line.text.rstrip())
            if texts[-1] == _END:
                yield begun, texts
                begun = None
    if begun:
        yield begun, texts


def _read(begin: LogLine, texts: list[str]) -> _Microdump:
    dump = _Microdump(begin.time, has_end=bool(texts) and texts[-1] == _END)
    for text in texts:
        match text[:2]:
            case "V ":
                dump.product = text[2:].strip()
            case "P ":
                dump.process_type = text[2:].strip()
            case "G ":
                dump.gpu = text[2:].strip()
            case "O ":
                dump.system = dump.system or _SYSTEM.match(text)
            case "R ":
                dump.reason = dump.reason or _REASON.match(text)
            case "C ":
                found = _CONTEXT.match(text)
                dump.context = bytes.fromhex(found["bytes"]) if found else dump.context
            case "M ":
                _add_image(dump, text)
            case "S ":
                _add_stack(dump, text)
    return dump


def _add_image(dump: _Microdump, text: str) -> None:
    found = _MODULE.match(text)
    if found is None or len(dump.images) >= MAX_MODULES:
        return
    dump.images.append(
        BinaryImage(
            name=values.basename(found["name"]),
            path=values.text(found["name"]) if "/" in found["name"] else None,
            debug_id=found["id"] if found["id"].strip("0") else None,
            arch=dump.system["arch"] if dump.system else None,
            address=int(found["start"], 16),
            size=int(found["size"], 16),
        )
    )


def _add_stack(dump: _Microdump, text: str) -> None:
    """A line that logcat has lost leaves zeros."""
    head = _STACK.match(text)
    if head:
        dump.stack_start = int(head["start"], 16)
        return
    chunk = _CHUNK.match(text)
    if chunk is None:
        return
    content, at = bytes.fromhex(chunk["bytes"]), int(chunk["address"], 16) - dump.stack_start
    if 0 <= at <= MAX_STACK - len(content):
        dump.stack.extend(bytes(max(0, at - len(dump.stack))))
        dump.stack[at : at + len(content)] = content


def _report(dump: _Microdump, is_brief: bool) -> CrashLog:
    system = dump.system.groupdict() if dump.system else {}
    arch = system.get("arch")
    cpu = cpu_named(arch or "")
    images = tuple(dump.images)
    fault = _fault(dump.reason)
    thread = _thread(dump, cpu, images)

    def walk(find: FindRules, *, only_crash: bool) -> tuple[Thread, ...]:  # noqa: ARG001  there is no other thread
        return (_thread(dump, cpu, images, find),)

    name, _, version = dump.product.rpartition(":")
    is_told = dump.product not in _UNKNOWN
    is_android = system.get("os") == "A"
    fingerprint = system.get("rest") or None
    return CrashLog(
        format=FORMAT,
        platform="native",
        occurred_at=logcat.utc_time(dump.time),
        level="fatal" if fault and fault.handled is False else None,
        process=_process(images),
        faults=(fault,) if fault else (),
        threads=(thread,),
        images=images,
        app=AppInfo(name=values.text(name or version), version=values.text(version if name else None))
        if is_told
        else AppInfo(),
        os=_os(is_android, fingerprint) if system else OsInfo(),
        device=android_build.device(fingerprint, arch=arch) if is_android else DeviceInfo(arch=arch),
        custom={} if is_brief else _custom(dump),
        notes=_notes(dump, cpu, thread),
        walk=walk if cpu else None,
    )


def _process(images: tuple[BinaryImage, ...]) -> str | None:
    """Breakpad puts the image of the entry point first; where that is a library, the program has no lines of its own."""
    name = images[0].name if images else None
    return None if name is None or name.endswith(".so") else name


def _fault(reason: re.Match[str] | None) -> Fault | None:
    return fault_of("linux", int(reason["signal"], 16), 0, int(reason["address"], 16), ()) if reason else None


def _os(is_android: bool, version: str | None) -> OsInfo:
    if is_android:
        return android_build.system(version)
    release, _, build = (version or "").partition(" ")
    return OsInfo(name="Linux", version=values.text(release), build=values.text(build))


def _thread(
    dump: _Microdump, cpu: Cpu | None, images: tuple[BinaryImage, ...], find: FindRules | None = None
) -> Thread:
    """The crashed thread, which is all there is; its number is unknown."""
    context = dump.context or b""
    registers = read_registers(context, cpu, (0, len(context)))
    frames: tuple[Frame, ...] = ()
    if cpu and registers:
        memory = bytes(dump.stack)
        stack = Stack(memory, cpu.width, dump.stack_start, len(memory), 0, StackBudget()) if memory else None
        frames = walk_stack(cpu, registers, stack, Code(cpu, images, [], find))
    return Thread(index=0, is_crashed=True, frames=frames, registers=registers)


def _custom(dump: _Microdump) -> dict[str, Json]:
    custom = {"gpu": dump.gpu, "process_type": dump.process_type}
    return {name: values.clean(text) for name, text in custom.items() if text not in _UNKNOWN}


def _notes(dump: _Microdump, cpu: Cpu | None, thread: Thread) -> tuple[str, ...]:
    notes = [] if dump.reason else ["The microdump does not name the signal, as Breakpad once did not"]
    if cpu is None:
        notes.append("The registers of this processor are not read")
    elif not thread.registers:
        notes.append("The registers of the crashed thread are not in the microdump")
    elif not dump.stack:
        notes.append("The stack of the crashed thread is not in the microdump")
    if not dump.has_end:
        notes.append("The microdump is cut short")
    return tuple(notes)

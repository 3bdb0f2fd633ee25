"""One crash as Android's debuggerd and xCrash describe it, from the lines of the block to the parsed report.

Source: AOSP `system/core/debuggerd/libdebuggerd` (text tombstones of Android 4.4 to 16) and xCrash 2.4 (`Key: 'value'`).
Left out on purpose: memory, stack contents, memory map and open files: they are most of the bytes and hold what was in
the app's memory. Log lines: see tombstone_log.py.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from app.crashes.log import AppInfo, CrashLog, Fault, Frame, RelatedStack, Thread
from app.crashes.stable_text import without_stack
from app.errors import MalformedLog
from app.parsers import android_build, java_stack, native_text, values
from app.parsers.native_text import NativeFrame

MAX_THREADS = 2_000
_MAX_ABORT_LINES = 50
_MAX_SAID_LINES = 20  # of a stack in the abort message

_PROCESS = re.compile(
    r"pid: (?P<pid>\d{1,10})(?:, tid: (?P<tid>\d{1,10}))?(?:, name: (?P<name>.*?))?[ \t]*>>> (?P<process>.*?) <<<"
)
_SIGNAL = re.compile(
    r"(?:Fatal )?signal (?P<number>\d{1,3}) \((?P<name>\w+)\)"
    r"(?:, code (?P<code>-?\d{1,10})(?: \((?P<code_name>[^)\s]*)(?P<sender>[^)]*)\))?)?"
    r"(?:, fault addr (?P<address>[\w-]+)"
    r"(?: \((?P<access>read|write|execute)\))?)?"
)
_THROWN = re.compile(r"(?:Caused by: )?java\.lang\.Error: (?=signal \d)")  # Unity throws a signal as if it were Java's
_FATAL_EXCEPTION = re.compile(r"FATAL EXCEPTION: (?P<thread>.{1,100})$")
_PROCESS_FACT = re.compile(r"(?P<process>\S{1,200}), PID: (?P<pid>\d{1,10})$")
_UNITY = re.compile(r"Version '(?P<version>[^'\n]{1,100})', Build type '")
_MEMORY = re.compile(r"(?P<what>allocated|deallocated) by thread \d{1,10}$")
_MEMORY_KINDS = {"allocated": "allocation", "deallocated": "deallocation"}
_FACT = re.compile(r"(?P<key>[A-Z][A-Za-z ]{1,30}): ?(?P<value>.*)$")
_SECTION = re.compile(r"(?:[a-z][\w ]{1,60}(?: \([^)\n]{1,60}\))?:|--------- .*|\(Total frames: \d+\))[ \t]*$")
_BUILD_ID = re.compile(r"[ \t]+(?P<path>\S.*?) \(BuildId: (?P<id>[0-9a-fA-F]{8,64})")
_EXTRA = {"Cause": "Cause", "Crash detail": "Crash detail", "Executable": "Executable", "Process uptime": "Process uptime",
          "Revision": "Revision", "Scripting Backend": "Scripting backend",
          "Kernel version": "Kernel", "Kernel Release": "Kernel", "Rooted": "Rooted"}  # fmt: skip


_ALIASES = {"Device fingerprint": "Build fingerprint", "CPU supported ABI": "ABI", "Device model": "Model"}  # Unity's


@dataclass(slots=True)
class OpenThread:
    """One thread while it is read."""

    tid: int | None
    name: str | None
    frames: list[NativeFrame] = field(default_factory=list)
    java: list[str] = field(default_factory=list)
    registers: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class TombstoneBlock:
    """What the lines of one crash say."""

    facts: dict[str, str] = field(default_factory=dict)  # key -> value; of a repeated key the first counts
    threads: list[OpenThread] = field(default_factory=list)
    process: str | None = None
    pid: int | None = None
    signal: Mapping[str, str | None] | None = None  # name, code, code_name, address; each as it is printed
    abort: str | None = None
    build_ids: dict[str, str] = field(default_factory=dict)
    was_backtrace: bool = False
    thread_name: str | None = None  # of a crash that names no ids
    memory: dict[str, tuple[str, list[NativeFrame]]] = field(
        default_factory=dict
    )  # kind -> words, frames; the first counts

    @property
    def says_something(self) -> bool:
        """True when there is a crash in it."""
        return bool(self.signal or self.abort or any(each.frames or each.java for each in self.threads))


def read(lines: list[str]) -> TombstoneBlock:
    """Read the lines of one crash; lines of others in between are passed over."""
    block, section, abort_left, is_guest = TombstoneBlock(), "head", 0, False
    for line in lines:
        if abort_left:
            abort_left = _continue_abort(block, line, abort_left)
            if abort_left:
                continue
        if line.startswith(("---", "***")):
            section = "thread" if line.startswith("--- ---") else "head" if line.startswith("***") else "skip"
            is_guest = False
            continue
        is_guest = is_guest or line.startswith("Guest thread information")
        if is_guest:
            continue
        if line[:1].islower() and (process := _PROCESS.match(line[:2_000])):
            _open_thread(block, process)
            section = "thread"
            continue
        if _SECTION.match(line[:120]) and not line.startswith((" ", "\t")):
            section = _section_of(block, line)
            block.was_backtrace = block.was_backtrace or section == "backtrace"
            continue
        if section in ("head", "thread"):
            abort_left = _read_head(block, line)
        elif section != "java" and line.startswith("Cause: "):  # several stand below the backtrace, the likeliest first
            block.facts.setdefault("Cause", line[7:].strip())
        elif section != "skip":
            _read_section(block, section, line)
    return block


def _section_of(block: TombstoneBlock, line: str) -> str:
    name = line.strip().rstrip(":")
    if memory := _MEMORY.match(name):
        kind = _MEMORY_KINDS[memory["what"]]
        return kind if block.memory.setdefault(kind, (name, []))[0] == name else "skip"
    return {"backtrace": "backtrace", "java stacktrace": "java", "build id": "build id"}.get(name, "skip")


def _open_thread(block: TombstoneBlock, found: re.Match[str]) -> None:
    block.process = block.process or values.text(found["process"])
    block.pid = values.integer(found["pid"]) if block.pid is None else block.pid
    if len(block.threads) < MAX_THREADS:
        tid = values.integer(found["tid"]) if found["tid"] else None
        block.threads.append(OpenThread(tid, values.text(found["name"])))


def _read_head(block: TombstoneBlock, line: str) -> int:
    """Take a line above the backtrace; returns how many lines may still belong to an abort message that it opens."""
    line = _THROWN.sub("", line, count=1) if "java.lang.Error: signal " in line[:60] else line
    signal = _SIGNAL.match(line) if line.startswith(("signal ", "Fatal signal ")) else None
    if signal:
        block.signal = block.signal or signal.groupdict()
        return 0
    if line.startswith("Abort message:") and block.abort is None:
        said = line[14:].strip()
        block.abort = said
        return _MAX_ABORT_LINES if said.startswith("'") and not (len(said) > 1 and said.endswith("'")) else 0
    fact = _FACT.match(line[:4_000])
    if thrown := _FATAL_EXCEPTION.match(line[:200]):
        block.thread_name = block.thread_name or values.text(thrown["thread"].strip())
    elif unity := _UNITY.match(line[:400]):
        block.facts.setdefault("Unity version", unity["version"])
    elif fact:
        block.facts.setdefault(_ALIASES.get(key := fact["key"].strip(), key), fact["value"].strip().strip("'"))
    elif line.startswith(" ") and (registers := native_text.read_registers(line)):
        _last_thread(block).registers |= registers
    frame = native_text.read_frame(line) if "#" in line[:12] else native_text.read_unity_frame(line)
    if frame:  # Unity's, or a log cut above its "backtrace:" line
        _last_thread(block).frames.append(frame)
    return 0


def _continue_abort(block: TombstoneBlock, line: str, left: int) -> int:
    if native_text.read_registers(line) or line.startswith(("backtrace:", "pid: ")):
        return 0
    block.abort = f"{block.abort}\n{line}"
    return 0 if line.endswith("'") else left - 1


def _read_section(block: TombstoneBlock, section: str, line: str) -> None:
    if section == "build id":
        found = _BUILD_ID.match(line[:4_000])
        if found:
            block.build_ids.setdefault(found["path"], found["id"])
        return
    if section in block.memory:
        if memory_frame := native_text.read_frame(line):
            block.memory[section][1].append(memory_frame)
        return
    if section == "java":
        _last_thread(block).java.append(line)
        return
    frame = native_text.read_frame(line)
    if frame:
        _last_thread(block).frames.append(frame)


def _last_thread(block: TombstoneBlock) -> OpenThread:
    """The thread that is read; one without ids where the log names none."""
    if not block.threads:
        block.threads.append(OpenThread(None, block.thread_name))
    return block.threads[-1]


def report(block: TombstoneBlock, format_name: str) -> CrashLog:
    """The crash report of a block. Raises MalformedLog when the block tells of no crash."""
    if not block.says_something:
        raise MalformedLog(
            "The native crash is cut short before its signal and its backtrace: nothing says what crashed"
        )
    facts, crashed = block.facts, block.threads[0] if block.threads else None
    named = _PROCESS_FACT.match(facts.get("Process", ""))
    block.process = block.process or (named["process"] if named else None)
    block.pid = values.integer(named["pid"]) if named and block.pid is None else block.pid
    java = [line for line in crashed.java if line.strip()] if crashed else []
    arch = native_text.architecture(facts.get("ABI"))
    every = [frame for each in block.threads for frame in each.frames]
    in_memory = [frame for _, frames in block.memory.values() for frame in frames]
    identifier = facts.get("App ID") or package(block.process) or package(facts.get("Cmdline"))
    faults, notes = _java_faults(java) if java else ((_fault(block),), [])
    notes += [f"{label}: {facts[key]}" for key, label in _EXTRA.items() if facts.get(key)]
    stack = _abort(block)[1]
    notes += [f"The abort message has a stack: {', '.join(stack)}"] if stack else []
    if not java and not (crashed and crashed.frames):
        notes.append("The log holds no backtrace of the crashed thread")
    return CrashLog(
        format=format_name,
        platform="java" if java else "native",
        occurred_at=values.utc_time(facts.get("Crash time") or facts.get("Timestamp")),
        started_at=values.utc_time(facts.get("Start time")),
        level="fatal",
        process=block.process or values.text(facts.get("Cmdline")),
        process_id=block.pid,
        faults=faults,
        threads=tuple(_thread(each, number == 0) for number, each in enumerate(block.threads)),
        stacks=tuple(
            RelatedStack(kind, values.text(words), values.bounded([each.frame for each in frames]))
            for kind, (words, frames) in block.memory.items()
        ),
        images=native_text.images_of([*every, *in_memory], block.build_ids, arch),
        app=AppInfo(identifier=values.text(identifier), version=values.text(facts.get("App version"))),
        os=android_build.system(facts.get("Build fingerprint"), values.text(facts.get("OS version"))),
        device=android_build.device(
            facts.get("Build fingerprint"),
            values.text(facts.get("Model")),
            values.text(facts.get("Manufacturer")),
            arch,
        ),
        details=_details(block),
        notes=tuple(values.clean(note) for note in notes),
    )


def package(process: str | None) -> str | None:
    """The application id that names the process; a path or a bare name is none."""
    name = (process or "").partition(":")[0].split(" ")[0]
    return name if "." in name and "/" not in name else None


def _details(block: TombstoneBlock) -> dict[str, str | int | bool]:
    access = block.signal.get("access") if block.signal else None
    found = {"access": access, "unity_version": block.facts.get("Unity version")}
    return {key: value for key, value in found.items() if value}


def _fault(block: TombstoneBlock) -> Fault:
    signal = block.signal
    name = signal["name"] if signal else None
    code = None
    if signal and signal["code"] is not None:
        code = signal["code_name"] or f"code {signal['code']}"
    address = signal["address"] if signal else None
    if address and not address.startswith("-"):
        place = address if address.startswith("0x") else f"0x{address}"  # Android 4.4 and Unity write bare hex
        code = f"{code} at {place}" if code else f"at {place}"
    message = values.text(_abort(block)[0]) or values.text(block.facts.get("Cause"))
    return Fault(
        type=name or "native crash", message=message, signal=name, code=code, handled=False, mechanism="signal"
    )


def _abort(block: TombstoneBlock) -> tuple[str, list[str]]:
    """What the program said when it aborted, and the lines of the stack that it put behind that."""
    said = (block.abort or "").strip()
    if said.startswith("'") and len(said) > 1:
        said = said[1:].removesuffix("'")
    message = without_stack(said)
    return message, [line.strip() for line in said[len(message) :].splitlines() if line.strip()][:_MAX_SAID_LINES]


def _java_faults(lines: list[str]) -> tuple[tuple[Fault, ...], list[str]]:
    faults, notes = java_stack.read_faults(lines, False, "UncaughtExceptionHandler")
    return tuple(faults), notes


def _thread(each: OpenThread, is_first: bool) -> Thread:
    frames = [frame.frame for frame in each.frames]
    if not is_first and not frames:
        frames = [found for line in each.java if (found := java_stack.frame(line)) is not None]
    stack: tuple[Frame, ...] = values.bounded(frames)
    return Thread(index=each.tid or 0, name=each.name, is_crashed=is_first, frames=stack, registers=each.registers)

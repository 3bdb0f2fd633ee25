"""The JSON that a stack walker prints for a minidump: rust-minidump's `minidump-stackwalk --json` and its predecessors.

Source: rust-minidump's `json-schema.md`, 0.10 to 0.26. Functions that were compiled into others are frames of their own.
Left out on purpose: handles, memory map, limits, bit flips, certificates and the walker's own errors.
"""

import re
from typing import Any

from app.crashes.log import AppInfo, BinaryImage, CrashLog, DeviceInfo, Fault, Frame, OsInfo, Thread
from app.errors import MalformedLog
from app.parsers import values
from app.parsers.document import Document

FORMAT = "minidump-processed"
MAX_THREADS = 2_000
MAX_IMAGES = 5_000

_ARCHITECTURES = {"amd64": "x86_64"}  # the rest are alike
_VERSION_AND_BUILD = re.compile(r"(\d+(?:\.\d+)*) (\w{3,12})$")
_ACCESS = re.compile(r"(EXCEPTION_ACCESS_VIOLATION|EXCEPTION_IN_PAGE_ERROR)_(READ|WRITE|EXEC)$")
_GUESSED = ("scan", "cfi_scan")
_UNSURE = {"scan": "found by scanning the stack", "cfi_scan": "found by scanning the stack",
           "prewalked": "as the dump names it"}  # fmt: skip


def sniff(document: Document) -> bool:
    """True for JSON with the crash, the system, the modules and the stacks as a stack walker names them."""
    found = document.json
    return (
        isinstance(found, dict)
        and isinstance(found.get("crash_info"), dict)
        and "cpu_arch" in values.mapping(found.get("system_info"))
        and isinstance(found.get("modules"), list)
        and (isinstance(found.get("threads"), list) or isinstance(found.get("crashing_thread"), dict))
    )


def parse(document: Document) -> list[CrashLog]:
    """The crash report. Raises MalformedLog when the dump names neither an exception nor a crashed stack."""
    found = values.mapping(document.json)
    crash, system = values.mapping(found.get("crash_info")), values.mapping(found.get("system_info"))
    kind, _, detail = (values.text(crash.get("type")) or "").partition(" / ")
    kind = "" if kind == "No crash" else kind
    if access := _ACCESS.match(kind):  # one type whatever was tried, as the dump itself has it
        kind, detail = access[1], access[2].lower()
    threads = _threads(found, crash)
    crashed = next((thread for thread in threads if thread.is_crashed), None)
    if not kind and not (crashed and crashed.frames):
        raise MalformedLog("The dump names no exception and no stack that crashed")
    told_arch = values.text(system.get("cpu_arch"))
    arch = _ARCHITECTURES.get(told_arch or "", told_arch)
    modules = [values.mapping(module) for module in values.items(found.get("modules"))]
    main = values.integer(found.get("main_module"))
    program = modules[main] if main is not None and 0 <= main < len(modules) else {}
    address = values.text(crash.get("address"))
    place = f"at {address}" if address else ""
    fault = Fault(
        type=kind or None,
        message=_message(found, crash),
        signal=kind if kind.startswith("SIG") else None,
        code=f"{detail} {place}".strip() or None,
        handled=False,
        mechanism="signal" if kind.startswith("SIG") else "mach" if kind.startswith("EXC_") else "minidump",
    )
    return [
        CrashLog(
            format=FORMAT,
            platform="native",
            level="fatal",
            process=values.basename(program.get("filename")),
            process_id=values.integer(found.get("pid")),
            faults=(fault,),
            threads=threads,
            images=tuple(_image(module, arch) for module in modules[:MAX_IMAGES]),
            app=AppInfo(version=values.text(program.get("version"))),
            os=_system(system),
            device=DeviceInfo(arch=arch),
            notes=_notes(found, crash, kind, crashed),
        )
    ]


def _threads(found: dict[str, Any], crash: dict[str, Any]) -> tuple[Thread, ...]:
    """All threads by their place in the dump; the crashed one as `crashing_thread` has it, which tells more of it."""
    own = values.mapping(found.get("crashing_thread"))
    listed = [values.mapping(thread) for thread in values.items(found.get("threads"))]
    number = values.integer(crash.get("crashing_thread"))
    number = values.integer(own.get("threads_index")) if number is None else number
    number = 0 if number is None and own else number
    threads = [
        _thread(own if own and index == number else thread, index, index == number)
        for index, thread in enumerate(listed[:MAX_THREADS])
    ]
    if own and number is not None and not any(thread.is_crashed for thread in threads):
        threads.insert(0, _thread(own, number, True))
    return tuple(threads)


def _thread(thread: dict[str, Any], index: int, is_crashed: bool) -> Thread:
    frames: list[Frame] = []
    listed = [values.mapping(frame) for frame in values.items(thread.get("frames"))]
    for frame in listed:
        frames += _frames(frame)
    registers = values.mapping(listed[0].get("registers")) if listed else {}
    return Thread(
        index=index,
        name=values.text(thread.get("thread_name")),
        is_crashed=is_crashed,
        frames=values.bounded(frames),
        registers={
            values.clean(name): value for name, each in registers.items() if (value := values.address(each)) is not None
        },
    )


def _frames(frame: dict[str, Any]) -> list[Frame]:
    """The functions compiled into the frame's own, innermost first, then that itself."""
    address, function = values.address(frame.get("offset")), values.text(frame.get("function"))
    image, note = values.basename(frame.get("module")), _UNSURE.get(str(frame.get("trust")))
    guess = True if frame.get("trust") in _GUESSED else None
    base = _less(address, values.address(frame.get("module_offset"))) if image else None
    if image is None:
        unloaded = values.items(frame.get("unloaded_modules"))
        image = values.basename(values.mapping(unloaded[0]).get("module")) if unloaded else None
        note = "in a module that was unloaded" if image else note
    offset = values.address(frame.get("function_offset")) if function else None
    inlined = [values.mapping(each) for each in values.items(frame.get("inlines"))]
    return [
        *(
            Frame(
                function=values.text(each.get("function")), file=values.text(each.get("file")),
                line=_line(each), image=image, address=address, image_address=base, note="inlined",
                is_guess=guess,
            ) for each in inlined
        ),
        Frame(
            function=function, file=values.text(frame.get("file")), line=_line(frame), image=image, address=address,
            image_address=base, symbol_address=_less(address, offset), offset=offset, note=note,
            is_guess=guess,
        ),
    ]  # fmt: skip


def _line(frame: dict[str, Any]) -> int | None:
    line = values.integer(frame.get("line"))
    return line if line and line > 0 else None


def _less(address: int | None, offset: int | None) -> int | None:
    return address - offset if address is not None and offset is not None and address >= offset else None


def _image(module: dict[str, Any], arch: str | None) -> BinaryImage:
    path, begin = values.text(module.get("filename")), values.address(module.get("base_addr"))
    return BinaryImage(
        name=values.basename(path),
        path=path,
        debug_id=values.text(module.get("debug_id")) or values.text(module.get("code_id")),
        arch=arch,
        address=begin,
        size=_less(values.address(module.get("end_addr")), begin),
    )


def _message(found: dict[str, Any], crash: dict[str, Any]) -> str | None:
    """The failed assertion, else what macOS' libraries left to be reported."""
    if assertion := values.text(crash.get("assertion")):
        return assertion
    for record in values.items(values.mapping(found.get("mac_crash_info")).get("records")):
        if message := values.text(values.mapping(record).get("message")):
            return message.strip() or None
    return None


def _system(system: dict[str, Any]) -> OsInfo:
    name, version = values.text(system.get("os")), values.text(system.get("os_ver"))
    split = _VERSION_AND_BUILD.match(version) if version and name in ("Mac OS X", "macOS", "iOS") else None
    return OsInfo(name=name, version=split[1] if split else version, build=split[2] if split else None)


def _notes(found: dict[str, Any], crash: dict[str, Any], kind: str, crashed: Thread | None) -> tuple[str, ...]:
    notes = [] if kind else ["The dump names no exception"]
    status, uptime = values.text(found.get("status")), values.integer(found.get("process_uptime"))
    if status and status != "OK":
        notes.append(f"The stack walker says: {status}")
    if not (crashed and crashed.frames):
        notes.append("The log holds no backtrace of the crashed thread")
    if instruction := values.text(crash.get("instruction")):
        notes.append(f"Instruction: {instruction}")
    if release := values.text(values.mapping(found.get("lsb_release")).get("description")):
        notes.append(f"Distribution: {release}")
    if uptime is not None:
        notes.append(f"Process uptime: {uptime}s")
    return tuple(values.clean(note) for note in notes)

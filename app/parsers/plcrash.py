"""PLCrashReporter's own reports (`.plcrash`), which App Center's, HockeyApp's and other SDKs of Apple's systems send.

Source: microsoft/plcrashreporter 1.12, Source/PLCrashReport.proto: the bytes "plcrash", a version, then protobuf.
Names of functions are those of the device's symbol tables. Left out on purpose: paths of processes, numbers of
processors.
"""

from collections.abc import Iterable
from itertools import islice

from app.crashes.log import AppInfo, BinaryImage, CrashLog, DeviceInfo, Fault, Frame, OsInfo, Thread
from app.errors import MalformedLog
from app.parsers import apple_frames, apple_state, values
from app.parsers.apple_names import MACH_EXCEPTIONS, cpu_name, memory_code
from app.parsers.document import Document
from app.parsers.protobuf_wire import ProtobufMessage

FORMAT = "plcrash"
MAX_THREADS = 2_000
MAX_IMAGES = 5_000

_MAGIC = b"plcrash"
_VERSION = 1
_SYSTEMS = {0: "macOS", 1: "iOS", 2: "iOS Simulator", 4: "tvOS"}
_ARCHS = {0: "i386", 1: "x86_64", 2: "armv6", 3: "ppc", 4: "ppc64", 5: "armv7"}
_KERN = {1: "KERN_INVALID_ADDRESS", 2: "KERN_PROTECTION_FAILURE"}
_BAD_ACCESS = 1

# Numbers of the fields of each message.
_SYSTEM, _APP, _THREADS, _IMAGES, _EXCEPTION, _SIGNAL, _PROCESS, _MACHINE, _REPORT, _CUSTOM = range(1, 11)
_OS, _OS_VERSION, _ARCH, _TIMESTAMP, _OS_BUILD = 1, 2, 3, 4, 5
_IDENTIFIER, _APP_VERSION, _MARKETING_VERSION = 1, 2, 3
_THREAD_NUMBER, _FRAMES, _CRASHED, _REGISTERS = 1, 2, 3, 4
_PC, _SYMBOL = 3, 6
_SYMBOL_NAME, _SYMBOL_START = 1, 2
_BASE, _SIZE, _IMAGE_NAME, _UUID, _CODE_TYPE = 1, 2, 3, 4, 5
_NAME, _REASON, _EXCEPTION_FRAMES = 1, 2, 3
_SIGNAL_NAME, _SIGNAL_CODE, _SIGNAL_ADDRESS, _MACH = 1, 2, 3, 4
_PROCESS_NAME, _PROCESS_ID, _PARENT_NAME, _PARENT_ID, _NATIVE, _STARTED = 1, 2, 4, 5, 6, 7
_MODEL, _PROCESSOR = 1, 2
_REQUESTED, _REPORT_ID = 1, 2


def sniff(document: Document) -> bool:
    """True for what begins as PLCrashReporter's file does."""
    return document.raw.startswith(_MAGIC)


def parse(document: Document) -> list[CrashLog]:
    """The one crash report. Raises MalformedLog for a later version, and when it is cut before it tells of a crash."""
    if document.raw[len(_MAGIC) : len(_MAGIC) + 1] != bytes([_VERSION]):
        raise MalformedLog("The PLCrashReporter report is cut short or of a version that is not read")
    report = ProtobufMessage(memoryview(document.raw)[len(_MAGIC) + 1 :])
    images = tuple(_image(entry) for entry in islice(report.messages(_IMAGES), MAX_IMAGES))
    places = apple_frames.Places(images)
    threads = tuple(_thread(entry, places) for entry in islice(report.messages(_THREADS), MAX_THREADS))
    fault = _fault(report, places)
    if fault is None and not any(thread.is_crashed for thread in threads):
        raise MalformedLog("The PLCrashReporter report is cut short before its signal and its crashed thread")
    return [_report(report, fault, threads, images)]


def _report(
    report: ProtobufMessage, fault: Fault | None, threads: tuple[Thread, ...], images: tuple[BinaryImage, ...]
) -> CrashLog:
    empty = ProtobufMessage(b"")
    system, app = report.message(_SYSTEM) or empty, report.message(_APP) or empty
    process, machine = report.message(_PROCESS) or empty, report.message(_MACHINE) or empty
    version, marketing = app.text(_APP_VERSION), app.text(_MARKETING_VERSION)
    processor, custom, damage = machine.message(_PROCESSOR), report.text(_CUSTOM), report.wire.damage
    head = report.message(_REPORT) or empty
    parent = process.text(_PARENT_NAME)
    return CrashLog(
        format=FORMAT,
        platform="apple",
        report_id=next((part.hex() for part in head.parts(_REPORT_ID)), None),
        occurred_at=values.unix_time(system.integer(_TIMESTAMP)) if system.integer(_TIMESTAMP) else None,
        started_at=values.unix_time(process.integer(_STARTED)) if process.integer(_STARTED) else None,
        level=None if fault is None or fault.handled else "fatal",
        process=process.text(_PROCESS_NAME),
        process_id=process.integer(_PROCESS_ID) or None,
        faults=(fault,) if fault else (),
        threads=threads,
        images=images,
        app=AppInfo(app.text(_IDENTIFIER), None, marketing or version, version if marketing else None),
        os=OsInfo(_SYSTEMS.get(system.integer(_OS)), system.text(_OS_VERSION), system.text(_OS_BUILD)),
        device=DeviceInfo(model=machine.text(_MODEL), arch=_arch(processor) or _ARCHS.get(system.integer(_ARCH))),
        details=apple_state.present({
            "parent_process": f"{parent} [{process.integer(_PARENT_ID)}]" if parent else None,
            "translated": True if report.message(_PROCESS) and not process.integer(_NATIVE) else None,
        }),
        custom={"custom_data": custom} if custom else {},
        notes=(f"The report is not whole: {damage}",) if damage else (),
    )  # fmt: skip


def _fault(report: ProtobufMessage, places: apple_frames.Places) -> Fault | None:
    signal, exception = report.message(_SIGNAL), report.message(_EXCEPTION)
    head = report.message(_REPORT)
    if head and head.integer(_REQUESTED):
        return Fault(type="Report requested", handled=True, mechanism="request")
    if signal is None and exception is None:
        return None
    mach = signal.message(_MACH) if signal else None
    kind = MACH_EXCEPTIONS.get(mach.integer(1), f"EXC_{mach.integer(1)}") if mach else None
    name = signal.text(_SIGNAL_NAME) if signal else None
    if exception:
        frames = _frames(exception.messages(_EXCEPTION_FRAMES), places)
        title = exception.text(_NAME)
        return Fault(
            title or kind or name, exception.text(_REASON), frames, signal=name, code=_code(signal, mach),
            handled=False, mechanism="nsexception",
        )  # fmt: skip
    return Fault(
        kind or name, signal=name, code=_code(signal, mach), handled=False, mechanism="mach" if kind else "signal"
    )


def _code(signal: ProtobufMessage | None, mach: ProtobufMessage | None) -> str | None:
    """The Mach code of a bad access, else the signal's, with the address where it says something."""
    if signal is None:
        return None
    address = signal.integer(_SIGNAL_ADDRESS)
    if mach and mach.integer(1) == _BAD_ACCESS:
        codes = mach.integers(2)
        code = _KERN.get(codes[0], f"{codes[0]:#x}") if codes else None
        return memory_code(code, codes[1] if len(codes) > 1 else address)
    code = signal.text(_SIGNAL_CODE)
    code = None if code and code.startswith("#") else code  # a number without a name says nothing
    return memory_code(code, address) if signal.text(_SIGNAL_NAME) in ("SIGSEGV", "SIGBUS") else code


def _thread(entry: ProtobufMessage, places: apple_frames.Places) -> Thread:
    registers = {name: each.integer(2) for each in entry.messages(_REGISTERS) if (name := each.text(1))}
    return Thread(
        index=entry.integer(_THREAD_NUMBER) & 0xFFFFFFFF,
        is_crashed=bool(entry.integer(_CRASHED)),
        frames=_frames(entry.messages(_FRAMES), places),
        registers=registers,
    )


def _frames(entries: Iterable[ProtobufMessage], places: apple_frames.Places) -> tuple[Frame, ...]:
    return values.bounded(list(places.place(tuple(_frame(entry) for entry in islice(entries, values.MAX_FRAMES * 10)))))


def _frame(entry: ProtobufMessage) -> Frame:
    at, symbol = entry.integer(_PC), entry.message(_SYMBOL)
    name = symbol.text(_SYMBOL_NAME) if symbol else None
    start = symbol.integer(_SYMBOL_START) if symbol else 0
    if name is None:
        return Frame(address=at)
    name = name[1:] if name.startswith("_") and len(name) > 1 else name  # the underscore that Mach-O sets before names
    is_known = 0 < start <= at
    return Frame(name, address=at, symbol_address=start if is_known else None, offset=at - start if is_known else None)


def _image(entry: ProtobufMessage) -> BinaryImage:
    path, code_type = entry.text(_IMAGE_NAME), entry.message(_CODE_TYPE)
    return BinaryImage(
        name=values.basename(path),
        path=path if path and "/" in path else None,
        debug_id=next((part.hex() for part in entry.parts(_UUID)), None),
        arch=_arch(code_type),
        address=entry.integer(_BASE),
        size=entry.integer(_SIZE) or None,
    )


def _arch(processor: ProtobufMessage | None) -> str | None:
    return cpu_name(processor.integer(2), processor.integer(3)) if processor else None

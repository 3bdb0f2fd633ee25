"""Minidumps: what Breakpad, Crashpad and Windows write of a native crash.

Source: Microsoft's minidumpapiset.h, Breakpad's minidump_format.h and Crashpad's minidump_extensions.h (2024). A dump has
no function names: frames are addresses in images, with the images' debug ids, and their notes say how they were found.
Left out on purpose: handles, environment and command line (secrets stand there), unloaded modules, floating point
registers, memory but the stacks; dumps of big-endian machines.
"""

from dataclasses import replace

from app.crashes.log import AppInfo, CrashLog, DeviceInfo, Fault, Frame, Json, Thread
from app.errors import MalformedLog
from app.parsers import minidump_streams as streams
from app.parsers import values
from app.parsers.document import Document
from app.parsers.minidump_annotations import Annotations, read_annotations, with_annotations
from app.parsers.minidump_codes import details_of, fault_of
from app.parsers.minidump_reader import Dump
from app.parsers.minidump_registers import Cpu, cpu_of, read_registers
from app.parsers.minidump_stack import Code, FindRules, Stack, StackBudget, walk_stack

FORMAT = "minidump"

_SIGNATURE = b"MDMP"
_APP_NAMES = ("prod", "_productName", "ProductName", "product")
_APP_VERSIONS = ("ver", "_version", "Version", "version")


def sniff(document: Document) -> bool:
    """True for what begins as a minidump does."""
    return document.raw.startswith(_SIGNATURE)


def parse(document: Document) -> list[CrashLog]:
    """The one crash report of the dump. Raises MalformedLog when it is cut short or tells of nothing."""
    return [parse_dump(document.raw)]


def parse_dump(raw: bytes) -> CrashLog:
    """The same of bytes that may be part of another log. Raises MalformedLog."""
    if not raw.startswith(_SIGNATURE):
        raise MalformedLog("The minidump does not begin as one")
    dump = Dump(raw)
    exception, listed = streams.exception(dump), streams.threads(dump)
    if exception is None and not listed:
        raise MalformedLog("The minidump names no exception and no thread")
    system = streams.system(dump)
    cpu = cpu_of(system.cpu, is_apple=system.family == "apple")
    images = streams.modules(dump, cpu.name if cpu else None)
    crashed = exception.thread if exception else streams.requesting_thread(dump)
    executable = streams.executable(dump)

    def walked(find: FindRules | None, chosen: list[streams.RawThread]) -> tuple[Thread, ...]:
        code = Code(cpu, images, executable, find, is_windows=system.family == "windows") if cpu else None
        return _threads(dump, cpu, code, chosen, crashed, exception)

    threads = walked(None, listed)

    def walk(find: FindRules, *, only_crash: bool) -> tuple[Thread, ...]:
        if not only_crash:
            return walked(find, listed)
        again = {thread.index: thread for thread in walked(find, [raw for raw in listed if raw.id == crashed])}
        return tuple(again.get(one.index, one) if one.is_crashed else one for one in threads)

    added = read_annotations(dump, images)
    process_id, start = streams.process(dump)
    fault = _fault(dump, system.family, cpu, exception)
    if fault and system.family == "apple":
        fault = with_annotations(fault, added)
    return CrashLog(
        format=FORMAT,
        platform="native",
        report_id=added.report_id,
        occurred_at=values.unix_time(dump.time) if dump.time else None,
        started_at=values.unix_time(start) if start else None,
        level="fatal" if fault and fault.handled is False else None,
        process=streams.program(images),
        process_id=process_id,
        faults=(fault,) if fault else (),
        threads=threads,
        images=images,
        app=AppInfo(name=added.first(*_APP_NAMES), version=added.first(*_APP_VERSIONS)),
        os=system.os,
        device=DeviceInfo(arch=cpu.name if cpu else None, install_id=added.client_id or added.first("guid")),
        details=details_of(system.family, exception.code, _info(cpu, exception)) if exception else {},
        custom=_custom(added),
        notes=_notes(cpu, threads, has_exception=exception is not None),
        walk=walk if cpu else None,
    )


def _fault(dump: Dump, family: str, cpu: Cpu | None, exception: streams.RawException | None) -> Fault | None:
    if exception is None:
        return None
    fault = fault_of(family, exception.code, exception.flags, exception.address & _mask(cpu), _info(cpu, exception))
    return replace(fault, message=streams.assertion(dump))


def _mask(cpu: Cpu | None) -> int:
    return (1 << 8 * cpu.width) - 1 if cpu else values.MAX_ADDRESS  # some writers extend the sign of 32-bit addresses


def _info(cpu: Cpu | None, exception: streams.RawException) -> tuple[int, ...]:
    return tuple(number & _mask(cpu) for number in exception.info)


def _threads(
    dump: Dump,
    cpu: Cpu | None,
    code: Code | None,
    listed: list[streams.RawThread],
    crashed: int | None,
    exception: streams.RawException | None,
) -> tuple[Thread, ...]:
    """The threads in the dump's order; the crashed one's stack is read first, while the budget is whole."""
    names, regions, budget = streams.thread_names(dump), streams.regions(dump), StackBudget()
    order = sorted(range(len(listed)), key=lambda index: listed[index].id != crashed)
    found: dict[int, Thread] = {}
    for index in order:
        raw = listed[index]
        is_crashed = raw.id == crashed and not any(thread.is_crashed for thread in list(found.values())[:1])
        registers = _registers(dump, cpu, exception.context) if is_crashed and exception else {}
        registers = registers or _registers(dump, cpu, raw.context)
        frames: tuple[Frame, ...] = ()
        if cpu and code and registers:
            frames = walk_stack(cpu, registers, _stack(dump, cpu, raw, registers[cpu.sp], regions, budget), code)
        found[index] = Thread(
            index=raw.id, name=names.get(raw.id), is_crashed=is_crashed, frames=frames, registers=registers
        )
    if exception and not any(thread.is_crashed for thread in found.values()):  # not among those that are listed
        registers = _registers(dump, cpu, exception.context)
        frames = walk_stack(cpu, registers, None, code) if cpu and code and registers else ()
        found[-1] = Thread(index=exception.thread, is_crashed=True, frames=frames, registers=registers)
    return tuple(found[index] for index in sorted(found))


def _registers(dump: Dump, cpu: Cpu | None, place: tuple[int, int]) -> dict[str, int]:
    return read_registers(dump.raw, cpu, place) if place[0] else {}


def _stack(
    dump: Dump, cpu: Cpu, raw: streams.RawThread, sp: int, regions: streams.Regions, budget: StackBudget
) -> Stack | None:
    """The memory around the stack pointer: the thread's own, else what the lists of memory hold."""
    start, size, at = raw.stack
    if at and start <= sp < start + size and at < dump.size:
        return Stack(dump.raw, cpu.width, start, size, at, budget)
    region = regions.around(sp)
    return Stack(dump.raw, cpu.width, *region, budget) if region else None


def _custom(added: Annotations) -> dict[str, Json]:
    custom = dict(added.texts)
    if added.modules:
        custom["annotations of images"] = added.modules
    return custom


def _notes(cpu: Cpu | None, threads: tuple[Thread, ...], *, has_exception: bool) -> tuple[str, ...]:
    notes = [] if has_exception else ["The minidump names no exception: it was made on request"]
    crashed = next((thread for thread in threads if thread.is_crashed), None)
    if cpu is None:
        notes.append("The registers of this processor are not read")
    elif crashed and not crashed.registers:
        notes.append("The registers of the crashed thread are not in the minidump")
    elif crashed and len(crashed.frames) < 2:
        notes.append("The stack of the crashed thread is not in the minidump, or holds no return address")
    return tuple(notes)

"""Android tombstones as protobuf (`tombstone_00.pb`, ApplicationExitInfo's trace of a native crash), Android 12 to 16.

Source: AOSP `system/core/debuggerd/proto/tombstone.proto`. What the text form tells too is made of it the same way; what
only this form tells are run-time addresses and the load address and size of every image with a build id. Left out on
purpose: memory, stack history, open files, crash details and the threads of a guest architecture.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

from app.crashes.log import BinaryImage, CrashLog
from app.parsers import native_text, tombstone_block, tombstone_log, values
from app.parsers.document import Document
from app.parsers.native_text import NativeFrame
from app.parsers.protobuf_wire import ProtobufMessage, Wire
from app.parsers.tombstone_block import OpenThread, TombstoneBlock

FORMAT = "android-tombstone-proto"
MAX_IMAGES = 5_000
MAX_FRAMES = 10_000  # read of one thread; debuggerd writes 256

_FIRST_KEYS = (0x08, 0x12, 0x1A, 0x22)  # debuggerd writes fields in the order of their numbers: one of 1 to 4 is first
_SNIFFED = 4_096  # bytes within which the fields lie that tell a tombstone
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_ABIS = {0: "arm", 1: "arm64", 2: "x86", 3: "x86_64", 4: "riscv64"}
_BITS_32 = ("arm", "x86")

# Numbers of the fields of each message.
_ARCH, _FINGERPRINT, _REVISION, _TIMESTAMP, _PID, _TID, _COMMAND_LINE, _SIGNAL, _ABORT = 1, 2, 3, 4, 5, 6, 9, 10, 14
_CAUSES, _THREADS, _MAPPINGS, _UPTIME, _EXECUTABLE, _KERNEL = 15, 16, 17, 20, 27, 28
_MAP_KEY, _MAP_VALUE = 1, 2
_SIGNAL_NUMBER, _SIGNAL_NAME, _SIGNAL_CODE, _SIGNAL_CODE_NAME, _HAS_FAULT_ADDRESS, _FAULT_ADDRESS = 1, 2, 3, 4, 8, 9
_HUMAN_READABLE, _MEMORY_ERROR, _HEAP = 1, 2, 3
_MEMORY_STACKS = (
    ("deallocation", "deallocated", 5, 6),
    ("allocation", "allocated", 3, 4),
)  # kind, word, thread, backtrace
_THREAD_ID, _THREAD_NAME, _REGISTERS, _BACKTRACE = 1, 2, 3, 4
_REGISTER_NAME, _REGISTER_VALUE = 1, 2
_REL_PC, _PC, _FUNCTION, _FUNCTION_OFFSET, _FILE, _BUILD_ID = 1, 2, 4, 5, 6, 8
_BEGIN, _END, _MAPPING_NAME, _MAPPING_BUILD_ID = 1, 2, 7, 8


def sniff(document: Document) -> bool:
    """True for protobuf with a process, a thread and a time of day where a tombstone has them, and no text."""
    raw = document.raw
    if not raw or raw[0] not in _FIRST_KEYS or document.text is not None:
        return False
    head = ProtobufMessage(raw[:_SNIFFED], Wire(max_fields=64))
    time = head.text(_TIMESTAMP) or ""
    return bool(_TIME.match(time)) and head.integer(_ARCH) < 16 and head.integer(_PID) > 0 and head.integer(_TID) > 0


def parse(document: Document) -> list[CrashLog]:
    """The crash report. Raises MalformedLog when the tombstone is cut before it tells of a crash."""
    tombstone = ProtobufMessage(document.raw)
    arch = _ABIS.get(tombstone.integer(_ARCH))
    command = tombstone.texts(_COMMAND_LINE)
    block = TombstoneBlock(
        facts=_facts(tombstone, arch),
        threads=_threads(tombstone),
        process=command[0] if command else None,
        pid=tombstone.integer(_PID) or None,
        signal=_signal(tombstone, arch),
    )
    cause = tombstone.message(_CAUSES)  # the likeliest
    heap = (error.message(_HEAP) if (error := cause.message(_MEMORY_ERROR)) else None) if cause else None
    if heap:
        for kind, word, thread, backtrace in _MEMORY_STACKS:
            made = _frames(heap, backtrace)
            if made:
                block.memory[kind] = (f"{word} by thread {heap.integer(thread)}", made)
    abort = tombstone.text(_ABORT)
    block.abort = f"'{abort}'" if abort else None
    report = tombstone_block.report(block, FORMAT)
    frames = [frame for thread in block.threads for frame in thread.frames]
    frames += [frame for _, memory in block.memory.values() for frame in memory]
    mapped = _mapped_images(tombstone, {frame.path for frame in frames if frame.path}, arch)
    paths = {image.path for image in mapped}
    images = (*mapped, *(image for image in report.images if image.path not in paths))
    damage = tombstone.wire.damage
    notes = (*report.notes, f"The tombstone is not whole: {damage}") if damage else report.notes
    crumbs = () if document.brief else tombstone_log.of_proto(tombstone)
    return [replace(report, images=images, breadcrumbs=crumbs, notes=notes)]


def _facts(tombstone: ProtobufMessage, arch: str | None) -> dict[str, str]:
    """What the text form has as `Key: value`."""
    causes = (cause.text(_HUMAN_READABLE) for cause in tombstone.messages(_CAUSES))
    uptime = tombstone.integer(_UPTIME)
    facts = {
        "Build fingerprint": tombstone.text(_FINGERPRINT),
        "Revision": tombstone.text(_REVISION),
        "ABI": arch,
        "Timestamp": tombstone.text(_TIMESTAMP),
        "Process uptime": f"{uptime}s" if uptime else None,
        "Cause": next((cause for cause in causes if cause), None),
        "Executable": tombstone.text(_EXECUTABLE),
        "Kernel Release": tombstone.text(_KERNEL),
    }
    return {key: value for key, value in facts.items() if value}


def _signal(tombstone: ProtobufMessage, arch: str | None) -> dict[str, str | None] | None:
    signal = tombstone.message(_SIGNAL)
    if signal is None:
        return None
    digits = 8 if arch in _BITS_32 else 16
    return {
        "name": signal.text(_SIGNAL_NAME) or f"signal {signal.signed(_SIGNAL_NUMBER)}",
        "code": str(signal.signed(_SIGNAL_CODE)),
        "code_name": signal.text(_SIGNAL_CODE_NAME),
        "address": f"0x{signal.integer(_FAULT_ADDRESS):0{digits}x}" if signal.integer(_HAS_FAULT_ADDRESS) else None,
    }


def _threads(tombstone: ProtobufMessage) -> list[OpenThread]:
    """The crashed thread first, without frames where the file has lost it; then the others in their order."""
    crashed_id = tombstone.integer(_TID)
    crashed: OpenThread | None = None
    others: list[OpenThread] = []
    for entry in tombstone.messages(_THREADS):
        thread = entry.message(_MAP_VALUE)
        if thread is None:
            continue
        identifier = thread.integer(_THREAD_ID) or entry.integer(_MAP_KEY)
        if crashed is None and identifier == crashed_id:
            crashed = _thread(thread, identifier)
        elif len(others) < tombstone_block.MAX_THREADS - 1:
            others.append(_thread(thread, identifier))
    return [crashed or OpenThread(values.integer(crashed_id), None), *others]


def _thread(thread: ProtobufMessage, identifier: int) -> OpenThread:
    registers = {
        name: register.integer(_REGISTER_VALUE)
        for register in thread.messages(_REGISTERS)
        if (name := register.text(_REGISTER_NAME))
    }
    frames = _frames(thread, _BACKTRACE)
    return OpenThread(values.integer(identifier), thread.text(_THREAD_NAME), frames, registers=registers)


def _frames(message: ProtobufMessage, field: int) -> list[NativeFrame]:
    return [_frame(number, frame) for number, frame in enumerate(islice(message.messages(field), MAX_FRAMES))]


def _frame(number: int, frame: ProtobufMessage) -> NativeFrame:
    """The frame at its run-time address; what is left of it without `image_address` is what symbols are looked up by."""
    relative, pc, function = frame.integer(_REL_PC), frame.integer(_PC), frame.text(_FUNCTION)
    offset = frame.integer(_FUNCTION_OFFSET) if function else None
    made = native_text.unwound_frame(
        number, relative, frame.text(_FILE) or "<unknown>", function, offset, frame.text(_BUILD_ID)
    )
    if pc >= relative and made.frame.image:
        made.frame = replace(made.frame, address=pc, image_address=pc - relative)
    return made


def _mapped_images(tombstone: ProtobufMessage, on_stacks: Iterable[str], arch: str | None) -> tuple[BinaryImage, ...]:
    """What is mapped with a build id, and what stacks name: neighbouring mappings of one file are one image."""
    wanted = set(on_stacks)
    images: list[BinaryImage] = []
    last: str | None = None  # the file of the last image, while the mappings are still its own
    for mapping in tombstone.messages(_MAPPINGS):
        path, build_id = mapping.text(_MAPPING_NAME), mapping.text(_MAPPING_BUILD_ID)
        if path is None or path.startswith(("[", "<")):
            continue  # memory of no file, also between two parts of an image
        begin, end = mapping.integer(_BEGIN), mapping.integer(_END)
        if path == last and end >= (images[-1].address or 0):
            size = end - (images[-1].address or 0)
            images[-1] = replace(images[-1], size=size, debug_id=images[-1].debug_id or build_id)
            continue
        last = None
        if (build_id or path in wanted) and len(images) < MAX_IMAGES and end >= begin:
            wanted -= (
                set() if build_id else {path}
            )  # of a file mapped here and there, as archives are, the first counts
            name = native_text.image_name(path)
            images.append(BinaryImage(name, path, build_id, arch, address=begin, size=end - begin))
            last = path
    return tuple(images)

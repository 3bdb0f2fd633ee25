"""The lines that Android's debuggerd, libunwindstack, ART and the sanitizers print for native code: frames and registers.

Source: AOSP `system/unwinding/libunwindstack/Unwinder.cpp` (FormatFrame) and `system/core/debuggerd` (Android 4.4 to 16);
xCrash 2.4; compiler-rt's stack trace printer (`#0 0x1234 in function file:line:column`).
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from app.crashes.log import BinaryImage, Frame
from app.parsers import values

_MAX_LINE = 8_000  # characters of a frame that are read: C++ names reach some thousands
_FRAME = re.compile(
    r"[ \t]*(?:native: )?#(?P<number>\d{1,6})[ \t]{1,8}pc (?:0x)?(?P<pc>[0-9a-fA-F]{1,16})(?P<rest>.*)$"
)
_SANITIZER_FRAME = re.compile(r"[ \t]*#(?P<number>\d{1,6}) 0x(?P<pc>[0-9a-fA-F]{1,16})(?P<rest>.*)$")
_RACE_FRAME = re.compile(
    r"[ \t]*#(?P<number>\d{1,6}) (?P<rest>[^\s0-9].*\+0x(?P<pc>[0-9a-fA-F]{1,16})\)(?: \(BuildId: .*)?)$"
)
_UNITY_FRAME = re.compile(
    r"[ \t]*at (?P<image>lib[\w+-]{1,200})\."
    r"(?:(?:0x(?=[0-9a-fA-F])|(?=[0-9a-f]{8,16}\())(?P<pc>[0-9a-fA-F]{1,16})|(?P<function>[\w$~:<>]{1,1000}))"
    r"\((?:Native Method|(?P=function):(?P<offset>\d{1,9}))\)[ \t]*$"
)
_MODULE_OFFSET = re.compile(r"\((?P<path>[^()]{1,1000}?)\+0x(?P<offset>[0-9a-fA-F]{1,16})\)")
_SOURCE = re.compile(
    r"[ \t](?P<file>(?:[A-Za-z]:)?[^\s:()]{1,1000}\.\w{1,10})(?::(?P<line>\d{1,9}))?(?::(?P<column>\d{1,9}))?[ \t]*$"
)
_BUILD_ID = re.compile(r"\(BuildId: (?P<id>[0-9a-fA-F]{8,64})")
_REGISTER = re.compile(
    r"(?<![\w.])(?P<name>[a-z][a-z0-9_]{0,7})[ \t]{1,4}(?P<value>[0-9a-f]{8}(?:[0-9a-f]{8})?)(?![\w'.])"
)
_DEX_IMAGE = re.compile(r"\.(?:apk|jar|dex|odex|oat|vdex|zip)$|jit-cache|jit-code-cache|\.dex extracted", re.IGNORECASE)
_JAVA_NAME = re.compile(r"(?:[^\W\d][\w$-]*\.)+[\w$<>-]+$")
_ARCHITECTURES = {
    "arm64-v8a": "arm64",
    "armeabi-v7a": "arm",
    "armeabi": "arm",
    "x86-64": "x86_64",
}  # the rest are alike


class NativeFrame:
    """One frame as the log prints it, with what it tells of its image."""

    __slots__ = ("build_id", "frame", "number", "path")

    def __init__(self, number: int, frame: Frame, path: str | None, build_id: str | None) -> None:
        self.number, self.frame, self.path, self.build_id = number, frame, path, build_id


def read_frame(line: str) -> NativeFrame | None:
    """The frame on the line, or None. Its address counts from the start of its image, which is at 0 then."""
    found = _FRAME.match(line[:_MAX_LINE])
    if found:
        return _unwound(found)
    found = _SANITIZER_FRAME.match(line[:_MAX_LINE])
    if found:
        return _of_sanitizer(found)
    found = _RACE_FRAME.match(line[:_MAX_LINE])  # ThreadSanitizer prints no run-time address
    return _of_sanitizer(found) if found and _MODULE_OFFSET.search(found["rest"]) else None


def read_unity_frame(line: str) -> NativeFrame | None:
    """The frame on a line that Unity throws as if it were Java's, `at libunity.0x1234(Native Method)`, or None.

    Before 2019 it printed the place in eight digits or sixteen without 0x.
    """
    found = _UNITY_FRAME.match(line[:_MAX_LINE])
    if not found:
        return None
    image, pc, function = f"{found['image']}.so", found["pc"], found["function"]
    frame = Frame(
        function=function, image=image, address=int(pc, 16) if pc else None, image_address=0 if pc else None,
        offset=int(found["offset"]) if found["offset"] else None,
    )  # fmt: skip
    return NativeFrame(0, frame, image, None)


def _unwound(found: re.Match[str]) -> NativeFrame:
    path, groups = _path_and_groups(found["rest"].strip())
    function, offset, build_id = None, None, None
    for group in groups:
        name, plus, digits = group.rpartition("+")
        if group.startswith("BuildId: "):
            build_id = values.text(group[9:].split(".")[0].strip())
        elif group.startswith("offset 0x") or group == "deleted":
            continue
        elif plus and digits.isascii() and digits.isdecimal() and len(digits) < 18:
            function, offset = values.text(name), int(digits)
        elif function is None:
            function = values.text(group)
    return unwound_frame(int(found["number"]), int(found["pc"], 16), path, function, offset, build_id)


def unwound_frame(
    number: int, pc: int, path: str | None, function: str | None, offset: int | None, build_id: str | None
) -> NativeFrame:
    """A frame as libunwindstack tells it: `pc` counts from the start of the image, `offset` from that of the function."""
    image = image_name(path)
    module, function = _java_name(function, image)
    frame = Frame(
        function=function, module=module, image=image, address=pc,
        image_address=0 if image else None, offset=offset if function else None,
    )  # fmt: skip
    return NativeFrame(number, frame, path, build_id)


def _of_sanitizer(found: re.Match[str]) -> NativeFrame:
    rest, address = found["rest"], int(found["pc"], 16)
    build_id = _BUILD_ID.search(rest)
    rest = rest[: build_id.start()] if build_id else rest
    module = next(iter(_MODULE_OFFSET.finditer(rest)), None)
    path = module["path"].strip() if module else None
    rest = rest[: module.start()] if module else rest
    source = _SOURCE.search(rest)
    name = rest[: source.start()] if source else rest
    function = values.text(
        name.strip().removeprefix("in ").removeprefix("in").strip().removesuffix("(<unknown module>)").strip()
    )
    frame = Frame(
        function=function,
        file=values.text(source["file"]) if source else None,
        line=int(source["line"]) or None if source and source["line"] else None,
        column=int(source["column"]) or None if source and source["column"] else None,
        image=image_name(path),
        address=address,
        image_address=address - int(module["offset"], 16) if module and address >= int(module["offset"], 16) else None,
    )
    return NativeFrame(int(found["number"]), frame, path, build_id["id"] if build_id else None)


def _path_and_groups(rest: str) -> tuple[str | None, list[str]]:
    """The path and the texts in the brackets behind it; a function's own brackets are part of its text."""
    start = rest.find(" (")
    if start < 0:
        return rest or None, []
    groups, depth, begin = [], 0, 0
    for position in range(start, len(rest)):
        if rest[position] == "(":
            depth += 1
            begin = position + 1 if depth == 1 else begin
        elif rest[position] == ")" and depth:
            depth -= 1
            if depth == 0:
                groups.append(rest[begin:position])
    if depth:  # cut short
        groups.append(rest[begin:])
    return rest[:start].strip() or None, groups


def image_name(path: str | None) -> str | None:
    """The file name of an image; of a library inside an archive (`base.apk!libfoo.so`) the library's."""
    if not path or path in ("???", "[unknown]"):
        return None
    if path.startswith(("[", "<")):
        return "<anonymous>" if path.startswith("<anonymous:") else values.text(path)
    return values.basename(path.split("!")[-1].removesuffix(" (deleted)"))


def _java_name(function: str | None, image: str | None) -> tuple[str | None, str | None]:
    """Class and method of a Java frame, which libunwindstack prints like any other: recognised by its image."""
    if not function or not image or not _DEX_IMAGE.search(image) or not _JAVA_NAME.match(function):
        return None, function
    module, _, method = function.rpartition(".")
    return module, method


def read_registers(line: str) -> dict[str, int]:
    """The registers on a line `x0  0000…  x1  0000…`; empty when it is none."""
    stripped = line[:400].strip()
    found = _REGISTER.findall(stripped)
    if not found or len("".join(f"{name}{value}" for name, value in found)) < len(re.sub(r"\s", "", stripped)):
        return {}
    return {name: int(value, 16) for name, value in found}


def images_of(
    frames: Iterable[NativeFrame], build_ids: dict[str, str] | None = None, arch: str | None = None
) -> tuple[BinaryImage, ...]:
    """One image per path that the frames name, with its build id; where it was loaded is unknown."""
    images: dict[str, BinaryImage] = {}
    for each in frames:
        if not each.path or not each.frame.image or each.path.startswith(("[", "<")):
            continue
        known = images.get(each.path)
        debug_id = each.build_id or (build_ids or {}).get(each.path)
        if known is None:
            images[each.path] = BinaryImage(
                name=each.frame.image, path=values.text(each.path), debug_id=debug_id, arch=arch
            )
        elif known.debug_id is None and debug_id:
            images[each.path] = replace(known, debug_id=debug_id)
    return tuple(images.values())


def architecture(abi: str | None) -> str | None:
    """The architecture behind an Android ABI name."""
    name = (abi or "").strip().strip("'")
    return _ARCHITECTURES.get(name.lower(), name or None)

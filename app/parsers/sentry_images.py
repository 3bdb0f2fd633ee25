"""Binary images, mappings and source maps that a Sentry event names.

Source: https://develop.sentry.dev/sdk/data-model/event-payloads/ (debugmeta; 2024) and the camelCase keys of Sentry's web
API.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from operator import itemgetter
from typing import Any

from app.crashes.log import BinaryImage, Frame, SourceMapRef
from app.parsers import values

MAX_SOURCE_MAPS = 1_000  # kept of one event
MAX_BUNDLES = 100  # of sources, likewise: one for each module of the app
MAX_NAMED = 1_000  # images kept of one event that only its frames name
# By Mach cpu_type: only those that mean the same on every system.
_ARCHITECTURES = {7: "x86", 12: "arm", 16_777_223: "x86_64", 16_777_228: "arm64", 33_554_444: "arm64_32"}
Span = tuple[int, int, str]


def pick(values_by_key: dict[str, Any], *keys: str) -> Any:
    """The first value of these keys that is not null."""
    for key in keys:
        value = values_by_key.get(key)
        if value is not None:
            return value
    return None


def images(debug_meta: Any) -> tuple[BinaryImage, ...]:
    """The executables and libraries; entries that are only a mapping file or source map are none."""
    listed = values.items(values.mapping(debug_meta).get("images"))
    return tuple(_image(entry) for entry in listed if isinstance(entry, dict) and _is_binary(entry))


def named_by_frames(listed: Iterable[dict[str, Any]], known: tuple[BinaryImage, ...]) -> tuple[BinaryImage, ...]:
    """The images that frames of exceptions and threads tell the path of, and `debug_meta` does not list."""
    names = {image.name for image in known}
    found: dict[str, BinaryImage] = {}
    for entry in listed:
        for frame in values.items(values.mapping(entry.get("stacktrace")).get("frames")):
            path = values.mapping(frame).get("package")
            if isinstance(path, str) and ("/" in path or "\\" in path) and len(found) < MAX_NAMED:
                name = image_name(path)
                if name and name not in names:
                    found.setdefault(name, BinaryImage(name, values.text(path)))
    return tuple(found.values())


def mappings(debug_meta: Any) -> tuple[str, ...]:
    """Ids of the mapping files that the build made."""
    listed = values.items(values.mapping(debug_meta).get("images"))
    ids = (
        values.text(pick(one, "uuid", "debug_id"))
        for one in map(values.mapping, listed)
        if one.get("type") == "proguard"
    )
    return tuple(found for found in ids if found)


def source_bundles(debug_meta: Any) -> tuple[str, ...]:
    """Ids of the bundles of sources of Java and Kotlin that the build made."""
    listed = values.items(values.mapping(debug_meta).get("images"))
    found = (
        values.text(pick(one, "debug_id", "debugId")) for one in map(values.mapping, listed) if one.get("type") == "jvm"
    )
    return tuple(islice((one for one in found if one), MAX_BUNDLES))


def source_maps(debug_meta: Any) -> tuple[SourceMapRef, ...]:
    """The source maps of scripts, as SDKs name them that were built in."""
    listed = values.items(values.mapping(debug_meta).get("images"))[:MAX_SOURCE_MAPS]
    named = (
        (values.text(pick(one, "code_file", "codeFile")), values.text(pick(one, "debug_id", "debugId")))
        for one in map(values.mapping, listed)
        if one.get("type") == "sourcemap"
    )
    return tuple(SourceMapRef(file, debug_id) for file, debug_id in named if file and debug_id)


def spans(loaded: tuple[BinaryImage, ...]) -> list[Span]:
    """The address, size and name of the images, by address."""
    return sorted((image.address, image.size, image.name or "") for image in loaded if image.address and image.size)


def located(stack: tuple[Frame, ...], loaded: list[Span]) -> tuple[Frame, ...]:
    """The same frames with the image whose addresses hold them, where the SDK (sentry-native) gives no more."""
    if not loaded:
        return stack
    found = []
    for frame in stack:
        place = bisect_right(loaded, frame.address or 0, key=itemgetter(0)) - 1
        if frame.address is not None and frame.image is None and frame.image_address is None and place >= 0:
            start, size, name = loaded[place]
            if frame.address < start + size:
                offset = frame.address - start if frame.offset is None else frame.offset
                frame = replace(frame, image=name or None, image_address=start, offset=offset)
        found.append(frame)
    return tuple(found)


def _is_binary(entry: dict[str, Any]) -> bool:
    return entry.get("type") not in ("proguard", "sourcemap", "jvm") and (
        pick(entry, "image_addr", "imageAddr", "code_file", "codeFile", "name", "debug_file", "debugFile") is not None
    )


def _image(entry: dict[str, Any]) -> BinaryImage:
    path = values.text(pick(entry, "code_file", "codeFile", "name", "debug_file", "debugFile"))
    return BinaryImage(
        name=values.basename(path),
        path=path,
        debug_id=values.text(pick(entry, "debug_id", "debugId", "uuid", "code_id", "codeId")),
        arch=values.text(entry.get("arch")) or _ARCHITECTURES.get(values.integer(entry.get("cpu_type")) or 0),
        address=values.address(pick(entry, "image_addr", "imageAddr")),
        size=values.address(pick(entry, "image_size", "imageSize")),
    )


def image_name(package: Any) -> str | None:
    """The file of the image; of a .NET assembly the name without version and key."""
    name = values.text(package)
    return values.basename(name.partition(", Version=")[0]) if name else None

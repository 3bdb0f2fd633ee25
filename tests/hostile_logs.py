"""Logs of any size that are made to cost their reader as much as they can: one piece of a sample, over and over.

Each shape takes a sample and gives functions from a size in bytes to a log of about that size.
"""

import json
import struct
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from app.samples import samples

Made = Callable[[int], bytes]
RUNS = (
    " ",
    "\t",
    "1",
    "a",
    "\\",
    '"',
    "(",
    ")",
    "<",
    "[",
    ":",
    ".",
    "0x",
    "at ",
    "a.",
    "::",
    "\u00e9",
    "\\n",
    "{",
    "- ",
    "#1 ",
)
DEEP = 190  # levels, of the 200 that are read
BLOCKS = (1, 4, 16, 64, 256)  # bytes of a binary log that are repeated


def hostile_logs() -> dict[str, dict[str, Made]]:
    """Format -> what is done to which sample -> the log of a size."""
    made: dict[str, dict[str, Made]] = {}
    for path in samples():
        raw = path.read_bytes()
        of_format = made.setdefault(path.parent.name, {})
        for name, make in _shapes(raw):
            of_format[f"{path.name}: {name}"] = make
    return made


def _shapes(raw: bytes) -> Iterator[tuple[str, Made]]:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        yield from _of_bytes(raw)
        return
    documents = _json_parts(text)
    if documents is None:
        yield from _of_lines(text)
    else:
        yield from _of_values(documents)


def _json_parts(text: str) -> list[Any] | None:
    """The JSON values in the text: one in all, or one a line, or a line and the rest."""
    head, _, rest = text.partition("\n")
    for parts in ([text], [head, rest], text.splitlines()):
        try:
            return [json.loads(part) for part in parts if part.strip()]
        except ValueError:
            continue
    return None


def _of_lines(text: str) -> Iterator[tuple[str, Made]]:
    lines = text.split("\n")
    seen = set()
    for number, line in enumerate(lines):
        form = "".join("0" if letter.isdigit() else letter for letter in line)
        if form in seen:
            continue
        seen.add(form)
        before, after = "\n".join([*lines[:number], ""]), "\n".join(["", *lines[number + 1 :]])
        half = line[: len(line) // 2]
        yield f"line {number} repeated", partial(_filled, before, line + "\n", after)
        yield f"half of line {number} repeated", partial(_filled, before, half + "\n", after)
        yield f"line {number} repeated on one line", partial(_filled, before, line, after)
        for run in RUNS:
            yield (
                f"line {number} with {run!r} in its middle",
                partial(_filled, before + half, run, line[len(half) :] + after),
            )
            yield f"line {number} begun by {run!r}", partial(_filled, before, run, line + after)
            yield f"line {number} ended by {run!r}", partial(_filled, before + line, run, after)
    yield "the whole repeated", partial(_filled, "", text + "\n", "")
    yield "empty lines before", partial(_filled, "", "\n", text)
    yield "blank lines behind", partial(_filled, text, " \n", "")


def _filled(before: str, piece: str, after: str, size: int) -> bytes:
    count = max(1, size // max(1, len(piece.encode())))
    return (before + piece * count + after).encode()


def _of_values(documents: list[Any]) -> Iterator[tuple[str, Made]]:
    seen: set[Any] = set()
    for place in _places(documents, ()):
        form = tuple("*" if isinstance(key, int) and index else key for index, key in enumerate(place))
        if form in seen:
            continue
        seen.add(form)
        name = "/".join(map(str, place))
        old = _at(documents, place)
        if isinstance(old, list) and old:
            yield f"{name} with many elements", partial(_many_elements, documents, place)
        if isinstance(old, dict):
            yield f"{name} with many keys", partial(_many_keys, documents, place)
        if isinstance(old, str):
            for run in RUNS:
                yield f"{name} with {run!r} in its middle", partial(_long_text, documents, place, run)
            yield f"{name} repeated as lines", partial(_long_text, documents, place, old + "\n")
            yield f"{name} repeated", partial(_long_text, documents, place, old or "x")
        yield f"{name} nested deep", partial(_nested, documents, place)


def _places(value: Any, place: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    if place:
        yield place
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, held in inner:
        yield from _places(held, (*place, key))


def _at(documents: Any, place: tuple[Any, ...]) -> Any:
    for key in place:
        documents = documents[key]
    return documents


def _replaced(documents: list[Any], place: tuple[Any, ...], new: Any) -> bytes:
    copy = json.loads(json.dumps(documents))
    _at(copy, place[:-1])[place[-1]] = new
    return b"\n".join(json.dumps(document).encode() for document in copy)


def _many_elements(documents: list[Any], place: tuple[Any, ...], size: int) -> bytes:
    old = _at(documents, place)
    return _replaced(documents, place, old * max(1, size // len(json.dumps(old))))


def _many_keys(documents: list[Any], place: tuple[Any, ...], size: int) -> bytes:
    old = _at(documents, place)
    value = next(iter(old.values()), 0)
    count = size // (len(json.dumps(value)) + 10)
    return _replaced(documents, place, {**old, **{f"k{number}": value for number in range(count)}})


def _long_text(documents: list[Any], place: tuple[Any, ...], run: str, size: int) -> bytes:
    old = _at(documents, place)
    half = len(old) // 2
    filled = run * (size // len(json.dumps(run)[1:-1]))
    return _replaced(documents, place, old[:half] + filled + old[half:])


def _nested(documents: list[Any], place: tuple[Any, ...], size: int) -> bytes:
    inner: Any = [0]
    for _ in range((DEEP - len(place)) // 2):
        inner = {"cause": [inner]}
    count = max(1, size // len(json.dumps(inner)))
    return _replaced(documents, place, [inner] * count)


def _of_bytes(raw: bytes) -> Iterator[tuple[str, Made]]:
    for width in BLOCKS:
        for at in range(0, len(raw), max(width, len(raw) // 24)):
            yield f"bytes {at} to {at + width} repeated", partial(_repeated_block, raw, at, width)
    for at in range(0, min(len(raw), 1_024), 4):
        yield f"number at {at} as large as the log", partial(_number, raw, at)


def _repeated_block(raw: bytes, at: int, width: int, size: int) -> bytes:
    return raw[:at] + raw[at : at + width] * (size // width) + raw[at + width :]


def _number(raw: bytes, at: int, size: int) -> bytes:
    changed = bytearray(raw + raw * (size // len(raw)))
    struct.pack_into("<I", changed, at, size // 64)
    return bytes(changed)

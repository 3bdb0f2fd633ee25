"""Symbols that tests make up: Breakpad files, mappings, and the crashes that they name."""

import json
from typing import Any

from app.services import Services
from app.symbolication.making import make_symbols
from app.symbolication.receive import receive_symbols
from app.symbolication.stored import show_symbols
from app.symbols.contents import About
from tests.factories import Member


def sym(debug_id: str, *functions: str, name: str = "libcart.so") -> bytes:
    """A Breakpad file: the n-th function (from 0) covers 16 bytes from (n + 1) * 0x1000, line n + 1 of cart.c."""
    lines = [f"MODULE Linux x86_64 {debug_id.replace('-', '').upper()}0 {name}", "FILE 0 /src/cart.c"]
    for number, function in enumerate(functions, 1):
        lines += [f"FUNC {number * 0x1000:x} 10 0 {function}", f"{number * 0x1000:x} 10 {number} 0"]
    return "\n".join([*lines, ""]).encode()


def native_event(debug_id: str, *functions: int, event_id: str = "1", image: str = "libcart.so") -> bytes:
    """A Sentry event of a stripped program: it stands in these functions of `sym`, by number, the crash first."""
    base = 0x7000_0000_0000
    frames = [
        {"instruction_addr": hex(base + number * 0x1000 + 5), "package": f"/data/app/lib/{image}"}
        for number in functions
    ]
    return json.dumps({
        "event_id": event_id.rjust(32, "0"), "platform": "native", "timestamp": "2018-09-13T08:02:53Z",
        "exception": {"values": [{"type": "SIGSEGV", "value": "Segfault", "stacktrace": {"frames": frames[::-1]}}]},
        "debug_meta": {"images": [{"type": "elf", "code_file": f"/data/app/lib/{image}", "debug_id": debug_id,
                                   "image_addr": hex(base), "image_size": 0x100000}]},
    }).encode()  # fmt: skip


def mapping(short: str, *methods: str) -> bytes:
    """A mapping that calls com.example.shop.Cart `short`; the n-th method is `c<n>`, at line 10 n, line n + 1 of Cart.kt."""
    lines = [f"com.example.shop.Cart -> {short}:", '# {"id":"sourceFile","fileName":"Cart.kt"}']
    lines += [f"    {10 * at}:{10 * at}:void {name}():{at + 1} -> c{at}" for at, name in enumerate(methods, 1)]
    return "\n".join([*lines, ""]).encode()


def java_event(short: str, *methods: int, version: str = "1.2", build: str = "45", **more: Any) -> bytes:
    """A Sentry event of an obfuscated app that stands in these methods of `mapping`, the crash first."""
    frames = [{"module": short, "function": f"c{at}", "filename": "SourceFile", "lineno": 10 * at} for at in methods]
    thrown = {
        "type": "IllegalStateException",
        "module": "java.lang",
        "value": "no items",
        "stacktrace": {"frames": frames[::-1]},
    }
    return json.dumps({"event_id": "0" * 31 + "1", "platform": "java", "timestamp": "2018-09-13T08:02:53Z",
                       "release": f"com.example.shop@{version}+{build}", "exception": {"values": [thrown]},
                       **more}).encode()  # fmt: skip


def upload(services: Services, member: Member, content: bytes, **about: str) -> str:
    """Give a file to the app and look into it, as a worker does; returns its identifier."""
    found = receive_symbols(services, member.app, About(**about), [content])
    make_symbols(services, found.id)
    shown = show_symbols(services, member.app, found.identifier).file
    assert shown.state == "ready", shown.reason
    return found.identifier


def vlq(*numbers: int) -> str:
    """Numbers as a source map writes them."""
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    text = ""
    for number in numbers:
        left = (-number << 1) | 1 if number < 0 else number << 1
        while True:
            text += digits[(left & 31) | (32 if left > 31 else 0)]
            left >>= 5
            if not left:
                break
    return text


def source_map(*places: tuple[int, str, int, int, str | None], **more: Any) -> bytes:
    """A map of a script of one line: (column, source file, line, column, name) of each place, all from 1."""
    sources, names = sorted({place[1] for place in places}), sorted({place[4] for place in places if place[4]})
    segments, was, name_was = [], [0, 0, 0, 0], 0
    for column, source, line, source_column, name in sorted(places):
        now = [column - 1, sources.index(source), line - 1, source_column - 1]
        numbers = [new - old for new, old in zip(now, was, strict=True)]
        if name:
            numbers.append(names.index(name) - name_was)
            name_was = names.index(name)
        segments.append(vlq(*numbers))
        was = now
    return json.dumps({"version": 3, "sources": sources, "names": names, "mappings": ",".join(segments),
                       "sourcesContent": ["secret source"] * len(sources), **more}).encode()  # fmt: skip


def script_event(
    *places: tuple[str, int], file: str = "https://shop.example.com/js/main.3f2a91bc.js", **more: Any
) -> bytes:
    """A Sentry event of a minified script: (function, column in line 1) of each frame, the crash first."""
    frames = [
        {"filename": file, "function": name, "lineno": 1, "colno": column, "in_app": True} for name, column in places
    ]
    thrown = {"type": "TypeError", "value": "cart is undefined", "stacktrace": {"frames": frames[::-1]}}
    return json.dumps({"event_id": "0" * 31 + "7", "platform": "javascript", "timestamp": "2018-09-13T08:02:53Z",
                       "release": "shop@1.2", "exception": {"values": [thrown]}, **more}).encode()  # fmt: skip

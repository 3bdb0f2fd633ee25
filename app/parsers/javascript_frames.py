"""Frames of JavaScript as every engine prints them: a line each.

Source: V8's stack trace API, JavaScriptCore's and SpiderMonkey's `Error.stack`, Chakra's, Hermes' `JSError`, NativeScript 8.
"""

import re
from dataclasses import replace
from functools import lru_cache

from app.crashes.log import Frame
from app.parsers import values

_MAX_LINE = 4_000  # characters of a line that are read
_MAX_DIGITS = 11  # of a line or column
_MAX_WORDS = 4  # of a function's name
_AT_PLACE = re.compile(r"(?:(?!-?\d{1,9}(?::|$))(?P<file>[^\s@]+?):)?(?P<line>-?\d{1,9})(?::(?P<column>-?\d{1,9}))?$")
_CALL = re.compile(  # what most lines of V8 are: only what needs no second look
    r"(?!eval at )(?P<name>[^()]{1,1000}) \((?!eval at |address at )(?P<file>[^()\s]{0,2000}[^()\s\d]):(?P<line>[0-9]{1,9})"
    r":(?P<column>[0-9]{1,9})\)"
)
_KNOWN_PLACES = ("<anonymous>", "native", "[native code]")
_OTHER_SOURCES = (".rs", ".swift", ".dart", ".cs", ".java", ".kt", ".go")  # a bare place below another language's call
_ASYNC_CAUSE = re.compile(r"[A-Za-z][\w. ]{0,100}(?:\*[A-Za-z][\w. ]{0,100}){0,9}$")
_WASM = re.compile(r"(?P<file>\S{1,1000}?):(?P<place>wasm-function\[\d{1,9}\]:0x[0-9a-f]{1,16})$")
_NO_NAME = "Anonymous function"  # Chakra's word
_INDEX = re.compile(r"index \d{1,9}$")  # of Promise.all
EVAL_CODE = "eval code"  # JavaScriptCore tells no place of it
_GECKO_EVAL = re.compile(r" line (?P<place>\d{1,9}) > (?:eval|Function)\b.*$")
_EVAL = re.compile(r"eval at [^(]{0,1000}\((?P<place>[^()]{1,2000})\)")
_NO_SPACE = re.compile(
    r"(?P<name>[^\s()]{1,500})\((?P<file>[\w-]{1,40}:/{2,3}[^()]{1,2000}):(?P<line>\d{1,9}):(?P<column>\d{1,9})\)$"
)
_BARE = re.compile(r"(?:[\w-]{1,40}:/{2,3}|/)[^\s@()]{1,2000}:\d{1,9}:\d{1,9}$")


@lru_cache(maxsize=8_192)  # a line is looked at when its trace is found and when it is read, and logs repeat themselves
def frame(line: str) -> Frame | None:
    """The frame on the line, in V8's form (`at pay (cart.js:7:12)`) or JavaScriptCore's (`pay@cart.js:7:12`); else None."""
    # Node prints the error's properties behind its last frame, and members of an AggregateError as a list.
    text = line[:_MAX_LINE].strip().removesuffix(" {").removesuffix(",")
    if "(file:" in text and " (file://" not in text and text.endswith(")"):
        return _native_script(text)
    if text.startswith("at "):
        return _v8(text[3:])
    return _jsc(text) if "@" in text or text in ("[native code]", EVAL_CODE) else None


def _v8(text: str) -> Frame | None:
    if text.startswith("async "):
        found = _v8(text.removeprefix("async "))
        return replace(found, note="async") if found else None
    if call := _CALL.fullmatch(text):
        name, file, line, column = call.groups()
        return _made(name, file, int(line), int(column))
    if not text.endswith(")"):
        place = _place(text)
        if wasm := _WASM.match(text):
            return Frame(file=values.text(wasm["file"]), note=wasm["place"])
        return _made(None, *place) if place and "(" not in text and not place[0].endswith(_OTHER_SOURCES) else None
    name, bracket, place_text = f" {text[:-1]}".partition(" (")
    if not bracket:
        close = _NO_SPACE.match(text)
        return _made(close["name"], close["file"], int(close["line"]), int(close["column"])) if close else None
    is_eval = _EVAL.search(place_text) if place_text.startswith("eval at ") else None
    place_text = is_eval["place"] if is_eval else place_text.removeprefix("address at ")
    place = _place(place_text)
    if place:
        return _made(name, *place)
    if wasm := _WASM.match(place_text):
        return Frame(function=values.text(name.strip()), file=values.text(wasm["file"]), note=wasm["place"])
    if place_text in _KNOWN_PLACES or _INDEX.match(place_text):
        return Frame(
            function=values.text(name.strip()), file=place_text if place_text in _KNOWN_PLACES else None, in_app=False
        )
    return None


def _native_script(text: str) -> Frame | None:
    name, _, place_text = text[:-1].removeprefix("at ").partition("(file:")
    place = _place(place_text.strip() if place_text[:1] == " " else f"file:{place_text}")
    return _made(name, *place) if place and len(name.split()) <= _MAX_WORDS else None


def _jsc(text: str) -> Frame | None:
    if text == EVAL_CODE:
        return Frame(function=text, in_app=False)
    name, _, place_text = text.rpartition("@")
    place_text = _GECKO_EVAL.sub(r":\g<place>", place_text)
    if "[native code]" in (name, text):
        return Frame(file="[native code]", in_app=False)
    if "*" in name or name.startswith("async "):  # SpiderMonkey tells what called an asynchronous function: async*pay
        cause, _, name = name.rpartition("*") if "*" in name else ("async", "", name.removeprefix("async "))
        found = _jsc(f"{name}@{place_text}") if _ASYNC_CAUSE.match(cause) else None
        return replace(found, note=cause) if found else None
    if place_text == "[native code]":
        return Frame(function=values.text(name), file=place_text, in_app=False)
    place = _AT_PLACE.match(place_text.removeprefix("address at "))
    if not place or len(name.split()) > _MAX_WORDS:
        return None
    if place["file"] == "[native code]":
        return Frame(function=values.text(name), file=place["file"], in_app=False)
    return _made(name, place["file"], int(place["line"]), int(place["column"] or 0))


def bare(line: str) -> Frame | None:
    """The frame on a line of a place alone, which JavaScriptCore prints between others for code without a name."""
    text = line[:_MAX_LINE].strip()
    place = _place(text) if _BARE.match(text) else None
    return _made(None, *place) if place else None


def _place(text: str) -> tuple[str, int, int] | None:
    """File, line and column of `file:line:column`."""
    file, *numbers = text.rsplit(":", 2)
    if len(numbers) != 2 or not file or file.isdecimal():
        return None
    if not all(number.removeprefix("-").isdecimal() and len(number) < _MAX_DIGITS for number in numbers):
        return None
    return file, int(numbers[0]), int(numbers[1])


def _made(name: str | None, file: str | None, line: int, column: int) -> Frame:
    name = (name or "").strip()
    return Frame(
        function=values.text("" if name == _NO_NAME else name),
        file=values.text(file),
        line=line if line > 0 else None,
        column=column if column > 0 else None,
    )


def is_certain(found: Frame) -> bool:
    """True for a frame with file, line and column."""
    return found.file is not None and found.line is not None and found.column is not None

"""One line that tells a crash: type, message and where."""

import unicodedata

from app.crashes.fingerprint import telling_frames
from app.crashes.frame_name import NAMELESS
from app.crashes.in_app import InApp
from app.crashes.log import CrashLog, Fault, Frame

MAX_LENGTH = 200  # characters of a title
MAX_PLACE = 80  # characters of the function in it


def title(log: CrashLog) -> str:
    """`type: message in function`, at most MAX_LENGTH characters, without line breaks, control or bidi characters.

    What is unknown is left out; a log that tells nothing gives "Unknown crash".
    """
    fault = log.faults[0] if log.faults else Fault()
    kind = _cut(_short_type(one_line(fault.type or fault.signal or "")), 100)
    message = one_line((fault.message or "")[: MAX_LENGTH * 4])
    place = _cut(_place(log), MAX_PLACE)
    tail = f" in {place}" if place and place not in message else ""
    head = _head(kind, message)
    return _cut(head or "Unknown crash", MAX_LENGTH - len(tail)) + tail


def _head(kind: str, message: str) -> str:
    """Type and message; where the message begins with the end of the type (`KASAN: bad` and `bad at 0`), it goes on."""
    if not kind or not message or message == kind:
        return kind or message
    end = kind.rpartition(": ")[2] if ": " in kind else ""
    rest = message[len(end) :]
    if end and message.startswith(end) and not rest[:1].isalnum():
        return kind + rest
    return f"{kind}: {message}"


def one_line(text: str) -> str:
    """The text on one line: control, format and bidi characters and lone surrogates are dropped."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    spaced = "".join(" " if char.isspace() else char for char in text)
    return " ".join("".join(char for char in spaced if unicodedata.category(char) not in ("Cc", "Cf", "Cs")).split())


def _short_type(kind: str) -> str:
    parts = kind.split(".")
    is_qualified = len(parts) > 1 and all(part.replace("$", "").replace("_", "").isalnum() for part in parts)
    return parts[-1] if is_qualified and not parts[-1].isdigit() else kind


def _place(log: CrashLog) -> str:
    in_app = InApp(log)
    named = [frame for frame in telling_frames(log)[:200] if not NAMELESS.fullmatch((frame.function or "?").strip())]
    frame = next((frame for frame in named if in_app(frame)), named[0] if named else None)
    return one_line(_function(frame)) if frame else ""


def _function(frame: Frame) -> str:
    function = frame.function or ""
    if not frame.module or function.startswith((f"{frame.module}.", "-[", "+[")):
        return function
    return f"{frame.module.rsplit('.', 1)[-1]}.{function}"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"

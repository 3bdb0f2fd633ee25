"""One line that tells a crash: the root cause's type and message, and where."""

import re
import unicodedata

from multi_demangle import DemangleOptions, demangle_symbol

from app.crashes import kotlin_native
from app.crashes.blame import Blame, NamedFrame, is_far
from app.crashes.frame_name import shown_name, stable_image
from app.crashes.log import CrashLog, Fault
from app.crashes.rules import ENTRY_POINTS
from app.crashes.stable_text import without_stack
from app.crashes.termination import Termination, code_name, termination

MAX_LENGTH = 200  # characters of a title
MAX_PLACE = 80  # characters of the function in it
MAX_SIDE = 40  # characters of each function where several say where

# Addresses with the words that lead to them: `(pc 0x1 bp 0x2 sp 0x3 T8)`, `on address 0x1 at pc 0x2`, `at addr ffff0`.
_ADDRESS = r"(?:0x[0-9a-fA-F]{4,16}|[0-9a-f]{16})\b"
_PLACE = r"(?:(?:on|at|for|to|of|by|from|in) )?(?:(?:unknown|virtual|fault) )?(?:address|addr|pc|bp|sp|ip)"
_ADDRESSES = (
    re.compile(rf" ?\((?:(?:pc|bp|sp) {_ADDRESS} ?){{1,4}}(?:T\d{{1,9}})?\)"),
    re.compile(rf"(?:[ ,]{{1,2}}{_PLACE} {_ADDRESS})+"),
    re.compile(rf" (?:at|to|of|from|in|for|near) {_ADDRESS}(?!\w)"),
    re.compile(r"(?<= instance) 0x[0-9a-fA-F]{1,16}\b"),
    re.compile(r"(?<=\w)\+0x[0-9a-f]{1,8}/0x[0-9a-f]{1,8}"),
    re.compile(
        r"(?<=\w)@(?=[0-9a-f]{0,15}\d)[0-9a-f]{5,16}\b|(?<=\w)\{(?=[0-9a-f]{0,7}\d)[0-9a-f]{5,8}\b[^{}\n]{0,200}\}"
    ),
    re.compile(rf" ?(?<![\w.])(?<!code )(?<!error )(?<!status )(?<!result )(?<!HRESULT )(?<!exception ){_ADDRESS}"),
)
_GONE = "\0"  # where an address was, until what held it is gone too: brackets, quotes, `#`, `=`
_LEADS = r"(?:(?:at|address|addr|ptr|pointer|pc|sp|bp|ip)[ :=]{0,2}|[\0 ,:])"
_AROUND_GONE = re.compile(
    rf" ?(?:\({_LEADS}{{1,9}}\)|\[{_LEADS}{{1,9}}\]|<{_LEADS}{{1,9}}>|\{{{_LEADS}{{1,9}}\}}|'[\0 ]{{1,9}}'|\"[\0 ]{{1,9}}\")"
    r"|(?: ?#|@| ?=|:(?=\0?[)\]>}])|)\0"
)
_CODES = re.compile(r"(?i:fatal error: )?(?:0x[0-9a-f]{1,16}|\w{1,40})(?: / \w{1,40})?")

MAX_MANGLED = 500  # characters; longer names stay as they are

_MANGLED = re.compile(r"P?K?(?:\d{1,3}[A-Za-z_]|N(?:K?S[at]?\w|\d{1,3}[A-Za-z_])|St\d)[\w$.]*|PK?[cw]")
_FOR = "typeinfo for "


def title(log: CrashLog, blame: Blame | None = None) -> str:
    """`type: message in function`, at most MAX_LENGTH characters, without line breaks, control or bidi characters.

    What is unknown is left out; a log that tells nothing gives "Unknown crash". Addresses are not told: they differ
    from occurrence to occurrence.
    """
    blame = blame or Blame(log)
    fault = blame.chain[-1] if blame.chain else Fault()
    kind = cut(one_line(_type(fault, termination(log))), 120)
    message = one_line(without_addresses(without_stack((fault.message or "")[: MAX_LENGTH * 4])))
    if message.startswith("Namespace "):  # MetricKit's word for what the type tells by now
        message = ""
    place = cut(_place(blame), MAX_PLACE)
    tells_place = _is_kernels(blame) and " in " in message  # a kernel tells the place of its bug
    is_told = tells_place or _names(message, place)
    tail = f" in {place}" if place and not is_told else ""
    head = _head(kind, message)
    return cut(head or _unknown(log, tail), MAX_LENGTH - len(tail)) + tail


def _names(message: str, place: str) -> bool:
    """True where the message says where: a plain word may be any, `pay` of "payment failed" or of "cannot pay"."""
    at = message.find(place)
    before, behind = message[:at], message[at + len(place) :]
    if at < 0 or before[-1:].isalnum() or behind[:1].isalnum():
        return False
    return not place.isidentifier() or before.endswith((" in ", " at ", " function ", " method ")) or behind[:2] == "()"


def _unknown(log: CrashLog, tail: str) -> str:
    """Of a log that tells nothing of the crash itself: the program that crashed, else what it runs on."""
    if tail:
        return "Unknown crash"
    program = one_line(log.app.identifier or log.process or "")
    return (
        f"Unknown crash in {program}"
        if program
        else f"Unknown crash ({log.platform})"
        if log.platform
        else "Unknown crash"
    )


def without_addresses(message: str) -> str:
    """The message without pointers; codes (`Fatal Error: 0x40000015 / 0x00000001`, `error 0x80070005`) stay."""
    if _CODES.fullmatch(message):
        return message
    for pattern in _ADDRESSES:
        message = pattern.sub(_GONE, message)
    return _AROUND_GONE.sub("", message) if _GONE in message else message


def _type(fault: Fault, ended: Termination | None) -> str:
    """The type; of EXC_CRASH the signal, which says more, and of a process that was ended by whom and why."""
    kind = readable_type(_short_type(fault.type or fault.signal or ""))
    if kind.partition(" (")[0] == "EXC_CRASH":
        kind = fault.signal or kind.partition(" (")[2].removesuffix(")") or kind
    return " ".join(filter(None, (kind, code_name(fault), ended.words if ended else None)))


def _head(kind: str, message: str) -> str:
    """Type and message; where the message begins with the end of the type (`KASAN: bad` and `bad at 0`), it goes on."""
    if not kind or not message or message in (kind, f"Fatal Error: {kind}"):
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


def _place(blame: Blame) -> str:
    """The first function of the app; what is around its images where no name is known; else where the system was."""
    own = blame.own
    named = [one for one in own if one.name.is_named]
    if len(named) == 1 and blame.is_template(named[0].name):
        called = blame.calling(named[0].frame)
        return _joined(blame.raised_by or (_side(called, blame) if called else ""), _function(named[0], blame))
    if named and not all(is_far(one.frame) for one in named):
        first, function = own[0].name, _function(named[0], blame)
        home = named[0].name.host if blame.family == "javascript" else stable_image(named[0].frame.image or "")
        return function if first.is_named or first.text in ("?", home) else _joined(first.text, function)
    if own:
        spot = next((f"{spot.image} + {spot.offset}" for spot in blame.spots), "") if not named else ""
        return _sides(blame, spot or next((image for one in own if (image := _image(one))), ""))
    nearest = [one for one in blame.nearest if one.name.text != "?"]
    shown = next((one for one in nearest if one.name.is_named), None)
    if shown:
        return _function(shown, blame)
    process = "" if _is_kernels(blame) else stable_image(blame.log.process or "")  # it only ran then
    return one_line(nearest[0].name.text if nearest else process)


def _is_kernels(blame: Blame) -> bool:
    return any(fault.mechanism == "kernel" for fault in blame.chain[:1])


def _sides(blame: Blame, image: str) -> str:
    """What the app had called, the app, what had called it: `objc_retain, from Shop, from -[UIControl send]`."""
    stopped, called = blame.around()
    return _joined(
        blame.raised_by or (_side(stopped, blame) if stopped else ""), image, _side(called, blame) if called else ""
    )


def _joined(*words: str) -> str:
    return ", from ".join(cut(one_line(word), MAX_SIDE) for word in words if word)


def _side(one: NamedFrame, blame: Blame) -> str:
    frame = one.frame
    if frame.function in ENTRY_POINTS:
        return ""
    return _function(one, blame) if frame.function else frame.image or ""


def _image(one: NamedFrame) -> str:
    if one.name.is_named:
        return stable_image(one.frame.image or "")
    return "" if one.name.text == "?" else one.name.text


def _function(one: NamedFrame, blame: Blame) -> str:
    frame = one.frame
    if blame.family == "javascript":
        return one_line(one.name.text.removeprefix(f"{one.name.host}:"))
    if blame.family == "java" and one.name.is_bridge:
        return one_line(one.name.host).rsplit(".", 1)[-1]
    if blame.family == "csharp" and any(mark in f"{frame.module}{frame.function}" for mark in "<@"):
        return one_line(".".join(one.name.text.split(".")[-2:]))
    function = one_line(kotlin_native.readable(shown_name(frame.function or "")))
    if not frame.module or function.startswith((f"{frame.module}.", "-[", "+[")):
        return function
    return f"{_shown_module(frame.module)}.{function}"


def _shown_module(module: str) -> str:
    """The class without its package. A module that is a path (`example.com/shop/cart`, `package:shop/cart.dart`) is
    whole where there is room, else its end."""
    module = one_line(module)
    if "/" not in module:
        return module.rsplit(".", 1)[-1]
    return module if len(module) <= MAX_SIDE else module.rsplit("/", 1)[-1]


def cut(text: str, length: int) -> str:
    """The text, at most so many characters."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def readable_type(name: str) -> str:
    """`kaboom_exception*` for `P16kaboom_exception`, `shop::Error` for `N4shop5ErrorE`; any other name as it is."""
    if len(name) > MAX_MANGLED or not _MANGLED.fullmatch(name):
        return name
    try:
        told = demangle_symbol(f"_ZTI{name}", DemangleOptions(return_type=False, parameters=True)) or ""
    except Exception:
        return name
    return told.removeprefix(_FOR).replace("std::__1::", "std::") if told.startswith(_FOR) else name

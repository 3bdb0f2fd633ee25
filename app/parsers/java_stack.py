"""The grammar of `Throwable.printStackTrace`: from the lines of one trace to its exception, causes and suppressed ones.

Source: OpenJDK 17 `java.lang.Throwable.printStackTrace` and `StackTraceElement.toString`; Android 14 libcore, which
prints the same; Logback 1.4 and Log4j 2.20 for the jar suffixes and "common frames omitted".
Left out on purpose: class loader and module names in front of a class, jar versions.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache

from app.crashes.log import Fault, Frame
from app.parsers import values

MAX_FAULTS = 50  # exceptions kept of one trace; each may restore a whole stack from the one around it
CAPTION = re.compile(  # the Play Console and Crashlytics print no colon: then the name of a class must follow
    r"(?P<indent>[ \t]*)(?P<kind>Caused by|Suppressed|Wrapped by)"
    r"(?::[ \t]*|[ \t]+(?=(?:[^\W\d][\w$-]*\.)+[^\W\d][\w$-]*(?::|[ \t]*$)))(?P<rest>.*)$"
)
MORE = re.compile(r"[ \t]*\.\.\. (?P<count>\d{1,9}) (?:more|common frames omitted|frames? (?:excluded|truncated))\b")
CIRCULAR = re.compile(r"[ \t]*\[CIRCULAR REFERENCE: ?(?P<rest>.*)$")
TYPE = re.compile(  # a name that is a throwable's by its look
    r"(?:[^\W\d][\w$-]*\.)*[\w$]*(?:Exception|Error|Throwable|Failure|Fault|Death|Cancellation|Interrupt|Signal)[\w$]*"
)

_FRAME = re.compile(r"[ \t]*at (?P<name>[^\s()][^()]*)\((?P<place>.*)\)(?:[ \t]+~?\[(?P<jar>[^\[\]]*)\])?[ \t]*$")
_BARE_FRAME = re.compile(r"[ \t]*at (?P<name>[^\s()]+\.[^\s().]+)[ \t]*$")
# Dalvik sets ~ before the line of a method that still runs.
_PLACE = re.compile(r"(?P<file>:.*?|[^\s:]*?|Native Method|Unknown Source)(?::~?(?P<line>-?\d{1,9}))?$")
_JAVA_PLACE = re.compile(  # what no other language prints after a method name
    r"(?:Native Method|Unknown Source(?::\d+)?|SourceFile(?::-?\d+)?"
    r"|[\w$.-]+\.(?:java|kts?|scala|groovy|cljc?|aj|jsp|xtend)(?::~?-?\d+)?)$"
)
_CERTAIN_PLACE = re.compile(
    r"\((?:Native Method|Unknown Source|SourceFile|[\w$]{1,200}:-?\d"
    r"|[\w$.-]{1,400}\.(?:java|kts?|scala|groovy|cljc?|aj|jsp|xtend)[:)])"
)
_RENAMED_PLACE = re.compile(r"[\w$]+:-?\d+$")  # a shrinker's, as (PG:12)
_CAPTION_TYPE = re.compile(r"(?P<type>[^\s:\[(;]+)(?P<colon>:(?=\s|$))?(?P<rest>.*)", re.DOTALL)
_LOADER = re.compile(r"(?:[^\s/()]*/){0,2}?(?P<rest>[^\s/()][^/()]*(?:/0x[0-9a-f]+[^/()]*)?)$")  # Foo$$Lambda/0x08.run
_DOTNET_WRAPPER = "JavaProxyThrowable"  # its message is a stack of C#
_NATIVE_LINE = -2  # StackTraceElement.getLineNumber() of a native method


@dataclass(slots=True)
class _Level:
    """One exception of the trace while it is read."""

    caption: str  # what Throwable.toString() gave
    indent: int
    relation: str | None = None  # "wrapper": of the one before
    parent: int | None = None
    frames: list[str] = field(default_factory=list)  # their lines
    missing: int = 0  # frames at the end that the log names by count only


@lru_cache(maxsize=8_192)  # the lines of a trace are looked at when it is found, when it is cut up, and when it is read
def _frame_parts(line: str) -> tuple[str, re.Match[str], str | None] | None:
    """Name, place and jar of an `at …` line with a place; None when it is none that Java prints."""
    match = _FRAME.match(line)
    if not match:
        return None
    name, spoken, jar = match.group("name", "place", "jar")
    place = _PLACE.match(spoken)
    if place and name[-1].isspace() and _JAVA_PLACE.match(spoken):  # the Play Console sets a blank
        name = name.rstrip()
    if not place or name[-1].isspace() or "." not in name:
        return None
    return name, place, jar


@lru_cache(maxsize=8_192)  # recursion repeats itself, and so do logs
def frame(line: str) -> Frame | None:
    """The frame on an `at …` line; None when it is none that Java prints."""
    parts = _frame_parts(line)
    if not parts:
        bare = _BARE_FRAME.match(line)
        return _named(bare["name"]) if bare else None
    name, place, jar = parts
    number = int(place["line"]) if place["line"] else 0
    is_native = place["file"] == "Native Method" or number == _NATIVE_LINE
    return _named(
        name,
        file=None if place["file"] in ("Native Method", "Unknown Source") else values.text(place["file"]),
        line=number if number > 0 else None,
        image=_jar(jar),
        note="Native Method" if is_native else None,
    )


def is_frame(line: str) -> bool:
    """True for a line of which `frame` makes a frame; makes none."""
    return _frame_parts(line) is not None or _BARE_FRAME.match(line) is not None


def is_frame_below(caption_line: str, line: str) -> bool:
    """True for a frame of the exception; a C# frame without arguments, which looks like Java's, is of the message."""
    return is_frame(line) and not (_DOTNET_WRAPPER in caption_line and line.rstrip().endswith("()"))


def caption(head: str) -> re.Match[str] | None:
    """The match of CAPTION on a line without the blanks in front; the first letters tell most lines."""
    return CAPTION.match(head) if head.startswith(("Caused by", "Suppressed", "Wrapped by")) else None


def is_about_frames(head: str) -> bool:
    """True for `... 5 more` and circular references; `head` is a line without the blanks in front."""
    return head.startswith(("... ", "[CIRCULAR REFERENCE:")) and bool(MORE.match(head) or CIRCULAR.match(head))


def is_certain_frame(line: str) -> bool:
    """True for an `at …` line whose place only Java, Kotlin and their kin print."""
    parts = _frame_parts(line)
    if not parts:
        return False
    spoken = parts[1].string
    return bool(_JAVA_PLACE.match(spoken) or _RENAMED_PLACE.match(spoken))


def may_hold_frames(text: str) -> bool:
    """False for a text in which no line is a certain frame, at the cost of one search."""
    return _CERTAIN_PLACE.search(text) is not None


def indent_of(line: str) -> int:
    """Columns of white space in front of the line."""
    return len(line[: len(line) - len(line.lstrip())].expandtabs(8))


def read_faults(
    lines: list[str], handled: bool | None = None, mechanism: str | None = None
) -> tuple[list[Fault], list[str]]:
    """Read one trace from its `type: message` line on. Returns the faults, outermost first, and notes on gaps."""
    levels, notes = _levels(lines)
    for level in levels:
        if level.missing:
            notes.append(f"The log leaves out {level.missing} frames of {type_and_message(level.caption)[0]}")
    faults = []
    for level in levels:
        kind, message = type_and_message(level.caption)
        first = level.relation is None
        faults.append(
            Fault(
                type=values.text(kind),
                message=values.text(message),
                frames=tuple(found for line in values.bounded(level.frames) if (found := frame(line))),
                relation=level.relation,
                parent=level.parent,
                handled=handled if first else None,
                mechanism=mechanism if first else None,
            )
        )
    return faults, [values.clean(note) for note in notes]


def _levels(lines: list[str]) -> tuple[list[_Level], list[str]]:
    first = CAPTION.match(lines[0])
    levels = [_Level(first["rest"] if first else lines[0].strip(), indent_of(lines[0]))]
    message: list[str] = []  # lines of a message that runs over several, until its first frame
    notes: list[str] = []
    for line in lines[1:]:
        head = line.lstrip(" \t")
        is_at = head.startswith("at ")
        more = circular = caption = None
        if not is_at:
            caption, more, circular = CAPTION.match(line), MORE.match(line), CIRCULAR.match(line)
        level = levels[-1]
        is_found = is_at and is_frame_below(level.caption, line)
        if message and (caption or more or circular or is_found):
            level.caption = "\n".join([level.caption, *message]).rstrip()
            message = []
        if is_found:
            level.frames.append(line)
        elif more:
            _restore(level, levels, int(more["count"]))
        elif circular or (caption and CIRCULAR.match(caption["rest"])):
            notes.append(f"Circular reference: {line.partition('REFERENCE:')[2].strip().removesuffix(']')}")
        elif caption and len(levels) < MAX_FAULTS:
            levels.append(_enclosed(caption, levels))
        elif caption:
            notes.append(f"The trace names more than {MAX_FAULTS} exceptions; the rest is left out")
            break
        elif not level.frames:
            message.append(line)
    if message:
        levels[-1].caption = "\n".join([levels[-1].caption, *message]).rstrip()
    return _outermost_first(levels), notes


def _outermost_first(levels: list[_Level]) -> list[_Level]:
    """Of a trace with its root cause first, as Logback's %rEx prints it, in the other order."""
    chain = [level for level in levels if level.relation in (None, "wrapper")]
    if len(chain) < 2:
        return levels
    ordered = [*reversed(chain), *(level for level in levels if level.relation not in (None, "wrapper"))]
    places = {id(level): number for number, level in enumerate(ordered)}
    for level in ordered[len(chain) :]:
        level.parent = places[id(levels[level.parent or 0])]
    for number, level in enumerate(ordered[: len(chain)]):
        level.relation, level.parent = ("cause", number - 1) if number else (None, None)
    for level in ordered[1 : len(chain)]:
        _restore(level, ordered, level.missing)
    return ordered


def _enclosed(caption: re.Match[str], levels: list[_Level]) -> _Level:
    """A new level below the one it hangs on: a cause stands as far in as its effect, a suppressed one further."""
    indent = indent_of(caption["indent"])
    if caption["kind"] == "Wrapped by":
        return _Level(caption["rest"], indent, "wrapper", 0)
    is_cause = caption["kind"] == "Caused by"
    for parent in range(len(levels) - 1, -1, -1):
        if levels[parent].indent < indent or (is_cause and levels[parent].indent == indent):
            break
    else:
        parent = len(levels) - 1 if is_cause else 0
    return _Level(caption["rest"], indent, "cause" if is_cause else "suppressed", parent)


def _restore(level: _Level, levels: list[_Level], count: int) -> None:
    """Append the last `count` frames of the trace around this one, as far as the log holds them."""
    around = levels[level.parent] if level.parent is not None else None
    shared = count - around.missing if around else 0
    if around and 0 < shared <= len(around.frames):
        level.frames.extend(around.frames[-min(shared, values.MAX_FRAMES) :])
        level.missing = around.missing
    else:
        level.missing = count


def type_and_message(caption: str) -> tuple[str | None, str | None]:
    """Split what Throwable.toString() gave; words that name no class are a message without a type."""
    match = _CAPTION_TYPE.match(caption)
    if not match or not (match["colon"] or match["rest"] == "" or TYPE.fullmatch(match["type"])):
        return None, caption
    return match["type"], match["rest"].strip() or None


def _named(name: str, **rest: str | int | None) -> Frame:
    loader = _LOADER.match(name) if "/" in name else None
    path, _, function = (loader["rest"] if loader else name).rpartition(".")
    return Frame(function=values.text(function), module=values.text(path), **rest)  # type: ignore[arg-type]


def _jar(jar: str | None) -> str | None:
    """The jar of `~[spring-core.jar!/:5.3.9]`; a folder of classes is none."""
    if not jar:
        return None
    name = values.basename(jar.rpartition(":")[0])
    return name.rstrip("!") or None if name and name.rstrip("!") not in ("?", "na", "classes") else None

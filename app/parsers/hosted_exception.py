"""Errors of a runtime inside a Java app, which reach Java as an exception with their own stack in its message.

Source: React Native 0.76 `ExceptionsManagerModule` (JavascriptException), NativeScript's NativeScriptException,
Firebase's FlutterError; .NET for Android 8 and Xamarin.Android `JavaProxyThrowable`: its message is
`Exception.ToString`, since .NET 8 type and message, with the frames of C# as the upper part of the stack.
"""

import re
from dataclasses import dataclass, replace

from app.crashes.in_app import InApp
from app.crashes.log import AppInfo, CrashLog, Fault, Frame
from app.parsers import javascript_frames, values
from app.parsers.traces import dart, dotnet, javascript

_WRAPPER = re.compile(
    r"(?:^|\.)(?:JavascriptException|JSException|JavaProxyThrowable|NativeScriptException|UnhandledJSException)$"
)
_FLUTTER = ".FlutterError"  # of Firebase's plugin
_BRACKETED = re.compile(r"\[[\w.+`]{1,500}\]: ")
_GLUE = ("mono.", "crc64", "android.runtime.")  # what .NET for Android generates
_JAVA_FILES = (".java", ".kt")
_MIN_FRAMES = 2  # in the message of a type that is no known wrapper


@dataclass(frozen=True, slots=True)
class Hosted:
    """A Java trace with the errors of another runtime in the place of the exceptions that brought them."""

    platform: str
    faults: tuple[Fault, ...]
    delivered_by: tuple[Frame, ...]  # Java's stack below the outermost error
    notes: tuple[str, ...] = ()


def hosted(faults: list[Fault], app: str | None) -> Hosted | None:
    """The trace as its other runtime tells it; None when all of it is Java's. `app` is the application id."""
    found = {number: inner for number, fault in enumerate(faults) if (inner := _inner(fault))}
    if not found:
        return None
    platform = found[min(found)][0]
    is_own = InApp(CrashLog(format="", platform="java", app=AppInfo(identifier=app)))
    made: list[Fault] = []
    moved: list[int] = []  # number in `faults` -> in `made` of the innermost error of it
    delivered: tuple[Frame, ...] = ()
    for number, fault in enumerate(faults):
        parent = None if fault.parent is None else moved[fault.parent]
        if number not in found:
            made.append(replace(fault, frames=_judged(fault.frames, is_own), parent=parent))
        else:
            _, errors, java = found[number]
            first = len(made)
            for error in errors:
                made.append(replace(error, parent=None if error.parent is None else error.parent + first))
            made[first] = replace(
                made[first], relation=fault.relation, parent=parent, handled=fault.handled, mechanism=fault.mechanism
            )
            if number == 0:
                delivered = _judged(java, is_own)
        moved.append(len(made) - 1)
    notes = [f"Thrown to Java as {faults[0].type}"] if 0 in found and faults[0].type else []
    components = next((text for fault in faults if (text := javascript.components(fault.message or ""))), None)
    notes += [components] if components else []
    return Hosted(platform, tuple(made), delivered, tuple(notes))


def _judged(frames: tuple[Frame, ...], is_own: InApp) -> tuple[Frame, ...]:
    """Frames of Java say themselves whose they are: the rules of the other language would not know."""
    return tuple(
        replace(frame, in_app=is_own(frame) and not (frame.module or "").startswith(_GLUE))
        if frame.in_app is None
        else frame
        for frame in frames
    )


def _inner(fault: Fault) -> tuple[str, list[Fault], tuple[Frame, ...]] | None:
    """Platform, errors and Java's frames of an exception that brings another runtime's error; else None."""
    if (fault.type or "").endswith(_FLUTTER) and any((frame.file or "").endswith(".dart") for frame in fault.frames):
        return dart.PLATFORM, [_dart_error(fault)], ()
    lines = (fault.message or "").split("\n")
    is_wrapper = _WRAPPER.search(fault.type or "") is not None
    behind = next((number + 1 for number, line in enumerate(lines) if javascript.has_stack_mark(line)), 0)
    start = next((number for number in range(behind, len(lines)) if _is_foreign(lines[number])), None)
    if start is not None:
        of_dotnet = dotnet.frame(lines[start]) is not None
        count = sum(1 for line in lines[start:] if _is_foreign(line))
        if not is_wrapper and count < _MIN_FRAMES:
            return None
        if of_dotnet:
            upper, java = _split(fault.frames)
            errors = dotnet.read_exception(lines)
            if errors[0].type is None and not is_wrapper:  # Android tells the cause's text once more
                return None
            errors[0] = replace(errors[0], frames=values.bounded([*errors[0].frames, *upper]))
            return dotnet.PLATFORM, errors, java
        return javascript.PLATFORM, [_script_error(fault, lines, start)], fault.frames
    if is_wrapper and _BRACKETED.match(fault.message or ""):
        upper, java = _split(fault.frames)
        kind, message = dotnet.type_and_message(fault.message or "")
        return dotnet.PLATFORM, [Fault(kind, message, upper)], java
    return None


def _is_foreign(line: str) -> bool:
    return (line.lstrip().startswith("at ") or "@" in line or "(file:" in line) and (
        dotnet.frame(line) is not None or javascript_frames.frame(line) is not None
    )


def _split(frames: tuple[Frame, ...]) -> tuple[tuple[Frame, ...], tuple[Frame, ...]]:
    """C#'s frames on top, which have no file of Java, and Java's below them."""
    border = next((number for number, frame in enumerate(frames) if _is_javas(frame)), len(frames))
    upper = (
        replace(
            frame, function=dotnet.without_offset(frame.function or "") or None, line=frame.line if frame.file else None
        )
        for frame in frames[:border]
    )
    return tuple(upper), frames[border:]


def _is_javas(frame: Frame) -> bool:
    return (
        frame.note == "Native Method"
        or (frame.file or "").endswith(_JAVA_FILES)
        or (frame.module or "").startswith(_GLUE)
    )


def _script_error(fault: Fault, lines: list[str], start: int) -> Fault:
    frames = [frame for line in lines[start:] if (frame := javascript_frames.frame(line))]
    head = "\n".join(lines[:start]).partition(javascript.COMPONENTS)[0]
    kind, message = javascript.type_and_message(head)
    if kind is None and "\n" in head:  # NativeScript first says which call failed
        kind, said = javascript.type_and_message(head.partition("\n")[2])
        message = said if kind else message
    return Fault(kind or fault.type, message, values.bounded(frames))


def _dart_error(fault: Fault) -> Fault:
    """Dart's error with its frames, which Crashlytics has given the form of Java's."""
    kind, message = dart.type_and_message(fault.message or "")
    frames = (
        replace(frame, module=None, function=".".join(part for part in (frame.module, frame.function) if part))
        for frame in fault.frames
    )
    return Fault(kind or fault.type, message, tuple(frames))

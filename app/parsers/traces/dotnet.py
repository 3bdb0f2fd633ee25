"""Stack traces of .NET, Mono, Xamarin and Unity as text, in every language of the runtime's messages.

Source: .NET 8 `Exception.ToString` and `StackTrace.ToString` (the words for "at", "in" and "line" are translated),
Mono 6.12 `StackTrace`, Unity 2022's console and IL2CPP's logcat output. Frames of an inner exception stand above
"End of inner exception stack trace". Left out on purpose: IL offsets, module version ids, `Exception.Data`.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from app.crashes.log import Fault, Frame
from app.parsers import dotnet_words, values
from app.parsers.traces import Trace

PLATFORM = "csharp"
MARKS = (") [0x", ".cs:", "Exception", "Error")

_MAX_LINE = 4_000  # characters of a line that are read
_MAX_HEAD_LINES = 20  # lines of a message between the type and the first frame
_MAX_FAULTS = 50
_MAX_MEMBER_LINES = 500  # of an exception in an AggregateException
_FRAME = re.compile(
    r"(?P<wrapper>\(wrapper [^)]{1,100}\) )?(?P<name>[^\s()]{3,2000}) ?"
    r"\((?!<anonymous>|native\)|index \d|Native Method|Unknown Source)[^():/\\]{0,2000}\)(?P<rest>.*)$"
)
_SOURCE = re.compile(
    r" ?(?:\[0x[0-9a-fA-F]{1,16}\] )?(?:[^\s\\/.]{1,15} )?(?P<file>(?:[A-Za-z]:[\\/]|[\\/<]|\S)[^:]{0,1000}):"
    r" ?(?:\S{1,15} )?(?P<line>\d{1,9})(?: \S{1,15})?[.。]?$"
)
_WORD_BEHIND_FILE = re.compile(r"(?<=\.)(?P<extension>\w{1,8}),? [^\s\\/.]{1,15}$")  # Turkish, Chinese, Hungarian
_NATIVE_OFFSET = re.compile(r" ?\+ ?0x[0-9a-fA-F]{1,16}(?= |$)")  # of code that was compiled ahead of time
_NATIVE_FRAME = re.compile(r"(?P<image>[\w.-]{1,200})!<BaseAddress> ?\+ ?(?P<offset>0x[0-9a-fA-F]{1,16})$")
_UNITY_FRAME = re.compile(
    r"(?P<name>[^\s()]{3,2000}) ?\([^()]{0,2000}\) \(at (?P<file>[^:]{1,1000}):(?P<line>\d{1,9})\)$"
)
_TYPE = re.compile(r"(?P<type>(?:[^\W\d][\w`+]{0,200}\.){0,20}[^\W\d][\w`+]{0,200})(?P<colon>:(?: |$)|$)(?P<rest>.*)")
_BRACKETED = re.compile(r"\[(?P<type>[\w.+`]{1,500})\]: ?(?P<rest>.*)$", re.DOTALL)
_LEAD = re.compile(
    rf"(?:.{{0,200}}?\b(?:{'|'.join(map(re.escape, dotnet_words.UNHANDLED))})[ \xa0]?[.:：][ \xa0]*)?", re.IGNORECASE
)
_LATER_TYPE = re.compile(  # behind words of a log
    r"(?<![\w.`+])(?P<type>(?:[^\W\d][\w`+]{0,200}\.){1,20}[^\W\d][\w`+]{0,200}(?:Exception|Error|Fault)(?:`\d{1,3})?)"
    r"(?P<colon>: |:?$)(?P<rest>.*)"
)
_LOOKS_THROWN = re.compile(r"(?:Exception|Error|Fault)(?:`\d{1,3})?$")
_INNER_NUMBER = re.compile(r"\(Inner Exception #\d{1,9}\) ")
_MEMBER = re.compile(r"[ \t]{0,40}---> \([^()#\n]{1,60} #\d{1,9}\) ")
_ENDS_INNER = re.compile(r"[ \t]{0,40}--- [^\n]{1,200} ---[ \t]*$")


@lru_cache(maxsize=8_192)  # a line is looked at when its trace is found and when it is read
def frame(line: str) -> Frame | None:
    """The frame on the line, `at Ns.Type.Method (args) [0x10] in file:line` in any language, or Unity's; else None."""
    text = line[:_MAX_LINE].strip()
    word = dotnet_words.AT.match(text)
    if word:
        found = _FRAME.match(text, word.end())
        if found and _is_qualified(found["name"]) and _is_rest(found["rest"]):
            return _made(found)
        native = _NATIVE_FRAME.match(text, word.end())
        if native:
            return Frame(image=values.text(native["image"]), offset=int(native["offset"], 16))
    unity = _UNITY_FRAME.match(text) if text.endswith(")") else None
    if not unity or not _is_qualified(unity["name"]):
        return None
    module, function = _split(unity["name"])
    return Frame(function=function, module=module, file=values.text(unity["file"]), line=int(unity["line"]) or None)


def _is_qualified(name: str) -> bool:
    return "." in name[1:-1] or ":" in name[1:-1] or name.startswith("lambda_method")


def _is_rest(rest: str) -> bool:
    rest = _NATIVE_OFFSET.sub("", rest, count=1)
    return not rest.strip() or rest.lstrip()[0] in "[<(" or _SOURCE.match(rest) is not None


def _made(found: re.Match[str]) -> Frame:
    source = _SOURCE.match(_NATIVE_OFFSET.sub("", found["rest"], count=1))
    file, line = (_WORD_BEHIND_FILE.sub(r"\g<extension>", source["file"]), int(source["line"])) if source else (None, 0)
    if file and file[0] == "<":  # <module version id>:0
        file, line = None, 0
    module, function = _split(found["name"].rpartition("!")[2] or found["name"])
    return Frame(
        function=function,
        module=module,
        file=values.text(file.strip()) if file else None,
        line=line or None,
        note=(found["wrapper"] or "").strip(" ()") or None,
    )


def without_offset(function: str) -> str:
    """The name without the offset that code compiled ahead of time tells: `Pay` for `Pay + 0x44`."""
    return _NATIVE_OFFSET.sub("", function) if "+" in function else function


def _split(name: str) -> tuple[str | None, str | None]:
    """Type and method; `..ctor` is the method `.ctor`."""
    for constructor in ("..ctor", "..cctor", ":.ctor", ":.cctor"):
        if name.endswith(constructor):
            return values.text(name[: -len(constructor)]), values.text(constructor[1:])
    head, mark, generic = name.partition("[")
    if "." not in generic:
        head, mark, generic = name, "", ""
    colon = head.rfind(":")
    cut = colon if colon > 0 else head.rfind(".")
    if mark and generic.find("].") >= 0:  # Ns.List`1[System.Int32].Add
        cut = name.rfind("].") + 1
    return (values.text(name[:cut]) if cut > 0 else None), values.text(name[cut + 1 :])


def type_and_message(head: str, *, of_log: bool = False) -> tuple[str | None, str | None]:
    """Split what `Exception.ToString` begins with: `Ns.Type: message`, or Android's `[Ns.Type]: message`.

    `of_log`: words of a log may stand in front of the type.
    """
    head = head.strip()
    lead = _LEAD.match(head)
    head = head[lead.end() :].strip() if lead else head
    bracketed = _BRACKETED.match(head)
    if bracketed:
        return values.text(bracketed["type"]), values.text(bracketed["rest"].strip())
    first, newline, more = head.partition("\n")
    found = _TYPE.match(first[:_MAX_LINE]) or (_LATER_TYPE.search(first[:_MAX_LINE]) if of_log else None)
    if not found:
        return None, values.text(head)
    rest = found["rest"] + (first[_MAX_LINE:]) + newline + more
    return values.text(found["type"]), values.text(rest.strip())


def read_exception(lines: Sequence[str], *, of_log: bool = False) -> list[Fault]:
    """The exception whose ToString stands in the lines, outermost first; inner ones and an aggregate's are causes."""
    chain, members = _without_members(lines)
    faults = _chain(chain, of_log=of_log)
    around = next((at for at in range(len(faults) - 1, -1, -1) if _is_aggregate(faults[at])), 0)
    for member in members:
        read = _chain(member, of_log=False)
        first = len(faults)
        if len(faults) + len(read) > _MAX_FAULTS or any(_is_same(read[0], fault) for fault in faults[around + 1 :]):
            continue  # .NET Framework tells the first one twice
        for fault in read:
            faults.append(
                replace(fault, relation="cause", parent=around if fault.parent is None else fault.parent + first)
            )
    return faults


def _is_aggregate(fault: Fault) -> bool:
    return (fault.type or "").endswith("AggregateException")


def _is_same(one: Fault, other: Fault) -> bool:
    return (one.type, one.message, one.frames) == (other.type, other.message, other.frames[: len(one.frames)])


def _without_members(lines: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """The lines of the exception and its inner ones; and those of each further exception of an AggregateException."""
    kept: list[str] = []
    members: list[list[str]] = []
    is_member = False
    for line in lines:
        found = _MEMBER.match(line)
        if found:
            members.append([])
            is_member, line = True, line[found.end() :]
        if not is_member:
            kept.append(line)
            continue
        members[-1].append(line.rstrip().rstrip("<-") if _ends_member(line) else line)
        is_member = not _ends_member(line)
    return kept, members


def _ends_member(line: str) -> bool:
    return line.rstrip().endswith("<---")


def _chain(lines: Sequence[str], *, of_log: bool) -> list[Fault]:
    heads, stacks = _heads_and_stacks(lines)
    frames: list[list[Frame]] = [[] for _ in heads]
    for number, stack in enumerate(stacks):
        frames[max(len(heads) - 1 - number, 0)] += stack
    faults = []
    for number, head in enumerate(heads):
        kind, message = type_and_message(head, of_log=of_log)
        relation, parent = ("cause", number - 1) if number else (None, None)
        faults.append(Fault(kind, message, values.bounded(frames[number]), relation, parent))
    return faults


def _heads_and_stacks(lines: Sequence[str]) -> tuple[list[str], list[list[Frame]]]:
    """The head of each exception, outermost first, and the stacks, in the order of the text: innermost first."""
    heads: list[str] = []
    message: list[str] = []
    stacks: list[list[Frame]] = []
    for line in lines:
        found = frame(line)
        if found:
            stacks = stacks or [[]]
            stacks[-1].append(found)
        elif not stacks:
            first, *inner = line.split("---> ")
            message.append(first.rstrip())
            for part in inner[: _MAX_FAULTS - len(heads)]:
                heads.append("\n".join(message).rstrip())
                message = [_INNER_NUMBER.sub("", part).strip()]
        elif line.lstrip().startswith("---> "):
            break
        elif _ENDS_INNER.match(line) and not dotnet_words.REJOINS.search(line):
            stacks.append([])
    return [*heads, "\n".join(message).rstrip()], stacks


def traces(lines: Sequence[str]) -> Iterator[Trace]:
    """The exceptions that have a stack."""
    at, behind = 0, 0
    members = [number for number, line in enumerate(lines) if _ends_member(line)]
    while at < len(lines):
        line = lines[at]
        if "(" not in line or frame(line) is None:
            at += 1
            continue
        start = _head_above(lines, at, behind)
        stop = _stack_end(lines, at, members)
        if start is not None:
            faults = read_exception(lines[start:stop], of_log=True)
            if faults[0].type:
                yield Trace(start, tuple(faults))
        at = behind = stop


def _stack_end(lines: Sequence[str], at: int, members: Sequence[int]) -> int:
    """The line behind the stack; `members` are the lines on which exceptions of aggregates end."""
    end, blanks = at, 0
    while at < len(lines):
        line = lines[at]
        if _MEMBER.match(line):
            behind = bisect_left(members, at)
            if behind == len(members) or members[behind] - at >= _MAX_MEMBER_LINES:
                break
            at = end = members[behind] + 1
            blanks = 0
            continue
        if _ENDS_INNER.match(line) or frame(line):
            end, blanks = at + 1, 0
        elif line.strip() or blanks:
            break
        else:
            blanks += 1
        at += 1
    return end


def _head_above(lines: Sequence[str], at: int, behind: int) -> int | None:
    """The line of the exception's type, at its start where there is such a line; of a chain the outermost's."""
    numbers = range(at - 1, max(behind, at - 1 - _MAX_HEAD_LINES, 0) - 1, -1)
    found: int | None = None
    for number in numbers:
        if found is not None and not lines[found].lstrip().startswith("--->"):
            break
        if _is_head(lines[number][:_MAX_LINE].strip().removeprefix("---> ")):
            found = number
    if found is not None:
        return found
    return next((number for number in numbers if _LATER_TYPE.search(lines[number][:_MAX_LINE].strip())), None)


def _is_head(text: str) -> bool:
    lead = _LEAD.match(text)
    text = text[lead.end() :].strip() if lead else text
    kind = _TYPE.match(text) or _BRACKETED.match(text)
    if not kind:
        return False
    return _LOOKS_THROWN.search(kind["type"]) is not None or (
        "." in kind["type"] and bool(kind.groupdict().get("colon"))
    )

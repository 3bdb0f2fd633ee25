"""The caller of a function of 32-bit Windows by what its PDB tells of its frame, as Breakpad writes it: STACK WIN.

Source: Breakpad's docs/symbol_files.md (STACK WIN) and src/processor/stackwalker_x86.cc (2024). A program such as `$T0 $ebp =
$eip $T0 4 + ^ = $ebp $T0 ^ = $esp $T0 8 + =` tells the registers; a function without one has a frame of fixed size.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from app.parsers.unwind_rules import MAX_DEPTH, MAX_TOKENS, NUMBER, Outermost, Read

BEGINNING = "WIN "
MOST_SEARCHED = 8  # words from where the return address should be: optimised code keeps more there
_MASK = 0xFFFF_FFFF
_KEPT = ("ebx", "esi", "edi", "ebp")


class WindowsFrame(NamedTuple):
    """What is known of a function's frame, in bytes."""

    parameters: int
    saved: int
    locals: int
    keeps_ebp: bool  # saved by a function that uses it for anything else
    program: str


def frame_of(rules: str) -> WindowsFrame | None:
    """The frame in the words of a table of rules: `WIN <parameters> <saved> <locals> <keeps ebp> <program>`."""
    words = rules.split(" ", 5)
    if len(words) < 5 or not all(word.isdecimal() for word in words[1:5]):
        return None
    parameters, saved, locals_ = map(int, words[1:4])
    return WindowsFrame(parameters, saved, locals_, words[4] == "1", words[5] if len(words) > 5 else "")


def windows_caller(
    frame: WindowsFrame, registers: Mapping[str, int], parameters: int, read: Read, is_code: Callable[[int], bool]
) -> dict[str, int] | None:
    """The registers of the caller; `parameters`: bytes that this function had pushed for the one it called.

    None where the frame does not tell. Raises Outermost.
    """
    esp, ebp = registers.get("esp"), registers.get("ebp")
    if esp is None:
        return None
    at = esp + parameters + frame.locals + frame.saved
    kept = {name: registers[name] for name in _KEPT if name in registers}
    if not frame.program:
        back = read(at)
        at, back = _searched(at, back, read, is_code)
        if back is None:
            return None
        saved = read(esp + parameters + frame.saved - 8) if frame.keeps_ebp else ebp
        return {**kept, **({"ebp": saved} if saved is not None else {}), "eip": back, "esp": (at + 4) & _MASK}
    at, back = _searched(at, read(at), read, is_code)
    given = {f"${name}": value for name, value in registers.items()}
    given |= {".raSearch": at, ".raSearchStart": at, ".cbSavedRegs": frame.saved, ".cbLocals": frame.locals,
              ".cbParams": frame.parameters}  # fmt: skip
    made = _run(frame.program, given, read)
    if made is None or "$eip" not in made or "$esp" not in made or made["$esp"] == esp:
        return None
    if made["$eip"] == 0:
        raise Outermost
    changed = {name: made[f"${name}"] for name in _KEPT if f"${name}" in made}
    return {**kept, **changed, "eip": made["$eip"], "esp": made["$esp"]}


def _searched(at: int, back: int | None, read: Read, is_code: Callable[[int], bool]) -> tuple[int, int | None]:
    """Where the return address is: there, or a few words above."""
    for place in range(at, at + 4 * MOST_SEARCHED, 4):
        word = read(place)
        if word is not None and is_code(word):
            return place, word
    if back == 0:
        raise Outermost
    return at, None


def _run(program: str, given: Mapping[str, int], read: Read) -> dict[str, int] | None:
    """The variables after the program; None where it needs what is not known."""
    variables, values = dict(given), list[int | str]()

    def number(value: int | str) -> int | None:
        return variables.get(value) if isinstance(value, str) else value

    tokens = program.split()
    for token in tokens if len(tokens) <= MAX_TOKENS else ():
        found: int | str | None
        if token in ("=", "+", "-", "*", "/", "%", "@"):
            if len(values) < 2:
                return None
            right, left = number(values.pop()), values.pop()
            if right is None:
                return None
            if token == "=":  # noqa: S105
                if not isinstance(left, str):
                    return None
                variables[left] = right
                continue
            found = _combined(token, number(left), right)
        elif token == "^":  # noqa: S105
            place = number(values.pop()) if values else None
            found = read(place) if place is not None else None
        else:
            found = int(token) if NUMBER.fullmatch(token) else token
        if found is None or len(values) >= MAX_DEPTH:
            return None
        values.append(found & _MASK if isinstance(found, int) else found)
    return variables


def _combined(operator: str, left: int | None, right: int) -> int | None:
    if left is None or (operator in "/%@" and right == 0):
        return None
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left // right
        case "%":
            return left % right
    return left - left % right

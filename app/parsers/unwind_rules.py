"""The caller of a function by call frame information, as Breakpad writes it: `.cfa: $rsp 16 + .ra: .cfa -8 + ^`.

Source: Breakpad's docs/symbol_files.md (STACK CFI) and src/processor/cfi_frame_info.cc (2024). Each rule is an expression in
postfix form over the registers of the function and `.cfa`, which is where its caller's stack was: `^` reads the stack.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from app.parsers.minidump_registers import Cpu

MAX_TOKENS = 1_000  # of all rules of a place
NUMBER = re.compile(r"-?[0-9]{1,20}")
MAX_DEPTH = 50  # values on the stack of an expression

_CFA, _RETURN, _UNDEFINED = ".cfa", ".ra", ".undef"
_WORDS = (_CFA, _RETURN, _UNDEFINED)
_OTHER_NAMES = {
    "arm64": {"x29": "fp", "x30": "lr", "x31": "sp"},
    "arm": {"r13": "sp", "r14": "lr", "r15": "pc", "fp": "r11"},
}

Read = Callable[[int], int | None]
"""The word at an address of the stack; None outside of it."""
Rules = dict[str, tuple[str, ...]]


class Outermost(Exception):
    """The function has no caller."""


def caller(cpu: Cpu, rules: str, registers: Mapping[str, int], read: Read) -> dict[str, int] | None:
    """The registers of the caller, as far as they are known; None where the rules do not tell its place or stack.

    Raises Outermost.
    """
    read_rules = _read(rules, cpu.name)
    if read_rules is None or _CFA not in read_rules:
        return None
    mask = (1 << 8 * cpu.width) - 1
    known = dict(registers)
    cfa = _value(read_rules[_CFA], known, read, mask)
    if cfa is None:
        return None
    known[_CFA] = cfa
    found = {name: registers[name] for name in cpu.saved if name in registers}
    for name, tokens in read_rules.items():
        if name not in (_CFA, _RETURN):
            value = _value(tokens, known, read, mask)
            if value is not None:
                found[name] = value
            else:
                found.pop(name, None)
    back = _return_address(cpu, read_rules, known, read, mask)
    if back is None:
        return None
    found.setdefault(cpu.sp, cfa)
    found[cpu.pc] = back
    return found


def _return_address(cpu: Cpu, rules: Rules, known: Mapping[str, int], read: Read, mask: int) -> int | None:
    tokens = rules.get(_RETURN)
    if tokens == (_UNDEFINED,):
        raise Outermost
    if tokens is None:
        if cpu.lr is None:
            return None
        tokens = rules.get(cpu.lr) or (cpu.lr,)
    back = _value(tokens, known, read, mask)
    if back == 0:
        raise Outermost
    return back


@lru_cache(4_096)
def _read(rules: str, cpu: str) -> Rules | None:
    tokens = rules.split()
    if len(tokens) > MAX_TOKENS:
        return None
    names = _OTHER_NAMES.get(cpu, {})
    found: dict[str, list[str]] = {}
    name = ""
    for token in tokens:
        plain = token.removesuffix(":").removeprefix("$")
        if plain not in _WORDS:
            plain = plain.removeprefix(".")  # of a PE for ARM64, `.x29` is a register
        plain = names.get(plain, plain)
        if token.endswith(":"):
            name = plain
            found[name] = []
        elif not name:
            return None
        else:
            found[name].append(plain)
    return {name: tuple(expression) for name, expression in found.items()}


def _value(tokens: tuple[str, ...], known: Mapping[str, int], read: Read, mask: int) -> int | None:
    """What the expression comes to; None where it needs what is not known."""
    values: list[int] = []
    for token in tokens:
        if token == "^":  # noqa: S105
            found = read(values.pop()) if values else None
        elif token in _OPERATORS:
            if len(values) < 2:
                return None
            right, left = values.pop(), values.pop()
            found = _OPERATORS[token](left, right)
        elif NUMBER.fullmatch(token):
            found = int(token)
        else:
            found = known.get(token)
        if found is None or len(values) >= MAX_DEPTH:
            return None
        values.append(found & mask)
    return values[0] if len(values) == 1 else None


_OPERATORS: dict[str, Callable[[int, int], int | None]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left // right if right else None,
    "%": lambda left, right: left % right if right else None,
    "@": lambda left, right: left - left % right if right else None,
}

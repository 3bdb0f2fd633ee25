"""What ended a process: the namespace and code that Apple's systems tell, in words, and what a code names."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from app.crashes.log import CrashLog, Fault
from app.crashes.rules import CODED_TYPES, TERMINATION_CODES, TERMINATION_NAMESPACES

# "Namespace SPRINGBOARD, Code 0x8badf00d" (text), "FRONTBOARD 2343432205" and "FRONTBOARD, 2343432205, ..." (JSON)
_TOLD = re.compile(
    r"(?:Termination(?: Reason)?: {0,4})?(?:Namespace )?(?P<space>[A-Z]{3,16}|<0x[0-9A-Fa-f]{1,8}>),? {1,4}"
    r"(?:Code )?(?:0x(?P<hex>[0-9a-fA-F]{1,16})|(?P<decimal>\d{1,20}))\b"
)
_CODE = re.compile(r"0x0{0,8}([0-9a-fA-F]{8})\b")
_CODE_NAME = re.compile(r"\b[A-Z][A-Z0-9]{1,20}_[A-Z0-9_]{2,60}\b")
_NOTES = 20  # that are looked at


class Termination(NamedTuple):
    """Who ended it, with which code."""

    namespace: str | None  # None where the log tells the code alone
    code: int

    @property
    def part(self) -> str:
        """As a fingerprint has it: `SPRINGBOARD 0x8badf00d`."""
        return f"{self.namespace} {self.code:#x}" if self.namespace else f"{self.code:#x}"

    @property
    def words(self) -> str:
        """As a title has it: `0x8badf00d (watchdog: took too long)`; the namespace where the code is not known."""
        meaning = TERMINATION_CODES.get(self.code) or TERMINATION_NAMESPACES.get(self.namespace or "")
        short = f"{self.code:#x}" if self.code in TERMINATION_CODES else self.part
        return f"{short} ({meaning})" if meaning else short


def termination(log: CrashLog) -> Termination | None:
    """What ended the process; None where it ended by itself or the log does not tell."""
    for text in _texts(log):
        told = _TOLD.match(text)
        if told:
            number = int(told["hex"], 16) if told["hex"] else int(told["decimal"])
            if told["space"] in TERMINATION_NAMESPACES or number in TERMINATION_CODES:
                return Termination(told["space"], number)
        code = _CODE.match(text)
        if code and int(code[1], 16) in TERMINATION_CODES:
            return Termination(None, int(code[1], 16))
    return None


def code_name(fault: Fault) -> str | None:
    """`RESOURCE_TYPE_MEMORY`, `GUARD_TYPE_FD`: what went wrong, where the type alone does not tell it; else None."""
    named = _CODE_NAME.search(fault.code or "") if (fault.type or "").partition(" (")[0] in CODED_TYPES else None
    return named[0] if named else None


def _texts(log: CrashLog) -> Iterator[str]:
    """Where parsers keep it: the code, a note, the message of MetricKit."""
    fault = log.faults[0] if log.faults else None
    if fault and fault.code:
        yield fault.code
    yield from (note for note in log.notes[:_NOTES] if note.startswith("Termination"))
    if fault and fault.message:
        yield fault.message

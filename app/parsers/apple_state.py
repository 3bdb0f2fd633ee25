"""In what state an Apple process was when it crashed, and what ended it: role, parent, translation, termination."""

import re
from typing import Any

from app.parsers import values
from app.parsers.apple_names import is_zero, known
from app.parsers.values import mapping

_TERMINATION = re.compile(
    r"Namespace (?P<space>[\w<>-]{1,40}), Code (?P<code>0x[0-9a-fA-F]{1,16}|\d{1,20})(?P<rest>.{0,200})"
)
_MANY = 0x10000  # from here on a code is one of those that are known by their hex digits
_SIGNAL = "SIGNAL"  # the namespace of a process that ended by a signal alone
_SECONDS = re.compile(r"(\d{1,12}) seconds")

Details = dict[str, str | int | bool]


def termination_code(space: str | None, code: Any) -> str | None:
    """`SPRINGBOARD 0xdead10cc`, `DYLD 1`; None where the namespace is unknown."""
    number = values.address(code)
    if space is None:
        return None
    word = known(code) if number is None else f"{number:#x}" if number >= _MANY else str(number)
    return f"{space} {word}" if word else space


def spoken_termination(line: str | None) -> str | None:
    """The same of a "Namespace SPRINGBOARD, Code 0xdead10cc" with what follows it, other words as they are."""
    found = _TERMINATION.match(line or "")
    if not found:
        return known(line)
    return f"{termination_code(found['space'], found['code'])}{found['rest'].rstrip()}"


def of_body(body: dict[str, Any]) -> Details:
    """What the body of an .ips says."""
    exception, termination = mapping(body.get("exception")), mapping(body.get("termination"))
    codes, parent = known(exception.get("codes")), known(body.get("parentProc"))
    pid, space = values.integer(body.get("parentPid")), known(termination.get("namespace"))
    return present({
        "role": known(body.get("procRole")),
        "parent_process": f"{parent} [{pid}]" if parent and pid is not None else parent,
        "responsible_process": known(body.get("responsibleProc")),
        "translated": _flag(body.get("translated")) or None,
        "locked": _flag(body.get("isLocked")),
        "uptime_seconds": values.integer(body.get("uptime")),
        "exception_codes": codes if codes and known(exception.get("subtype")) and not is_zero(codes) else None,
        "termination": termination_code(space, termination.get("code")) if space != _SIGNAL else None,
        "terminated_by": known(termination.get("byProc")),
    })  # fmt: skip


def of_header(header: dict[str, str | None]) -> Details:
    """What the header of a text report says, by its keys."""
    code_type, uptime = header.get("Code Type") or "", _SECONDS.match(header.get("Time Awake Since Boot") or "")
    codes, reason = known(header.get("Exception Codes")), header.get("Termination Reason")
    return present({
        "role": known(header.get("Role")),
        "parent_process": known(header.get("Parent Process")),
        "responsible_process": known(header.get("Responsible")),
        "translated": "(Translated)" in code_type or None,
        "uptime_seconds": int(uptime[1]) if uptime else None,
        "exception_codes": codes if codes and known(header.get("Exception Subtype")) and not is_zero(codes) else None,
        "termination": None if _SIGNAL in (reason or "") else spoken_termination(reason),
        "terminated_by": known(header.get("Terminating Process")),
    })  # fmt: skip


def present(found: dict[str, str | int | bool | None]) -> Details:
    """What is known."""
    return {key: value for key, value in found.items() if value is not None}


def _flag(value: Any) -> bool | None:
    return bool(value) if isinstance(value, bool) or value in (0, 1) else None

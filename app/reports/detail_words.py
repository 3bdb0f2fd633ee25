"""Details of a report in words: labels, values and times before the crash, as people read them."""

import re
from datetime import datetime

_BYTES = re.compile(r".*(?:memory|storage|heap|footprint)(?:_size|_limit|_bytes)?")
_PERCENT = "_percent"
_LABELS = {"url": "URL"}

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400  # seconds


def label_of(name: str) -> str:
    """`Free memory` for `free_memory`."""
    spoken = name.replace("_", " ").removesuffix(" percent")
    return _LABELS.get(name, spoken[:1].upper() + spoken[1:])


def detail(name: str, value: str | int | bool) -> str:
    """`301 MB`, `83 %`, `yes`: what the name says of the value's unit."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and name.endswith(_PERCENT):
        return f"{value} %"
    if isinstance(value, int) and value >= 0 and _BYTES.fullmatch(name):
        return size_of(value)
    return str(value)


def size_of(value: int) -> str:
    """`340 B`, `1.2 MB`: by thousands, as usual for files."""
    amount, unit = float(value), "B"
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if amount < 1000 or unit == "TB":
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"


def before_crash(at: datetime | None, crash: datetime | None) -> str:
    """`-12.4 s`, `-3 min 5 s`, `-2 h 10 min`, `-4 d 1 h`; `+0.2 s` after the crash; "" where either time is unknown."""
    if at is None or crash is None:
        return ""
    seconds = (at - crash).total_seconds()
    return f"{'+' if seconds >= 0.05 else '-' if seconds <= -0.05 else ''}{_length(abs(seconds))}"


def _length(seconds: float) -> str:
    if seconds < _MINUTE - 0.05:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{whole // _DAY:,} d {whole % _DAY // _HOUR} h"

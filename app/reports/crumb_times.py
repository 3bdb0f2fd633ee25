"""How long before the crash something happened, as people say it."""

from datetime import datetime

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400  # seconds


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

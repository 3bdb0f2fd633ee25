"""Reading loosely typed values out of a log: each function returns the value or None, and never raises."""

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from app.crashes.log import Json

F = TypeVar("F")

MAX_TEXT = 65_536  # characters kept of one value; a longer one is cut with an ellipsis
MAX_TIME = 100  # characters of a time with the blanks around it; longer text is none
MAX_FRAMES = 1_000  # frames kept of one stack: the first half and the last half of a deeper recursion
MAX_ADDRESS = 2**64 - 1

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # no UTF-8 file and no PostgreSQL text can hold these
_ZONE_WITHOUT_COLON = re.compile(r"([+-]\d{2})(\d{2})$")
_INTEGER = re.compile(r"-?[0-9]{1,19}")
_ADDRESS = re.compile(r"(0[xX])?([0-9a-fA-F]{1,20})")
_FRACTION = re.compile(r"(\.\d{6})\d+")


def text(value: Any) -> str | None:
    """A non-empty string out of a string or number, cleaned of what cannot be stored; else None."""
    if isinstance(value, str):
        if value.isascii() and "\0" not in value and len(value) <= MAX_TEXT:  # spares most a call of `clean`
            return value or None
        return clean(value) or None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return clean(str(value))


def number_text(value: Any) -> str | None:
    """The same of what is a whole number where it is a number: a build of 52.0 is "52"."""
    return text(_whole(value))


def _whole(value: Any) -> Any:
    """An int for a float that is one: some writers of JSON have no others."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def clean(value: str) -> str:
    """The same text without NUL characters and lone surrogates (replaced by U+FFFD), at most MAX_TEXT long."""
    if not value.isascii() or "\0" in value:  # what is known at once of most texts is not searched
        value = _UNSTORABLE.sub("\ufffd", value)
    return value if len(value) <= MAX_TEXT else value[: MAX_TEXT - 1] + "…"


def integer(value: Any) -> int | None:
    """A whole number out of a number or decimal text, within 64 bits signed; else None."""
    if type(value) is int:  # what most are in JSON
        return value if -(2**63) <= value < 2**63 else None
    if value is None:
        return None
    if isinstance(value, str):
        value = int(value) if _INTEGER.fullmatch(value.strip()) else None
    value = _whole(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if -(2**63) <= value < 2**63 else None


def address(value: Any) -> int | None:
    """An address in 0..2**64-1 out of a number, or of text in 0x-hex or decimal; else None."""
    if type(value) is int:  # what most are in JSON
        return value if 0 <= value <= MAX_ADDRESS else None
    if value is None:
        return None
    if isinstance(value, str):
        match = _ADDRESS.fullmatch(value.strip())
        if not match or (not match[1] and not match[2].isdecimal()):
            return None
        value = int(match[2], 16 if match[1] else 10)
    value = _whole(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= MAX_ADDRESS else None


def mapping(value: Any) -> dict[str, Any]:
    """The dict itself, or an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """The list itself, or an empty one."""
    return value if isinstance(value, list) else []


def boolean(value: Any) -> bool | None:
    """True or False when the value is just that; else None."""
    return value if isinstance(value, bool) else None


def basename(path: Any) -> str | None:
    """The last part of a path with either slash; else None."""
    value = (text(path) or "").rstrip("/\\")
    return value[max(value.rfind("/"), value.rfind("\\")) + 1 :] or None


def utc_time(value: Any) -> datetime | None:
    """An aware UTC time out of ISO 8601 text (no zone means UTC; `+0800` and 1..9 decimals are taken); else None."""
    if not isinstance(value, str) or len(value) > MAX_TIME:
        return None
    if not value.isascii():
        value = _ascii_digits(value)
    try:
        return _in_utc(datetime.fromisoformat(value.strip()))
    except (ValueError, OverflowError):
        pass  # what Python 3.11 does not take as it stands
    iso = _ZONE_WITHOUT_COLON.sub(
        r"\1:\2", _FRACTION.sub(r"\1", re.sub(r"(?<!\s)\s+([+-]\d{2}:?\d{2})$", r"\1", value.strip()))
    )
    try:
        return _in_utc(datetime.fromisoformat(iso))
    except (ValueError, OverflowError):
        return None


def _ascii_digits(text: str) -> str:
    """Digits of any script as 0 to 9: devices set to Arabic or Persian write times in theirs. Blanks become spaces."""
    digits = (unicodedata.decimal(letter, None) for letter in text)
    return "".join(
        " " if letter.isspace() else letter if digit is None else str(digit)
        for letter, digit in zip(text, digits, strict=True)
    )


def _in_utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def unix_time(value: Any, per_second: int = 1) -> datetime | None:
    """An aware UTC time out of a count since 1970 in units of 1/per_second seconds; else None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=value / per_second)
    except (ValueError, OverflowError):
        return None


def plain_json(value: Any, depth: int = 20) -> Json:
    """The value with every string cleaned; what is nested deeper than `depth` becomes the text "…"."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, (dict, list)) and depth == 0:
        return "…"
    if isinstance(value, dict):
        return {clean(str(key)): plain_json(child, depth - 1) for key, child in value.items()}
    if isinstance(value, list):
        return [plain_json(child, depth - 1) for child in value]
    return value if isinstance(value, (bool, int, float)) else None


def plain_mapping(value: Any) -> dict[str, Json]:
    """The plain values of an object by their cleaned names, without lists and objects."""
    plain = {
        clean(str(key)): plain_json(each) for key, each in mapping(value).items() if not isinstance(each, (dict, list))
    }
    return {key: each for key, each in plain.items() if each is not None}


def bounded(frames: list[F]) -> tuple[F, ...]:
    """At most MAX_FRAMES of a stack, of frames or lines: its first and last half, which tell a runaway recursion."""
    if len(frames) <= MAX_FRAMES:
        return tuple(frames)
    half = MAX_FRAMES // 2
    return (*frames[:half], *frames[-half:])

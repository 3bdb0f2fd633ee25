"""The built-in patterns of what identifies a person or opens a door, each with a check that a pattern alone cannot make.

They are matched by RE2, in time that grows with the text alone, whatever the pattern.
"""

import ipaddress
import re
from collections.abc import Callable
from typing import NamedTuple

MAX_CARD = 19  # digits


class Pattern(NamedTuple):
    """What to look for, what stands in its place, and which finds count."""

    regex: str  # in RE2's words
    instead: str
    counts: Callable[[str, str, str], bool]  # (found, sign before, signs after); "" at an end


def _always(_match: str, _before: str, _after: str) -> bool:
    return True


def _is_ipv4(_match: str, before: str, after: str) -> bool:
    """Not within a longer row of numbers, such as a version."""
    return before not in (".", "-") and not re.match(r"\.\d|-", after)


def _is_ipv6(found: str, before: str, after: str) -> bool:
    """Not a time of day, and not a scope: `std::vector` has hexadecimal digits beside its colons too."""
    if _is_word(before) or _is_word(after[:1]) or not any(sign.isdigit() for sign in found):
        return False
    try:
        return ipaddress.ip_address(found).version == 6
    except ValueError:
        return False


def _is_card(found: str, before: str, after: str) -> bool:
    """A number of a known brand and length with the right check digit (Luhn)."""
    digits = [int(sign) for sign in found if sign.isdigit()]
    if before in ("-", ".") or re.match(r"[-.]\d", after) or not _is_of_a_brand("".join(map(str, digits))):
        return False
    doubled = [digit if place % 2 == 0 else sum(divmod(2 * digit, 10)) for place, digit in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


def _is_of_a_brand(number: str) -> bool:
    length, first, first_four = len(number), int(number[:2]), int(number[:4])
    if number[0] == "4":
        return length in (13, 16, 19)
    if 51 <= first <= 55 or 2221 <= first_four <= 2720:
        return length == 16
    if first in (34, 37):
        return length == 15
    if first in (30, 36, 38, 39):
        return length in (14, 16, 19)
    return first in (35, 50, 56, 57, 58, 60, 62, 63, 64, 65, 67) and 16 <= length <= MAX_CARD


def _is_word(sign: str) -> bool:
    return sign.isalnum() or sign == "_"


_BYTE = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_TOKENS = (
    r"(?i:\bbearer)\s+[A-Za-z0-9._~+/=-]{8,}",
    r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*",  # a JSON web token
    r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b",
    r"\bgh[pousr]_[A-Za-z0-9]{36,}",
    r"\bxox[abeprs]-[A-Za-z0-9-]{10,}",
    r"\b[rsp]k_(?:live|test)_[A-Za-z0-9]{16,}",
    r"\bAIza[A-Za-z0-9_-]{35}",
    r"(?s:-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,32}PRIVATE KEY-----|$))",
    r"(?i:\b(?:password|passwd|pwd|secret|api[_-]?key|access[_-]?key|auth[_-]?token|access[_-]?token|refresh[_-]?token"
    r"|session[_-]?id|token)[\"']?\s*[:=]\s*[\"']?)[^\s\"',;&<>()]{3,}",
)

PATTERNS = {
    "email": Pattern(r"[\pL\pN._%+'-]+(?:@|%40)(?:[\pL\pN-]+\.)+\pL{2,}", "[email]", _always),
    "ipv4": Pattern(rf"\b(?:{_BYTE}\.){{3}}{_BYTE}\b", "[ip]", _is_ipv4),
    "ipv6": Pattern(r"[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:\.\d{1,3}){0,3}", "[ip]", _is_ipv6),
    "card": Pattern(r"\b\d(?:[ -]?\d){12,18}\b", "[card]", _is_card),
    "token": Pattern("|".join(_TOKENS), "[token]", _always),
}
"""Name -> pattern, as settings name them."""

"""What loaded images say about a crash (`crash_info`, "Application Specific Information"): which of it is the message.

Source: Darwin's CrashReporterClient.h; lines of real reports of macOS 10.14 to 15 and iOS 13 to 26.
"""

import re
from collections.abc import Iterable

from app.parsers.apple_names import known

_NOISE = re.compile(  # stands in healthy processes too
    r"CoreSimulator |dyld\d{0,2} (?:mode|config)|dyld: launch|dyld: in |abort\(\) called|Performing @selector\("
)
_FIRST = ("libswiftcore",)  # says why the program ended itself
_SECOND = ("libc++abi", "libsystem_", "libobjc", "libdispatch", "libxpc", "corefoundation", "foundation", "dyld")
_LAST = ("appkit", "uikit", "hitoolbox")  # say what the program was doing


def plain_information(information: str) -> str | None:
    """What tells of the crash, without the lines that stand in healthy reports too; None when nothing does."""
    lines = [line for line in information.split("\n") if line.strip() and not _NOISE.match(line.strip())]
    return known("\n".join(lines))


def most_telling(said: Iterable[tuple[str | None, str]]) -> list[str]:
    """The texts of (image, text), those of runtimes before those of user interfaces, else in their order."""
    return [text for _, text in sorted(said, key=lambda each: _rank(each[0]))]


def _rank(image: str | None) -> int:
    name = (image or "").lower()
    ranks = (_FIRST, _SECOND, (), _LAST)
    return next((rank for rank, names in enumerate(ranks) if name.startswith(names)), 2) if name else 2

"""Details of a report in words: labels and values as people read them."""

import re

_BYTES = re.compile(r".*(?:memory|storage|heap|footprint)(?:_size|_limit|_bytes)?")
_PERCENT = "_percent"
_LABELS = {"url": "URL"}


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

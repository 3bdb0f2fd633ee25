"""A crash report with its stacks walked by the call frame information of its images, where the log holds memory."""

from collections.abc import Callable
from dataclasses import replace

from app.crashes.log import BinaryImage, CrashLog
from app.symbols.awaited_keys import debug_id
from app.symbols.unwind_table import UnwindTable


def unwind_ids(log: CrashLog) -> list[str]:
    """The debug ids of the images that a stack of the report may lie in; none of a log that holds no memory."""
    if log.walk is None:
        return []
    return list(dict.fromkeys(found for image in log.images if (found := _id(image, log))))


def unwound(log: CrashLog, table: Callable[[str], UnwindTable | None], *, only_crash: bool = False) -> CrashLog:
    """The report with its stacks walked again; with `only_crash` only that of the crashed thread."""
    if log.walk is None:
        return log
    tables: dict[int, UnwindTable | None] = {}

    def find(image: BinaryImage) -> UnwindTable | None:
        place = image.address or 0
        if place not in tables:
            found = _id(image, log)
            tables[place] = table(found) if found else None
        return tables[place]

    return replace(log, threads=log.walk(find, only_crash=only_crash))


def _id(image: BinaryImage, log: CrashLog) -> str | None:
    return debug_id(image.debug_id, is_elf=log.platform != "apple") if image.debug_id else None

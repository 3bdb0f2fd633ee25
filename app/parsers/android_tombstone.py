"""Android tombstones as text: debuggerd's own (`/data/tombstones`, DropBox) and those of xCrash, native and Java.

Source and what is left out: see app.parsers.tombstone_block. Several tombstones in one file are several reports.
"""

from dataclasses import replace

from app.crashes.log import CrashLog
from app.errors import MalformedLog
from app.parsers import android_kind, tombstone_block, tombstone_log
from app.parsers.document import Document

FORMAT = "android-tombstone"
MAX_REPORTS = 500


def sniff(document: Document) -> bool:
    """True when the text begins as a tombstone does, below `Key: value` lines at most."""
    return android_kind.kind(document) == "tombstone"


def parse(document: Document) -> list[CrashLog]:
    """The crash reports, in the order of the file. Raises MalformedLog when none of them tells of a crash."""
    found, reason = [], "The tombstone holds no crash"
    for lines in blocks((document.text or "").split("\n"))[:MAX_REPORTS]:
        try:
            report = tombstone_block.report(tombstone_block.read(lines), FORMAT)
            found.append(report if document.brief else replace(report, breadcrumbs=tombstone_log.of_text(lines)))
        except MalformedLog as error:
            reason = error.message
    if not found:
        raise MalformedLog(reason)
    return found


def blocks(lines: list[str]) -> list[list[str]]:
    """The lines of each tombstone: a new one begins at a line of stars, unless the last has but its header."""
    found: list[list[str]] = [[]]
    for line in lines:
        if android_kind.STARS.match(line) and any(each.startswith("pid: ") for each in found[-1][:100]):
            found.append([])
        found[-1].append(line)
    return found

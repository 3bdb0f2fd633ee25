"""Native crashes as GrapheneOS' log viewer gives them to users: a header, signal, backtrace.

Source: reports of GrapheneOS 2025 and 2026 in public issues. Java crashes of the same viewer are read as Java traces.
Left out on purpose: uid and SELinux context.
"""

import re
from dataclasses import replace

from app.crashes.log import CrashLog
from app.parsers import android_kind, native_text, tombstone_block, values
from app.parsers.document import Document
from app.parsers.native_text import NativeFrame
from app.parsers.tombstone_block import OpenThread, TombstoneBlock

FORMAT = "grapheneos"

MAX_REPORTS = 500

_MAX_LINE = 8_000
_TYPE = re.compile(r"^(?=type: \S)", re.MULTILINE)
_SIGNAL = re.compile(
    r"signal: (?P<number>\d{1,3}) \((?P<name>\w{1,20})\), code (?P<code>-?\d{1,10})"
    r"(?: \((?P<code_name>\w{1,40})[^)]{0,100}\))?"
    r"(?:, faultAddr (?P<address>(?:0x)?[0-9a-fA-F]{1,16}))?"
)
_HEAD = re.compile(r"^(?:type|osVersion|package|processUptime|cmdline): \S", re.MULTILINE)
_SIGNAL_LINE = re.compile(r"^signal: \d{1,3} \(SIG", re.MULTILINE)
_FACT = re.compile(r"(?P<key>[A-Za-z][\w ]{1,40}): (?P<value>.*)$")
_PC = re.compile(r"(?P<before>\(|, )pc (?:0x)?(?P<pc>[0-9a-fA-F]{1,16})\)$")
_OFFSET = re.compile(r"\+(?P<offset>\d{1,18})$")
_SECTION = re.compile(r"(?P<name>backtrace|(?P<what>allocated|deallocated) by thread \d{1,10}):$")
_PACKAGE = re.compile(r"(?P<identifier>[\w.]{1,300})(?::(?P<build>\d{1,19}))?(?:, targetSdk \d{1,5})?$")
_KINDS = {"allocated": "allocation", "deallocated": "deallocation"}


def sniff(document: Document) -> bool:
    """True for a signal below two lines or more of the viewer's header."""
    head = (document.text or "")[:_MAX_LINE]
    if "signal: " not in head or not _SIGNAL_LINE.search(head) or len(_HEAD.findall(head)) < 2:
        return False
    return android_kind.kind(document) is None


def parse(document: Document) -> list[CrashLog]:
    """One crash report for each header with a signal below it. Raises MalformedLog when none tells of a crash."""
    texts = _TYPE.split(document.text or "")
    return [_read(text) for text in texts[:MAX_REPORTS] if _SIGNAL_LINE.search(text)]


def _read(text: str) -> CrashLog:
    facts: dict[str, str] = {}
    block = TombstoneBlock(threads=[OpenThread(None, None)])
    frames = block.threads[0].frames
    for full in text.split("\n"):
        line = full[:_MAX_LINE].rstrip()
        if signal := _SIGNAL.match(line):
            block.signal = block.signal or signal.groupdict()
        elif section := _SECTION.match(line):
            kind = _KINDS.get(section["what"] or "")
            frames = block.memory.setdefault(kind, (section["name"], []))[1] if kind else block.threads[0].frames
        elif found := _frame(line, len(frames)):
            frames.append(found)
        elif fact := _FACT.match(line):
            facts.setdefault(fact["key"], fact["value"].strip())
    package = _PACKAGE.match(facts.get("package", ""))
    block.threads[0].name = values.text(facts.get("threadName"))
    block.process = values.text(facts.get("cmdline")) or (package["identifier"] if package else None)
    block.abort = facts.get("abortMessage")
    block.facts = {
        key: facts[name]
        for key, name in (("Build fingerprint", "osVersion"), ("Cause", "cause"), ("Process uptime", "processUptime"))
        if facts.get(name)
    }
    log = tombstone_block.report(block, FORMAT)
    tagging = {"memory_tagging": facts["MTE"]} if facts.get("MTE") else {}
    app = replace(log.app, identifier=package["identifier"], build=package["build"]) if package else log.app
    return replace(log, app=app, details={**log.details, **tagging})


def _frame(line: str, number: int) -> NativeFrame | None:
    """`    /path/lib.so (function+36, pc 57c99fc)` or `    /path/lib.so (pc 57c99fc)`."""
    place = _PC.search(line, max(len(line) - 40, 0)) if line[:1] in (" ", "\t") else None
    if not place:
        return None
    path, _, function = line[: place.start()].strip().partition(" (")
    offset = _OFFSET.search(function, max(len(function) - 20, 0))
    name = function[: offset.start()] if offset else function
    return native_text.unwound_frame(
        number, int(place["pc"], 16), path or None, name or None, int(offset["offset"]) if offset else None, None
    )

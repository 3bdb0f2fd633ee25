"""Which Android text a log is, decided in one place so that the formats never claim the same log."""

import re
from functools import lru_cache
from typing import Literal

from app.parsers.document import Document

Kind = Literal["tombstone", "anr", "native", "microdump"]

MICRODUMP = "-----BEGIN BREAKPAD MICRODUMP-----"  # Breakpad's, also on other systems of Linux

# Dart's traces without symbols begin with the same stars, but tell of exceptions that end no process.
STARS = re.compile(r"(?:\*\*\* ){15,}\*\*\*(?![ \t]*\n[^\n]{0,200}\bpid: \d{1,10}, tid: \d{1,20}, name )")
_OTHERS = re.compile(r"^(?:Incident Identifier|Exception Type|Binary Images|STACK_TRACE)[ \t]*[:=]", re.M)
_DUMP = re.compile(
    r'^(?:-----( Waiting Channels:)? pid \d+ at |DALVIK THREADS|"[^"\n]{0,1000}" [^\n]{0,100}\bprio=\d+ tid=\d+ '
    r'|"main" tid=1 [A-Z]\w*$)',  # as the Play Console shows it
    re.M,
)
_XCRASH_ANR = re.compile(r"^Crash type: 'anr'", re.M)
_HEADER_LINE = re.compile(r"[ \t]*(?:[A-Za-z][\w /.-]{0,40}: ?.*|[-*=]{3,}.*)?$")
_PROCESS = re.compile(
    r"^[ \t]{0,16}(?:pid: \d+, tid: \d+, name: .*>>> .* <<<|signal \d{1,3} \(SIG\w+\), code -?\d)", re.M
)
_NATIVE = re.compile(
    rf"{STARS.pattern}|\bFatal signal \d{{1,3}} \(SIG|\bsignal \d{{1,3}} \(SIG\w+\), (?:code|fault)|\bCANNOT LINK EXECUTABLE\b"
    r"|==\d+==\s?(?:ERROR|WARNING): \w*Sanitizer: |\bWARNING: ThreadSanitizer: "
    r"|\.\w{1,4}:\d{1,9}:\d{1,9}: runtime error: "
    r"|\bBUG: K(?:ASAN|MSAN|CSAN|FENCE): |\bKernel panic - not syncing"
    r"|\b[Uu]nable to handle (?:kernel|page) |\bkernel BUG at \S{1,300}!|\bBUG: (?:soft|hard) lockup - "
    r"|\b(?:general protection fault|invalid opcode|divide error|double fault)[:,].{0,200}\[#\d{1,4}\]"
)
_MARKS = ("*** *** ***", "DALVIK THREADS", "----- ", " tid=", "atal signal ", "signal ", "CANNOT LINK EXECUTABLE",
          "Sanitizer: ", ": runtime error: ", "BUG: ", "Kernel panic", "handle kernel", "handle page", "kernel BUG",
          "[#", "pid: ", MICRODUMP)  # fmt: skip
_STAMP = re.compile(
    r"\s{0,20}\[ {0,12}(?:\d{1,8}\.\d{6}\]|(?:\d{4}-)?\d\d-\d\d \d\d:)"
)  # the kernel's, logcat's: no JSON
_HEAD = 8_000  # characters in which a tombstone begins


def kind(document: Document) -> Kind | None:
    """The one Android format the text is of, or None."""
    text = document.text
    if text is None or (document.looks_like_json and not _STAMP.match(text)):
        return None
    return _kind(text)


@lru_cache(maxsize=2)  # four parsers ask about the same log
def _kind(text: str) -> Kind | None:
    if not any(mark in text for mark in _MARKS) or _OTHERS.search(text):
        return None
    if MICRODUMP in text:
        return "microdump"
    stars = STARS.search(text)
    begins = _begins(text, stars)
    if begins:
        return "anr" if _XCRASH_ANR.search(text[: stars.end() + _HEAD if stars else _HEAD]) else "tombstone"
    dump = _DUMP.search(text)
    native = _NATIVE.search(text)
    if dump and (native is None or dump.start() < native.start()):
        return "anr"
    return "native" if native else None


def _begins(text: str, stars: re.Match[str] | None) -> bool:
    """True when a tombstone stands at the start, below nothing but `Key: value` lines (those of DropBox)."""
    start = stars.start() if stars else None
    if start is None:
        process = _PROCESS.search(text[:_HEAD])
        start = text.find(process[0].lstrip(), process.start()) if process else None
    if start is None or start > _HEAD or text[text.rfind("\n", 0, start) + 1 : start].strip():
        return False
    before = text[:start].split("\n")
    return all(_HEADER_LINE.match(line) and not line.startswith("---------") for line in before)

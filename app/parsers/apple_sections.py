"""The sections of one Apple text report: header, threads, states, images. Source and fields: see apple_text.py."""

import re
from dataclasses import dataclass, field

HEADER_KEYS = (
    "Incident Identifier", "CrashReporter Key", "Anonymous UUID", "Hardware Model", "Process", "Path", "Identifier",
    "Version", "AppStoreTools", "AppVariant", "Code Type", "Role", "Parent Process", "Responsible", "User ID",
    "Coalition", "Date/Time", "Launch Time", "OS Version", "Release Type", "Baseband Version", "Framework Version",
    "Report Version", "Sleep/Wake UUID", "Bridge OS Version", "Time Awake Since Boot", "Time Since Wake", "Event",
    "System Integrity Protection", "Crashed Thread", "Triggered by Thread", "Highlighted by Thread",
    "Highlighted Thread", "Exception Type", "Exception Codes", "Exception Subtype", "Exception Note",
    "Exception Message", "Exception Reason", "Termination Signal", "Termination Reason", "Termination Description",
    "Terminating Process", "VM Region Info", "PlugIn Path", "PlugIn Identifier", "PlugIn Version", "Beta Identifier",
    "Notes", "Interval Since Last Report", "Crashes Since Last Report", "Per-App Interval Since Last Report",
)  # fmt: skip
"""Every key that a header is known to hold."""

_KEYS = {key.lower(): key for key in HEADER_KEYS}
_KEY = re.compile(r"([A-Z][A-Za-z/ -]{1,40}?) {0,4}:[ \t]*(.*)")
_THREAD = re.compile(r"Thread (\d{1,9})( name)?( Crashed)?(?: \([^)\n]{1,60}\))?:{1,2}[ \t]*(.*)")
_STATE = re.compile(r"(?:Thread (\d{1,9})|Unknown thread) crashed with .*State")
_TRACE = re.compile(r"(?:Last Exception Backtrace|Application Specific Backtrace)(?: \d{1,9})?:[ \t]*(.*)")
_INFORMATION = re.compile(r"(?:Application Specific Information|Dyld Error Message):[ \t]*(.*)")
_IMAGES = re.compile(r"Binary Images(?: \([^)\n]{1,60}\))?:")
_DIAGNOSIS = re.compile(r"(?:CrashDoctor )?Diagnosis:[ \t]*(.*)")
_HANDLER = "Handler crashed while reporting"
_OTHER = re.compile(
    r"(?:External Modification Summary|VM Region Summary|Extra Information|Error Formulating Crash Report|Kernel Triage"
    r"|Filtered syslog|Thread \d{1,9} instruction stream|VM Regions Near|Model|System Profile|Logical CPU"
    r"|Application Specific Signatures|Memory Status|Recrash Diagnosis|Xamarin Exception Stack)\b.*:|EOF$"
)
_FULL_REPORT = re.compile(r"Full Report\n-{3,}")
_MULTI_LINE = ("Termination", "Exception", "VM Region Info")


@dataclass(slots=True)
class TextBlock:
    """One thread block; its frames are still lines."""

    index: int
    is_flagged: bool  # "Thread 5 Crashed:"
    label: str
    lines: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Sections:
    """One report, cut into its sections; nothing is interpreted."""

    header: dict[str, list[str]] = field(default_factory=dict)  # key -> its lines; of a repeated key the first counts
    loose: list[str] = field(default_factory=list)  # header lines without a key
    labels: dict[int, str] = field(default_factory=dict)  # thread -> text of its "Thread 5 name:" line
    blocks: list[TextBlock] = field(default_factory=list)
    states: dict[int | None, list[str]] = field(default_factory=dict)  # None: the thread is unknown
    traces: list[list[str]] = field(default_factory=list)  # backtraces of exceptions
    information: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    diagnosis: list[str] = field(default_factory=list)
    handler: str | None = None  # text of the crash inside the crash handler

    def value(self, key: str) -> str | None:
        """The first line of a header key, or None."""
        lines = self.header.get(key)
        return lines[0].strip() or None if lines else None


def split_reports(text: str) -> list[str]:
    """The reports in the text: a new one begins where `Incident Identifier:` or `Process:` comes a second time.

    macOS appends the JSON it made the text from below "Full Report": that is the same crash and is cut off.
    """
    full = _FULL_REPORT.search(text)
    text = text[: full.start()] if full else text
    starts, seen = [0], set[str]()
    for found in re.finditer(r"^(Incident Identifier|Process) {0,4}:[ \t]*\S", text, re.MULTILINE):
        if found[1] in seen:
            starts.append(found.start())
            seen = set()
        seen.add(found[1])
    return [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]


def cut(report: str) -> Sections:
    """The sections of one report."""
    body, marker, handler = report.partition(_HANDLER)
    found = Sections(handler=handler if marker else None)
    current: list[str] | None = None  # lines of the open section; None while the header lasts
    is_state, key = False, ""
    for line in body.split("\n"):
        opened = _open(found, line)
        if opened is not None:
            current, is_state = opened, line.find(" crashed with ") > 0
        elif current is None:
            key = _read_header(found, line, key)
        elif is_state and not line.strip():
            current, is_state = [], False
        elif line.strip():
            current.append(line)
    return found


def _open(found: Sections, line: str) -> list[str] | None:
    """Begin the section that the line is the heading of; returns the list for its lines, None when it is no heading."""
    if line[:1] not in "TLADBCEVKFMSRX" or not line:
        return None
    if thread := _THREAD.match(line):
        return _open_thread(found, thread)
    if state := _STATE.match(line):
        return found.states.setdefault(int(state[1]) if state[1] else None, [])
    if trace := _TRACE.match(line):
        found.traces.append([trace[1]] if trace[1] else [])
        return found.traces[-1]
    if _IMAGES.match(line):
        return found.images
    if information := _INFORMATION.match(line):
        found.information += [information[1]] if information[1] else []
        return found.information
    if diagnosis := _DIAGNOSIS.match(line):
        found.diagnosis.append(diagnosis[1])
        return found.diagnosis
    return [] if _OTHER.match(line) else None


def _open_thread(found: Sections, heading: re.Match[str]) -> list[str]:
    index, label = int(heading[1]), heading[4].strip()
    if heading[2]:
        found.labels[index] = label
        return []
    found.blocks.append(TextBlock(index, bool(heading[3]), label))
    return found.blocks[-1].lines


def _read_header(found: Sections, line: str, key: str) -> str:
    """Keep one line of the header; returns the key that a following line may continue."""
    entry = _KEY.match(line)
    name = _KEYS.get(entry[1].lower()) if entry else None
    if entry and name:
        found.header.setdefault(name, [entry[2]])
        return name
    if line.strip() and key.startswith(_MULTI_LINE):
        found.header[key].append(line.strip())
    elif line.strip():
        found.loose.append(line.strip())
    return key if line.strip() else ""

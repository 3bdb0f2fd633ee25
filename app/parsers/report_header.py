"""The `Key: value` lines that tools print above a stack trace: app, system, device, process and time.

Source: AOSP's DropBoxManager entries (`ActivityManagerService.appendDropBoxProcessHeaders`, Android 14; `dumpsys
dropbox --print`), Crashlytics' text export, GrapheneOS' log viewer, HockeyApp's and Firebase's headers.
Left out on purpose: flags, uids, run times, loading progress, ids of issues and sessions.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

from app.crashes.log import AppInfo, DeviceInfo, OsInfo
from app.parsers import android_build, values

MAX_LINES = 60  # lines above a trace that are looked at

_MAX_LINE = 1_000  # characters of a line that are read
_MAX_BLANKS = 3  # empty lines in a row, where line ends were doubled
_LINE = re.compile(r"[ \t]{0,20}(?:[#*-]{1,3} )?(?P<key>[A-Za-z][A-Za-z ._-]{0,40}?) ?[:=] ?(?P<value>.*)$")
_KEYS = {
    "process": "process", "processname": "process", "cmdline": "process", "pid": "pid", "package": "package",
    "packagename": "package", "application": "package", "applicationid": "package", "bundleid": "package", "appid": "package",
    "version": "version", "versionname": "version", "appversion": "version", "appversionname": "version",
    "versioncode": "build", "appversioncode": "build", "buildnumber": "build", "build": "fingerprint",
    "buildfingerprint": "fingerprint", "fingerprint": "fingerprint", "osversion": "system", "android": "system",
    "androidversion": "system", "androidbuild": "os_build", "device": "model", "model": "model", "devicemodel": "model",
    "phonemodel": "model", "manufacturer": "manufacturer", "brand": "manufacturer", "date": "date", "time": "date",
    "timestamp": "date", "datetime": "date", "crashtime": "date", "thread": "thread", "threadname": "thread",
    "platform": "platform",
}  # fmt: skip
_PACKAGE = re.compile(
    r"(?P<id>[A-Za-z][\w.]{0,300})(?:(?: v|:)(?P<build>-?\d{1,19}))?(?: \((?P<version>[^()]{1,200})\))?"
)
_VERSION = re.compile(r"(?P<version>[^()]{1,200}?)(?: ?\((?P<build>[^()]{1,100})\))?$")
_ENTRY = re.compile(r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) \w{1,60} \((?:text|compressed text), \d{1,12} bytes\)$")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SPOKEN = re.compile(
    rf"(?:[A-Z][a-z]{{2}},? )?(?P<month>{'|'.join(_MONTHS)}) (?P<day>\d{{1,2}}) (?:(?P<year>\d{{4}}) )?(?P<time>\d\d:\d\d:\d\d)"
    r"(?: (?:GMT|UTC))?(?P<zone>[+-]\d\d:?\d\d)?(?: \([^()]{1,100}\))?(?: (?P<late_year>\d{4}))?$"
)  # JavaScript's Date and Java's


@dataclass(frozen=True, slots=True)
class ReportHeader:
    """What the lines above a trace tell."""

    process: str | None = None
    process_id: int | None = None
    thread: str | None = None
    occurred_at: datetime | None = None  # UTC, aware
    has_zone: bool = True
    app: AppInfo = field(default_factory=AppInfo)
    os: OsInfo = field(default_factory=OsInfo)
    device: DeviceInfo = field(default_factory=DeviceInfo)


def read(above: Sequence[str]) -> ReportHeader:
    """Return what the lines right above a trace tell; an empty header when they are none."""
    told: dict[str, str] = {}
    blanks = 0
    for line in reversed(above[-MAX_LINES:]):
        text = line[:_MAX_LINE].rstrip()
        entry = _ENTRY.match(text)
        if entry:
            told.setdefault("entry", entry["time"])
            break
        found = _LINE.match(text)
        blanks = 0 if text else blanks + 1
        if (text and not found and not text.startswith("#")) or blanks > _MAX_BLANKS:
            break
        if found:
            key = _KEYS.get(re.sub(r"[ ._-]", "", found["key"]).lower())
            if key and found["value"].strip():
                told[key] = found["value"].strip()  # of a key given twice the first counts, and this goes upwards
    return _header(told) if told else ReportHeader()


def _header(told: dict[str, str]) -> ReportHeader:
    package = _PACKAGE.match(told.get("package", ""))
    version = _VERSION.match(told.get("version", ""))
    fingerprint = told.get("fingerprint") or told.get("system")
    is_android = _is_android(told)
    system = android_build.system(fingerprint) if is_android else OsInfo()
    spoken = None if "/" in told.get("system", "/") else told["system"].removeprefix("Android ")
    device = android_build.device(fingerprint, values.text(told.get("model")), values.text(told.get("manufacturer")))
    date, has_zone = _date(told)
    name = values.text(told.get("process"))
    identifier = package["id"] if package and "." in package["id"] else (name or "").partition(":")[0]
    return ReportHeader(
        process=name,
        process_id=values.integer(told.get("pid")),
        thread=values.text(told.get("thread")),
        occurred_at=date,
        has_zone=has_zone,
        app=AppInfo(
            identifier=values.text(identifier) if "." in identifier else None,
            version=(package and package["version"]) or (version and values.text(version["version"])) or None,
            build=values.text(told.get("build"))
            or (version and version["build"])
            or (package and package["build"])
            or None,
        ),
        os=OsInfo(
            system.name, values.text(spoken) or system.version, values.text(told.get("os_build")) or system.build
        ),
        device=device,
    )


def _is_android(told: dict[str, str]) -> bool:
    """True for a build fingerprint, a version code beside the package, and a version that is called Android's."""
    fingerprint = told.get("fingerprint") or told.get("system") or ""
    is_named = told.get("platform", "").lower() == "android"
    return is_named or fingerprint.count("/") >= 3 or "system" in told or " v" in told.get("package", "")


def _date(told: dict[str, str]) -> tuple[datetime | None, bool]:
    """The time, and whether its zone is known."""
    text = told.get("date") or told.get("entry") or ""
    spoken = _SPOKEN.match(text)
    if not spoken:
        return values.utc_time(text), bool(re.search(r"(?:Z|[+-]\d\d:?\d\d)$", text))
    year = spoken["year"] or spoken["late_year"]
    if not year:
        return None, True
    zone = spoken["zone"]
    try:
        hour, minute, second = map(int, spoken["time"].split(":"))
        month = _MONTHS.index(spoken["month"]) + 1
        return datetime(int(year), month, int(spoken["day"]), hour, minute, second, tzinfo=_zone(zone)).astimezone(
            UTC
        ), (zone is not None or "GMT" in text or "UTC" in text)
    except (ValueError, OverflowError):
        return None, True


def _zone(text: str | None) -> timezone:
    if not text:
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    return timezone((1 if text[0] == "+" else -1) * timedelta(hours=hours, minutes=minutes))

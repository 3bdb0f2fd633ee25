"""ACRA reports as JSON: what its HTTP sender posts, also as a form, and its mail sender attaches.

Source: ACRA 5's ReportField (https://github.com/ACRA/acra, acra-core, 5.11) and its JSON report format. A report is of one
exception; IS_SILENT marks one that the program reported itself. Left out on purpose: LOGCAT, DUMPSYS_MEMINFO, DISPLAY,
SETTINGS_*, SHARED_PREFERENCES, MEDIA_CODEC_LIST and other dumps of the device: they stay in the raw log.
"""

from typing import Any

from app.crashes.log import AppInfo, CrashLog, DeviceInfo, Fault, Json, OsInfo, Thread
from app.errors import MalformedLog
from app.parsers import java_stack, values
from app.parsers.document import Document

FORMAT = "acra-json"
_NONE = "N/A"  # ACRA's word for no value
MAX_TRACE = 1_000_000  # characters read of the stack trace

_FIELDS = """
ANDROID_VERSION APP_VERSION_CODE APP_VERSION_NAME AVAILABLE_MEM_SIZE BRAND BUILD BUILD_CONFIG CRASH_CONFIGURATION
CUSTOM_DATA DEVICE_ID DISPLAY ENVIRONMENT FILE_PATH INITIAL_CONFIGURATION INSTALLATION_ID IS_SILENT PACKAGE_NAME PHONE_MODEL
PRODUCT REPORT_ID STACK_TRACE_HASH THREAD_DETAILS TOTAL_MEM_SIZE USER_APP_START_DATE USER_COMMENT USER_CRASH_DATE
USER_EMAIL USER_IP"""
_KNOWN = frozenset(_FIELDS.split())
_CUSTOM = {
    "CUSTOM_DATA": "custom_data",
    "USER_COMMENT": "user_comment",
    "USER_EMAIL": "user_email",
    "BUILD_CONFIG": "build_config",
}


def sniff(document: Document) -> bool:
    """True for an object with a text as STACK_TRACE, which nothing else is named by, or with two more of ACRA's fields.

    An app chooses which fields it sends, down to that one.
    """
    report = document.json
    if not isinstance(report, dict) or "STACK_TRACE" not in report:
        return False
    return isinstance(report["STACK_TRACE"], str) or len(_KNOWN & report.keys()) >= 2


def parse(document: Document) -> list[CrashLog]:
    """The one crash report. Raises MalformedLog without a STACK_TRACE."""
    report = {key: value for key, value in values.mapping(document.json).items() if value != _NONE}
    trace = report.get("STACK_TRACE")
    lines = trace[:MAX_TRACE].strip().splitlines() if isinstance(trace, str) else []
    is_silent = _boolean(report.get("IS_SILENT"))
    faults, notes = java_stack.read_faults(lines, is_silent) if lines else ([], [])
    if not lines:
        raise MalformedLog("The ACRA report's STACK_TRACE tells of no exception")
    if not (faults[0].type or faults[0].message or faults[0].frames):
        faults = [Fault(message=values.text(lines[0]), handled=is_silent)]
    build = _mapping(report.get("BUILD"))
    return [
        CrashLog(
            format=FORMAT,
            platform="java",
            report_id=values.text(report.get("REPORT_ID")),
            occurred_at=values.utc_time(report.get("USER_CRASH_DATE")),
            started_at=values.utc_time(report.get("USER_APP_START_DATE")),
            faults=tuple(faults),
            threads=_crashed_thread(report.get("THREAD_DETAILS")),
            app=AppInfo(
                identifier=values.text(report.get("PACKAGE_NAME")),
                version=values.text(report.get("APP_VERSION_NAME")),
                build=values.number_text(report.get("APP_VERSION_CODE")),
            ),
            os=OsInfo(
                name="Android",
                version=values.text(report.get("ANDROID_VERSION")),
                build=values.text(build.get("DISPLAY")) or values.text(build.get("ID")),
            ),
            device=DeviceInfo(
                model=values.text(report.get("PHONE_MODEL")) or values.text(build.get("MODEL")),
                manufacturer=values.text(build.get("MANUFACTURER")) or values.text(report.get("BRAND")),
                arch=_first(build.get("SUPPORTED_ABIS")) or values.text(build.get("CPU_ABI")),
                install_id=values.text(report.get("INSTALLATION_ID")),
            ),
            user_id=values.text(report.get("USER_EMAIL")),
            tags=values.plain_mapping(_mapping(report.get("CUSTOM_DATA"))),
            custom={} if document.brief else _custom(report),
            notes=tuple(notes),
        )
    ]


def _crashed_thread(value: Any) -> tuple[Thread, ...]:
    """The thread of the exception."""
    thread = _mapping(value)
    number, name = values.integer(thread.get("id")), values.text(thread.get("name"))
    return (Thread(index=number or 0, name=name, is_crashed=True),) if name or number is not None else ()


def _mapping(value: Any) -> dict[str, Any]:
    """An object, also as lines of `name=value`, as forms and older versions tell it."""
    if not isinstance(value, str):
        return values.mapping(value)
    pairs = (line.partition("=") for line in value[: values.MAX_TEXT].splitlines())
    return {key.strip(): each.strip() for key, _, each in pairs}


def _boolean(value: Any) -> bool | None:
    """True or False, also as text."""
    return (
        {"true": True, "false": False}.get(value.strip().lower()) if isinstance(value, str) else values.boolean(value)
    )


def _first(value: Any) -> str | None:
    """The first of a list, also of one printed as `[a, b]`."""
    if isinstance(value, str):
        value = value.strip("[] ").split(",", 1)
    listed = values.items(value)
    return values.text(listed[0]) if listed else None


def _custom(report: dict[str, Any]) -> dict[str, Json]:
    custom = {name: report.get(key) for key, name in _CUSTOM.items()}
    return {key: values.plain_json(value) for key, value in custom.items() if value not in (None, "", {}, [])}

"""One event of Measure's SDKs: an exception, an ANR or an app hang, whole or its body alone.

Source: measure-sh/measure, docs/api/sdk of 2025 and backend/libs/event of 2026, and the bodies its symbolicator is
given.

An exception that the program caught and reported (`severity` "handled", before 2026 `handled` true) is no crash: such
an event is read and holds no crash report. A severity of a later schema is no crash either: what it means is unknown.
Android's `os_version` is the API level and is kept as such. Left out on purpose: attachments, network, screen.
"""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

from app.crashes.log import AppInfo, CrashLog, DeviceInfo, Json, OsInfo
from app.errors import MalformedLog
from app.parsers import measure_stacks as stacks
from app.parsers import values
from app.parsers.document import Document

FORMAT = "measure-event"
CRASHES = ("exception", "anr", "app_hang")  # event types that tell of a crash

_BODY_KEYS = frozenset(
    (
        "handled",
        "severity",
        "threads",
        "foreground",
        "framework",
        "binary_images",
        "fingerprint",
        "is_custom",
        "num_code",
    )
)
_EVENT_KEYS = frozenset(("id", "session_id", "timestamp", "attribute", "user_triggered"))
_CRASH_SEVERITIES = ("fatal", "unhandled")
_MECHANISMS = {"anr": "anr", "app_hang": "app hang"}
_FIELDS = """
app_build app_unique_id app_version device_cpu_arch device_manufacturer device_model installation_id os_name os_version
platform thread_name user_id"""
_TOLD_ELSEWHERE = frozenset(_FIELDS.split())


def sniff(document: Document) -> bool:
    """True for an event of a crash's type with what stands around its body, and for the body of one."""
    event = document.json
    if not isinstance(event, dict):
        return False
    return (is_crash_event(event) and bool(_EVENT_KEYS & event.keys())) or _is_body(event)


def is_crash_event(event: dict[str, Any]) -> bool:
    """True when the event is of a type that tells of a crash, and has a body that does."""
    kind = event.get("type")
    return isinstance(kind, str) and kind in CRASHES and bool(_exceptions(event.get(kind)))


def parse(document: Document) -> list[CrashLog]:
    """The crash report of the event; none when the exception was handled. Raises MalformedLog when it names none."""
    event = values.mapping(document.json)
    if not is_crash_event(event):
        event = {"type": "exception", "exception": event}
    found = crash(event, FORMAT, document)
    return [found] if found else []


def crash(event: dict[str, Any], format_name: str, document: Document) -> CrashLog | None:
    """The crash report of an event of a crash's type; None when it was handled. Raises MalformedLog without exception."""
    kind = str(event["type"])
    body = values.mapping(event.get(kind))
    attributes = values.mapping(event.get("attribute"))
    if kind == "exception" and not _is_crash(body, document):
        return None
    faults = stacks.faults(body, _MECHANISMS.get(kind, "exception"))
    if faults and kind == "app_hang" and not faults[0].type:
        faults = (replace(faults[0], type="App hang"), *faults[1:])
    if not faults:
        raise MalformedLog("The Measure event names no exception")
    system = values.text(attributes.get("os_name"))
    return CrashLog(
        format=format_name,
        platform=stacks.platform(body, system),
        report_id=values.text(event.get("id")),
        occurred_at=time(event),
        level=values.text(body.get("severity")),
        faults=faults,
        threads=stacks.threads(body, values.text(attributes.get("thread_name"))),
        images=stacks.images(body),
        app=AppInfo(
            identifier=values.text(attributes.get("app_unique_id")),
            version=values.text(attributes.get("app_version")),
            build=values.text(attributes.get("app_build")),
        ),
        os=OsInfo(
            name=system,
            version=_system_version(system, attributes.get("os_version")),
            build=_system_build(body),
        ),
        device=DeviceInfo(
            model=values.text(attributes.get("device_model")),
            manufacturer=values.text(attributes.get("device_manufacturer")),
            arch=values.text(attributes.get("device_cpu_arch")),
            install_id=values.text(attributes.get("installation_id")),
        ),
        user_id=values.text(attributes.get("user_id")),
        details=_details(body),
        tags=values.plain_mapping(_user_defined(event)),
        custom={} if document.brief else _custom(event, attributes),
    )


def _is_crash(body: dict[str, Any], document: Document) -> bool:
    """What the schema's newest word says; without any of its words an exception counts."""
    severity = values.text(body.get("severity"))
    if severity is None:
        return body.get("handled") is not True
    if severity.lower() not in (*_CRASH_SEVERITIES, "handled"):
        document.add_unread(f'the severity "{severity[:40]}" is not known: the exception counts as no crash')
    return severity.lower() in _CRASH_SEVERITIES


def _details(body: dict[str, Any]) -> dict[str, str | int | bool]:
    code = values.text(body.get("code"))
    found = {
        "foreground": values.boolean(body.get("foreground")),
        "error_code": values.integer(body.get("num_code")) if code is None else code,
        "hang_milliseconds": values.integer(body.get("duration")),
        "hang_state": values.text(body.get("state")),
    }
    return {key: value for key, value in found.items() if value is not None}


def time(event: dict[str, Any]) -> datetime | None:
    """When it happened."""
    return values.utc_time(event.get("timestamp"))


def _is_body(value: dict[str, Any]) -> bool:
    listed = _exceptions(value)
    if not listed or len(_BODY_KEYS & value.keys()) < 2:
        return False
    return all("errorClass" not in each and isinstance(each.get("frames"), list) for each in listed)


def _exceptions(body: Any) -> list[dict[str, Any]]:
    return stacks.listed(values.mapping(body).get("exceptions"))


def _system_version(system: str | None, level: Any) -> str | None:
    version = values.text(level)
    is_level = (system or "").lower() == "android" and (version or "").isdecimal()
    return f"API {version}" if is_level else version


def _system_build(body: dict[str, Any]) -> str | None:
    builds = (values.text(each.get("os_build_number")) for each in _exceptions(body))
    return next((build for build in builds if build), None)


def _custom(event: dict[str, Any], attributes: dict[str, Any]) -> dict[str, Json]:
    """What the app added, and what else the SDK says of the device."""
    custom: dict[str, Any] = {
        "attributes": {key: value for key, value in attributes.items() if key not in _TOLD_ELSEWHERE},
        "user_defined": _user_defined(event),
        "session_id": event.get("session_id"),
        "error": values.mapping(event.get("exception")).get("meta"),
    }
    return {key: values.plain_json(value) for key, value in custom.items() if value not in (None, "", {}, [])}


def _user_defined(event: dict[str, Any]) -> Any:
    """An object, or the text of one: both are sent."""
    attributes = event.get("user_defined_attribute") or event.get("user_defined_attributes")
    if isinstance(attributes, str) and len(attributes) <= values.MAX_TEXT:
        try:
            return json.loads(attributes, parse_constant=lambda _: None)
        except (ValueError, RecursionError):
            return attributes
    return attributes

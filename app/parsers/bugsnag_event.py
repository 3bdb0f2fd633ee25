"""Bugsnag events as JSON: one event as its notifiers keep it, or the payload they deliver.

Source: Bugsnag's Error Reporting API, payload version 4 (https://bugsnagerrorreportingapi.docs.apiary.io, 2024), and the
event files of bugsnag-cocoa and bugsnag-android. An event is one crash report, handled or not, as it was sent to be one.
A frame's line in native code counts bytes and is left out where the frame has an address. The notifier for browsers
leaves browser and system to be read of its User-Agent. Left out on purpose: `usage`, `session`, and of requests all but
page and method.
"""

from typing import Any

from app.crashes.log import AppInfo, BinaryImage, Breadcrumb, CrashLog, DeviceInfo, Fault, Frame, Json, OsInfo, Thread
from app.errors import MalformedLog
from app.parsers import values
from app.parsers.document import Document
from app.parsers.sentry_details import page_url
from app.parsers.source_lines import numbered_lines
from app.parsers.user_agent import WebClient, by_headers, by_user_agent

FORMAT = "bugsnag-event"
MAX_FAULTS = 100  # exceptions kept of one event

_PLATFORMS = {
    "cocoa": "apple",
    "c": "native",
    "android": "java",
    "browserjs": "javascript",
    "nodejs": "javascript",
    "reactnativejs": "javascript",
    "electronnodejs": "javascript",
    "electronrendererjs": "javascript",
    "python": "python",
    "dart": "dart",
    "flutter": "dart",
}
_OWN_SECTIONS = ("app", "device", "error", "request", "session", "user")  # of metaData: filled in by the notifiers
_APP_TYPES = {"iOS": "apple", "macOS": "apple", "tvOS": "apple", "android": "java"}


def sniff(document: Document) -> bool:
    """True for an object whose `exceptions` have an `errorClass`, and for one with `events` that are all such."""
    value = document.json
    if not isinstance(value, dict):
        return False
    events = value.get("events")
    return is_event(value) or (isinstance(events, list) and bool(events) and all(map(is_event, events)))


def parse(document: Document) -> list[CrashLog]:
    """One crash report per event, in their order. Raises MalformedLog when there is none."""
    value = values.mapping(document.json)
    events = [value] if is_event(value) else [each for each in values.items(value.get("events")) if is_event(each)]
    if not events:
        raise MalformedLog("The Bugsnag payload holds no event with an exception")
    return [_read(event, brief=document.brief) for event in events]


def is_event(value: Any) -> bool:
    """True for an object that is read as an event."""
    listed = _listed(values.mapping(value).get("exceptions"))
    return bool(listed) and all("errorClass" in each and "frames" not in each for each in listed)


def _read(event: dict[str, Any], *, brief: bool) -> CrashLog:
    app, device = values.mapping(event.get("app")), values.mapping(event.get("device"))
    metadata, user = values.mapping(event.get("metaData")), values.mapping(event.get("user"))
    runtime = values.mapping(device.get("runtimeVersions"))
    exceptions = _listed(event.get("exceptions"))[:MAX_FAULTS]
    reason = values.text(values.mapping(event.get("severityReason")).get("type"))
    abis = values.items(device.get("cpuAbi"))
    grouping = values.text(event.get("groupingHash"))
    client = _web_client(event, device)
    os = OsInfo(
        name=values.text(device.get("osName")),
        version=values.text(device.get("osVersion")),
        build=values.text(runtime.get("osBuild")),
    )
    model, manufacturer = values.text(device.get("model")), values.text(device.get("manufacturer"))
    if not model and not manufacturer:
        model, manufacturer = client.device.model, client.device.manufacturer
    return CrashLog(
        format=FORMAT,
        platform=_PLATFORMS.get(values.text(exceptions[0].get("type")) or "")
        or _APP_TYPES.get(values.text(app.get("type")) or ""),
        occurred_at=values.utc_time(device.get("time")),
        level=values.text(event.get("severity")),
        process=values.text(values.mapping(metadata.get("app")).get("processName")),
        faults=tuple(_fault(each, index, event, reason, brief=brief) for index, each in enumerate(exceptions)),
        threads=tuple(_thread(each, index, brief=brief) for index, each in enumerate(_listed(event.get("threads")))),
        images=_images(exceptions),
        app=AppInfo(
            identifier=values.text(app.get("id")),
            name=values.text(values.mapping(metadata.get("app")).get("name")),
            version=values.text(app.get("version")),
            build=values.number_text(app.get("bundleVersion")) or values.number_text(app.get("versionCode")),
        ),
        os=client.os if os == OsInfo() else os,
        device=DeviceInfo(
            model=model,
            manufacturer=manufacturer,
            arch=values.text(app.get("binaryArch")) or (values.text(abis[0]) if abis else None),
            install_id=values.text(device.get("id")),
        ),
        user_id=values.text(user.get("id")) or values.text(user.get("email")) or values.text(user.get("name")),
        grouping_hint=(grouping,) if grouping else (),
        tags={**(client.browser.tags if client.browser else {}), **_tags(event, metadata)},
        details={**_page(event, client), **_details(app, device, metadata)},
        custom={} if brief else _custom(event, metadata, user),
        breadcrumbs=() if brief else tuple(_breadcrumb(each) for each in _listed(event.get("breadcrumbs"))),
    )


def _web_client(event: dict[str, Any], device: dict[str, Any]) -> WebClient:
    """The browser that the app runs in, else the one that sent the request to it."""
    agent = values.text(device.get("userAgent"))
    return by_user_agent(agent) if agent else by_headers(values.mapping(event.get("request")).get("headers"))


def _page(event: dict[str, Any], client: WebClient) -> dict[str, str | int | bool]:
    request = values.mapping(event.get("request"))
    found = {
        "url": page_url(request.get("url")),
        "request_method": values.text(request.get("httpMethod")),
        "browser": client.browser.text if client.browser else None,
    }
    return {key: value for key, value in found.items() if value is not None}


def _tags(event: dict[str, Any], metadata: dict[str, Any]) -> dict[str, Json]:
    """Feature flags, and the plain values of the sections that the app has added: `section.key`."""
    flags = {
        values.text(each.get("featureFlag")) or "": each.get("variant", True)
        for each in _listed(event.get("featureFlags"))
    }
    added = {
        f"{section}.{key}": value
        for section, told in metadata.items()
        if section not in _OWN_SECTIONS
        for key, value in values.mapping(told).items()
    }
    return values.plain_mapping({**flags, **added})


def _details(app: dict[str, Any], device: dict[str, Any], metadata: dict[str, Any]) -> dict[str, str | int | bool]:
    """Environment and state of the app and the device; sizes are bytes."""
    added, charge = values.mapping(metadata.get("app")), values.mapping(metadata.get("device"))
    battery = charge.get("batteryLevel")
    found = {
        "environment": values.text(app.get("releaseStage")),
        "foreground": values.boolean(app.get("inForeground")),
        "launching": values.boolean(app.get("isLaunching")),
        "orientation": values.text(device.get("orientation")),
        "battery_percent": round(battery * 100) if isinstance(battery, float) and 0 <= battery <= 1 else None,
        "charging": values.boolean(charge.get("charging")),
        "memory_size": values.integer(device.get("totalMemory")),
        "free_memory": values.integer(device.get("freeMemory")),
        "memory_footprint": values.integer(added.get("memoryUsage")),
        "low_memory": values.boolean(added.get("lowMemory")),
        "free_storage": values.integer(device.get("freeDisk")),
        "jailbroken": True if device.get("jailbroken") is True else None,
    }
    return {key: value for key, value in found.items() if value is not None}


def _fault(exception: dict[str, Any], index: int, event: dict[str, Any], reason: str | None, *, brief: bool) -> Fault:
    """Each exception after the first is the cause of the one before."""
    kind = values.text(exception.get("errorClass"))
    unhandled = values.boolean(event.get("unhandled"))
    return Fault(
        type=kind,
        message=values.text(exception.get("message")),
        frames=_frames(exception.get("stacktrace"), is_java=exception.get("type") == "android", brief=brief),
        relation="cause" if index else None,
        parent=index - 1 if index else None,
        signal=kind if not index and reason == "signal" and kind and kind.startswith("SIG") else None,
        handled=None if unhandled is None else not unhandled,
        mechanism=reason,
    )


def _thread(entry: dict[str, Any], position: int, *, brief: bool) -> Thread:
    number = values.integer(entry.get("id"))
    is_crashed = entry.get("errorReportingThread") is True
    return Thread(
        index=position if number is None else number,
        name=values.text(entry.get("name")),
        is_crashed=is_crashed,
        state=values.text(entry.get("state")),
        frames=_frames(entry.get("stacktrace"), is_java=entry.get("type") == "android", brief=brief),
    )


def _frames(entries: Any, *, is_java: bool, brief: bool) -> tuple[Frame, ...]:
    """The frames of a stack, crash frame first as the notifiers list them."""
    listed, half = values.items(entries), values.MAX_FRAMES // 2
    kept = listed if len(listed) <= values.MAX_FRAMES else listed[:half] + listed[-half:]
    return tuple(_frame(entry, is_java, brief) for entry in kept if isinstance(entry, dict) and entry)


def _frame(entry: dict[str, Any], is_java: bool, brief: bool) -> Frame:
    at = values.address(entry.get("frameAddress"))
    binary = values.text(entry.get("machoFile")) or (values.text(entry.get("file")) if at is not None else None)
    start = values.address(entry.get("machoLoadAddress") or entry.get("loadAddress"))
    symbol = values.address(entry.get("symbolAddress"))
    function, line = values.text(entry.get("method")), values.integer(entry.get("lineNumber"))
    base = symbol if function and symbol else start
    source = values.text(entry.get("file")) if at is None or entry.get("machoFile") else None
    module = None
    if is_java and function and at is None:  # "com.example.Shop.pay"
        module, _, function = function.rpartition(".")
    return Frame(
        function=function or None,
        module=module or None,
        file=source,
        line=line if source and line is not None and line > 0 else None,
        column=values.integer(entry.get("columnNumber")) or None,
        image=values.basename(binary),
        address=at,
        image_address=start,
        symbol_address=symbol or None,
        offset=at - base if at is not None and base and at >= base else None,
        in_app=values.boolean(entry.get("inProject")),
        source=None if brief else numbered_lines(entry.get("code"), line),
    )


def _images(exceptions: list[dict[str, Any]]) -> tuple[BinaryImage, ...]:
    """The images that frames of the crash lie in, each once; the notifiers list no others."""
    found: dict[tuple[str | None, int | None], BinaryImage] = {}
    for exception in exceptions:
        for entry in _listed(exception.get("stacktrace")):
            if "frameAddress" in entry:
                path = values.text(entry.get("machoFile")) or values.text(entry.get("file"))
                start = values.address(entry.get("machoLoadAddress") or entry.get("loadAddress"))
                debug_id = values.text(entry.get("machoUUID")) or values.text(entry.get("codeIdentifier"))
                image = BinaryImage(name=values.basename(path), path=path, debug_id=debug_id, address=start)
                found.setdefault((path, start), image)
    return tuple(found.values())


def _breadcrumb(entry: dict[str, Any]) -> Breadcrumb:
    data = values.plain_json(values.mapping(entry.get("metaData")))
    return Breadcrumb(
        time=values.utc_time(entry.get("timestamp")),
        category=values.text(entry.get("type")),
        message=values.text(entry.get("name")),
        data=data if isinstance(data, dict) else {},
    )


def _custom(event: dict[str, Any], metadata: dict[str, Any], user: dict[str, Any]) -> dict[str, Json]:
    custom = {"metadata": metadata, "user": user, "context": event.get("context")}
    return {key: values.plain_json(value) for key, value in custom.items() if value not in (None, "", {}, [])}


def _listed(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in values.items(value) if isinstance(entry, dict) and entry]

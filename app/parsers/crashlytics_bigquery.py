"""Crashlytics' events as Firebase exports them to BigQuery, and `bq extract` or `bq query` writes them as JSON.

Source: Firebase's schema of the dataset `firebase_crashlytics` (https://firebase.google.com/docs/crashlytics/
bigquery-dataset-schema, 2025). A row is one crash, non-fatal error or ANR. Whole numbers may come as text. Left out on
purpose: titles of Crashlytics, whose grouping is not ours; `unity_metadata`.
"""

from datetime import datetime
from typing import Any

from app.crashes.log import AppInfo, Breadcrumb, CrashLog, DeviceInfo, Fault, Frame, Json, OsInfo, Thread
from app.errors import MalformedLog
from app.parsers import values
from app.parsers.document import Document

FORMAT = "crashlytics-bigquery"
MAX_FAULTS = 100
MAX_THREADS = 2_000

_OWN = {"DEVELOPER": True, "VENDOR": False, "RUNTIME": False, "PLATFORM": False, "SYSTEM": False}
_STACKS = ("exceptions", "error", "errors", "threads", "blame_frame")


def sniff(document: Document) -> bool:
    """True for a row, and for a list of rows."""
    value = document.json
    return is_row(value) or (isinstance(value, list) and bool(value) and all(map(is_row, value)))


def parse(document: Document) -> list[CrashLog]:
    """One crash report per row, in their order. Raises MalformedLog when no row says what happened."""
    value = document.json
    rows = value if isinstance(value, list) else [value]
    found = []
    for number, row in enumerate(rows, 1):
        read = _read(row, brief=document.brief)
        if read is None:
            document.add_unread(f"row {number}: it has no exception, error or thread")
        else:
            found.append(read)
    if not found:
        raise MalformedLog("The rows of Crashlytics have no exception, error or thread")
    return found


def is_row(value: Any) -> bool:
    """True for an object that is read as a row."""
    row = values.mapping(value)
    is_named = all(isinstance(row.get(name), str) for name in ("event_id", "issue_id", "bundle_identifier"))
    return is_named and any(name in row for name in _STACKS)


def _read(row: dict[str, Any], *, brief: bool) -> CrashLog | None:
    app, system = values.mapping(row.get("application")), values.mapping(row.get("operating_system"))
    device, user = values.mapping(row.get("device")), values.mapping(row.get("user"))
    kind = values.text(row.get("error_type"))
    threads = tuple(_thread(each, index) for index, each in enumerate(_listed(row.get("threads"))[:MAX_THREADS]))
    is_apple = values.text(row.get("platform")) == "IOS"
    faults = _faults(row, kind, is_apple)
    if not faults:
        return None
    is_native = (
        not is_apple and not row.get("exceptions") and kind != "ANR" and any(each.is_crashed for each in threads)
    )
    return CrashLog(
        format=FORMAT,
        platform="apple" if is_apple else "native" if is_native else "java",
        report_id=values.text(row.get("event_id")),
        occurred_at=_time(row.get("event_timestamp")),
        level="error" if _is_handled(row, kind) else "fatal",
        process=values.text(row.get("bundle_identifier")),
        faults=faults,
        threads=threads,
        app=AppInfo(
            identifier=values.text(row.get("bundle_identifier")),
            version=values.text(app.get("display_version")),
            build=values.text(app.get("build_version")),
        ),
        os=OsInfo(name=values.text(system.get("name")), version=values.text(system.get("display_version"))),
        device=DeviceInfo(
            model=values.text(device.get("model")),
            manufacturer=values.text(device.get("manufacturer")),
            arch=values.text(device.get("architecture")),
            install_id=values.text(row.get("installation_uuid")),
        ),
        user_id=values.text(user.get("id")) or values.text(user.get("email")) or values.text(user.get("name")),
        details=_details(row, system),
        custom={} if brief else _custom(row),
        breadcrumbs=() if brief else _breadcrumbs(row),
    )


def _faults(row: dict[str, Any], kind: str | None, is_apple: bool) -> tuple[Fault, ...]:
    """Exceptions of Android, the outermost first; errors of Apple's systems; else the thread that crashed or hung."""
    handled = _is_handled(row, kind)
    exceptions = _listed(row.get("exceptions"))[:MAX_FAULTS]
    if exceptions:
        return tuple(
            Fault(
                type=values.text(each.get("type")) or values.text(each.get("title")),
                message=values.text(each.get("exception_message")) or values.text(each.get("subtitle")),
                frames=_frames(each.get("frames"), is_apple),
                relation="cause" if index else None,
                parent=index - 1 if index else None,
                handled=handled,
            )
            for index, each in enumerate(exceptions)
        )
    errors = (_listed(row.get("error")) or _listed(row.get("errors")))[:1]
    if errors:
        title, code = values.text(errors[0].get("title")), values.text(errors[0].get("code"))
        frames = _frames(errors[0].get("frames"), is_apple)
        subtitle = values.text(errors[0].get("subtitle"))
        return (Fault(type=title, message=subtitle, code=code, frames=frames, handled=handled),)
    threads = _listed(row.get("threads"))
    at_fault = next((each for each in threads if _is_true(each.get("crashed"))), None)
    at_fault = at_fault or next((each for each in threads if _is_true(each.get("blamed"))), None)
    if at_fault is not None:
        return (_fault_of_thread(at_fault, kind, is_apple, handled),)
    blamed = _frames([row.get("blame_frame")], is_apple)
    title = values.text(row.get("issue_title"))
    return (Fault(type=title, frames=blamed, handled=handled),) if blamed and blamed[0].function else ()


def _fault_of_thread(thread: dict[str, Any], kind: str | None, is_apple: bool, handled: bool) -> Fault:
    signal, code = values.text(thread.get("signal_name")), values.text(thread.get("signal_code"))
    at = values.integer(thread.get("crash_address"))
    where = f"at {at:#x}" if at is not None and at >= 0 and code else None
    title = values.text(thread.get("title"))
    is_signal = signal is not None and signal.startswith("SIG")
    return Fault(
        type="ANR" if kind == "ANR" else signal or title,
        message=None if signal else values.text(thread.get("subtitle")),
        frames=() if _is_true(thread.get("crashed")) else _frames(thread.get("frames"), is_apple),
        signal=signal if is_signal else None,
        code=" ".join(part for part in (code, where) if part) or None,
        handled=handled or None,
    )


def _thread(entry: dict[str, Any], index: int) -> Thread:
    return Thread(
        index=index,
        name=values.text(entry.get("thread_name")),
        queue=values.text(entry.get("queue_name")),
        is_crashed=_is_true(entry.get("crashed")),
        frames=_frames(entry.get("frames"), is_apple=True),
    )


def _frames(entries: Any, is_apple: bool) -> tuple[Frame, ...]:
    listed = [entry for entry in values.items(entries) if isinstance(entry, dict) and entry]
    return tuple(_frame(entry, is_apple) for entry in values.bounded(listed))


def _frame(entry: dict[str, Any], is_apple: bool) -> Frame:
    function, at = values.text(entry.get("symbol")), values.integer(entry.get("address"))
    line, offset = values.integer(entry.get("line")), values.integer(entry.get("offset"))
    is_code = at is not None and at > 0  # Java has no addresses
    module = None
    if function and not is_apple and not is_code:  # "com.example.shop.Cart.checkout"
        module, _, function = function.rpartition(".")
    return Frame(
        function=function or None,
        module=module or None,
        file=values.text(entry.get("file")),
        line=line if line is not None and line > 0 else None,
        image=values.basename(entry.get("library")) if is_code or is_apple else None,
        address=at if is_code else None,
        offset=offset if is_code and offset is not None and offset >= 0 else None,
        in_app=_OWN.get(values.text(entry.get("owner")) or ""),
    )


def _details(row: dict[str, Any], system: dict[str, Any]) -> dict[str, str | int | bool]:
    """State of app and device; sizes are bytes."""
    memory, storage = values.mapping(row.get("memory")), values.mapping(row.get("storage"))
    state = values.text(row.get("process_state"))
    found = {
        "foreground": None if state is None else state == "FOREGROUND",
        "orientation": values.text(row.get("device_orientation")),
        "free_memory": values.integer(memory.get("free")),
        "free_storage": values.integer(storage.get("free")),
        "jailbroken": True if values.text(system.get("modification_state")) == "MODIFIED" else None,
    }
    return {key: value for key, value in found.items() if value is not None}


def _custom(row: dict[str, Any]) -> dict[str, Json]:
    """What the app has added, and the names of Crashlytics' issue, by which its page is found."""
    keys = {
        values.text(each.get("key")): values.plain_json(each.get("value")) for each in _listed(row.get("custom_keys"))
    }
    issue = {name: values.text(row.get(name)) for name in ("issue_id", "variant_id")}
    custom: dict[str, Any] = {
        "custom_keys": {key: value for key, value in keys.items() if key},
        "user": {key: values.plain_json(value) for key, value in values.mapping(row.get("user")).items() if value},
        "crashlytics": {key: value for key, value in issue.items() if value},
    }
    return {key: value for key, value in custom.items() if value}


def _breadcrumbs(row: dict[str, Any]) -> tuple[Breadcrumb, ...]:
    """Lines of the app's log and events of Google Analytics, oldest first."""
    found = [
        Breadcrumb(time=_time(each.get("timestamp")), category="log", message=values.text(each.get("message")))
        for each in _listed(row.get("logs"))
    ]
    for each in _listed(row.get("breadcrumbs")):
        data = {values.text(one.get("key")): values.plain_json(one.get("value")) for one in _listed(each.get("params"))}
        named = {key: value for key, value in data.items() if key}
        found.append(
            Breadcrumb(_time(each.get("timestamp")), "event", message=values.text(each.get("name")), data=named)
        )
    timed = sorted(((one.time, number, one) for number, one in enumerate(found) if one.time))
    return (*(one for one in found if not one.time), *(one for _, _, one in timed))


def _is_handled(row: dict[str, Any], kind: str | None) -> bool:
    """A non-fatal error; rows of before 2021 have no `error_type`."""
    return kind == "NON_FATAL" or (kind is None and row.get("is_fatal") in (False, "false"))


def _time(value: Any) -> datetime | None:
    """BigQuery writes `2024-05-01 12:34:56.789 UTC`."""
    return values.utc_time(value.strip().removesuffix(" UTC") if isinstance(value, str) else value)


def _is_true(value: Any) -> bool:
    return value in (True, "true")


def _listed(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in values.items(value) if isinstance(entry, dict) and entry]

"""KSCrash JSON reports, as the reporter writes them on the device and as its forks in Sentry and Bugsnag do.

Source: kstenerud/KSCrash 1.x to 2.6, KSCrashReportFields.h and KSCrashReportC.c (report versions 2.0 to 3.9),
sentry-cocoa SentryCrash (report 3.2), bugsnag-cocoa BSG_KSCrash (report 3.1).
Left out on purpose: stack dumps, `notable_addresses` and `referenced_object` (memory contents, maybe private),
`debug` and `console_log`, total storage, times in `application_stats`.
"""

from typing import Any, cast

from app.crashes.log import AppInfo, CrashLog, DeviceInfo, Fault, Json, OsInfo, Thread
from app.errors import MalformedLog
from app.parsers import kscrash_parts as parts
from app.parsers import kscrash_state, values
from app.parsers.apple_information import most_telling, plain_information
from app.parsers.apple_names import known
from app.parsers.document import Document, load_json
from app.parsers.values import items, mapping

FORMAT = "kscrash-json"

_TYPES = {"standard", "minimal", "custom"}
_REPORT_KEYS = {"id", "version", "type", "timestamp", "process_name"}
_ERROR_KEYS = {
    "termination_reason",
    "mach",
    "signal",
    "nsexception",
    "cpp_exception",
    "user_reported",
    "memory_termination",
}
_TOP_KEYS = {"crash", "system", "binary_images", "process", "user", "debug", "system_atcrash", "incomplete"}


def sniff(document: Document) -> bool:
    """True for a KSCrash report, also one that lacks parts, and for a list of them as KSCrash's own sink uploads."""
    value = document.json
    return bool(value) and all(map(is_report, value if isinstance(value, list) else [value]))


def parse(document: Document) -> list[CrashLog]:
    """One CrashLog per report. Raises MalformedLog when none of them tells of a crash."""
    value = document.json
    found, reason = [], "The KSCrash report holds no crash"
    for entry in value if isinstance(value, list) else [value]:
        try:
            found.append(_read(mapping(entry)))
        except MalformedLog as error:
            reason = error.message
    if not found:
        raise MalformedLog(reason)
    return found


def is_report(value: Any) -> bool:
    """True for an object that is read as a report."""
    entry = mapping(value)
    report, crash = mapping(entry.get("report")), mapping(entry.get("crash"))
    if "recrash_report" in entry or _is_crash(crash):
        return True
    if len(_REPORT_KEYS & report.keys()) >= 2 and (_TOP_KEYS & entry.keys() or report.get("type") in list(_TYPES)):
        return True
    image = mapping(next(iter(items(entry.get("binary_images"))), None))
    return "image_addr" in image and len(_TOP_KEYS & entry.keys()) > 1


def _is_crash(crash: dict[str, Any]) -> bool:
    error, threads = mapping(crash.get("error")), items(crash.get("threads"))
    if _ERROR_KEYS & error.keys() or "contents" in mapping(mapping(crash.get("crashed_thread")).get("backtrace")):
        return True
    return any(isinstance(thread, dict) and "contents" in mapping(thread.get("backtrace")) for thread in threads)


def _says_something(report: dict[str, Any]) -> bool:
    crash = mapping(report.get("crash"))
    return any(crash.get(key) for key in ("error", "threads", "crashed_thread", "diagnosis"))


def holds_crash(report: dict[str, Any]) -> bool:
    """True for a report of which a crash report is made."""
    return is_report(report) and (_says_something(report) or _says_something(_recrash(report)))


def _recrash(top: dict[str, Any]) -> dict[str, Any]:
    """The report of the crash that the handler was about to write when it crashed itself."""
    inner = top.get("recrash_report")
    return mapping(load_json(inner)[0] if isinstance(inner, str) and inner.lstrip()[:1] == "{" else inner)


def _read(top: dict[str, Any]) -> CrashLog:
    recrash = _recrash(top)
    is_minimal = mapping(top.get("report")).get("type") == "minimal"
    if _says_something(recrash) and (is_minimal or not _says_something(top)):
        note = _handler_notes(top) or ("The crash handler did not finish: only the original report is left",)
        return _log({**top, **_present(recrash)}, note)
    if not _says_something(top):
        raise MalformedLog(_why_nothing(top))
    if is_minimal:
        return _log(top, ("This is the crash of the crash handler; the report of the original crash is lost",))
    return _log(top, _handler_notes(recrash))


def _why_nothing(top: dict[str, Any]) -> str:
    if mapping(top.get("report")).get("type") == "custom":
        return "The KSCrash report is a custom one: it holds data of the app and no crash"
    if mapping(top.get("recrash_report")):
        return "The KSCrash report holds no crash, neither its own nor one of the crash handler"
    return "The KSCrash report holds no crash: its `crash` part is missing or empty"


def _present(report: dict[str, Any]) -> dict[str, Any]:
    return {key: part for key, part in report.items() if part not in (None, {}, [])}


def _handler_notes(handler: dict[str, Any]) -> tuple[str, ...]:
    if not _says_something(handler):
        return ("The crash handler did not finish this report",) if handler.get("incomplete") is True else ()
    crash = mapping(handler.get("crash"))
    fault = parts.read_fault(crash, None, None)
    thread = next((thread for thread in parts.read_threads(crash) if thread.is_crashed), None)
    calls = [frame.function or frame.image or "?" for frame in thread.frames[:5]] if thread else []
    what = " ".join(word for word in (fault.type, f"({fault.signal})" if fault.signal else None, fault.code) if word)
    reason = f": {fault.message}" if fault.message else ""
    return (values.clean(f"The crash handler crashed while it wrote this report: {what or 'unknown fault'}{reason}"),
            *([values.clean("Stack of the crash handler: " + " < ".join(calls))] if calls else []))  # fmt: skip


def _log(report: dict[str, Any], notes: tuple[str, ...]) -> CrashLog:
    head, crash = mapping(report.get("report")), mapping(report.get("crash"))
    version = _version(head.get("version"))
    user = {**mapping(report.get("user")), **mapping(report.get("user_atcrash"))}
    system = {**mapping(report.get("system")), **_present(mapping(report.get("system_atcrash")))}
    scope, context = mapping(report.get("sentry_sdk_scope")), mapping(user.get("context"))
    images, threads = parts.read_images(report.get("binary_images")), tuple(parts.read_threads(crash))
    handled = _handled(user)
    messages = _image_messages(report.get("binary_images"))
    telling = (said for message in messages if (said := plain_information(message)))
    fault = parts.read_fault(crash, next(telling, None), handled)
    device, app = mapping(context.get("device")), mapping(context.get("app"))
    started = system.get("app_start_time")
    return CrashLog(
        format=FORMAT,
        platform="apple",
        report_id=known(head.get("id")),
        occurred_at=_occurred_at(head, version),
        started_at=parts.read_time(app.get("app_start_time") if started is None else started, version),
        level=_level(user),
        process=known(system.get("process_name")) or known(head.get("process_name")),
        process_id=values.integer(system.get("process_id")) or None,
        faults=(fault,),
        threads=threads,
        images=images,
        app=_app(system, app),
        os=_os(system, mapping(context.get("os"))),
        device=_device(system, device, app),
        user_id=known(mapping(scope.get("user")).get("id")) or known(mapping(user.get("user")).get("id")),
        details=kscrash_state.details(system, mapping(crash.get("error"))) | _environment(scope),
        tags=values.plain_mapping(scope.get("tags")),
        custom=_custom(user if user else {"user": report.get("user")} if report.get("user") else {}, scope),
        breadcrumbs=parts.read_breadcrumbs(_breadcrumb_entries(user, scope)),
        notes=(*notes, *_notes(report, crash, fault, threads, messages)),
    )


def _version(value: Any) -> tuple[int, int]:
    written = mapping(value)
    spelled: list[Any] = [*(known(value) or "").split(".")[:2]]
    found = [written.get("major"), written.get("minor")] if written else spelled
    numbers = [values.integer(part) or 0 for part in found]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (sum(numbers), 0)


def _occurred_at(head: dict[str, Any], version: tuple[int, int]) -> Any:
    milliseconds = values.integer(head.get("timestamp_millis"))  # Bugsnag's fork: the same time, finer
    if milliseconds:
        return values.unix_time(milliseconds, 1000)
    return parts.read_time(head.get("timestamp"), version)


def _app(system: dict[str, Any], context: dict[str, Any]) -> AppInfo:
    return AppInfo(
        identifier=known(system.get("CFBundleIdentifier")) or known(context.get("app_identifier")),
        name=known(system.get("CFBundleName")) or known(context.get("app_name")),
        version=known(system.get("CFBundleShortVersionString")) or known(context.get("app_version")),
        build=known(system.get("CFBundleVersion")) or known(context.get("app_build")),
    )


def _os(system: dict[str, Any], context: dict[str, Any]) -> OsInfo:
    return OsInfo(
        name=known(system.get("system_name")) or known(context.get("name")),
        version=known(system.get("system_version")) or known(context.get("version")),
        build=known(system.get("os_version")) or known(context.get("build")),
    )


def _device(system: dict[str, Any], context: dict[str, Any], app: dict[str, Any]) -> DeviceInfo:
    machine, model = known(system.get("machine")), known(system.get("model"))
    if machine in ("x86_64", "i386", "arm64") and model and model != "simulator":
        machine = model  # an old fork on macOS writes the CPU where the machine belongs
    return DeviceInfo(
        model=machine or known(context.get("model")),
        arch=kscrash_state.arch(system) or known(context.get("arch")),
        install_id=known(system.get("device_app_hash")) or known(app.get("device_app_hash")),
    )


def _handled(user: dict[str, Any]) -> bool | None:
    unhandled = values.boolean(mapping(user.get("handledState")).get("unhandled"))  # Bugsnag's fork
    return None if unhandled is None else not unhandled


def _environment(scope: dict[str, Any]) -> dict[str, str]:
    """As Sentry's fork keeps it."""
    environment = known(scope.get("environment"))
    return {"environment": environment} if environment else {}


def _level(user: dict[str, Any]) -> str | None:
    severity = mapping(mapping(user.get("state")).get("crash")).get("severity")  # Bugsnag's fork
    return known(mapping(user.get("handledState")).get("currentSeverity")) or known(severity)


def _breadcrumb_entries(user: dict[str, Any], scope: dict[str, Any]) -> list[Any]:
    places = (scope.get("breadcrumbs"), mapping(mapping(user.get("state")).get("crash")).get("breadcrumbs"),
              user.get("breadcrumbs"), user.get("breadcrumbs_serialized"))  # fmt: skip
    return next((found for place in places if (found := items(place))), [])


def _custom(user: dict[str, Any], scope: dict[str, Any]) -> dict[str, Json]:
    custom = {key: part for key, part in user.items() if key not in ("breadcrumbs", "breadcrumbs_serialized")}
    custom.update({key: part for key, part in scope.items() if key != "breadcrumbs" and key not in custom})
    return cast(dict[str, Json], values.plain_json(custom))


def _image_messages(images: Any) -> list[str]:
    keys = ("crash_info_message", "crash_info_message2")
    entries = [entry for entry in items(images) if isinstance(entry, dict)]
    return most_telling(
        (values.basename(entry.get("name")), found)
        for entry in entries
        for key in keys
        if (found := known(entry.get(key)))
    )


def _notes(
    report: dict[str, Any], crash: dict[str, Any], fault: Fault, threads: tuple[Thread, ...], messages: list[str]
) -> list[str]:
    error = mapping(crash.get("error"))
    dealloced = mapping(mapping(report.get("process")).get("last_dealloced_nsexception"))
    found = [f"Diagnosis: {said}" for said in [known(crash.get("diagnosis"))] if said]
    found += [f"A loaded image says: {said}" for said in messages[:10] if said != fault.message]
    user_info = known(mapping(error.get("nsexception")).get("userInfo"))
    found += [f"User info of the exception: {user_info}"] if user_info else []
    line = known(mapping(error.get("user_reported")).get("line_of_code"))
    found += [f"Line of code: {line}"] if line else []
    if dealloced:
        said = f"{known(dealloced.get('name')) or 'unknown'}: {known(dealloced.get('reason')) or 'no reason'}"
        found.append(f"Last exception that was freed before the crash: {said}")
    if not error:
        found.append("The report does not say what the error was")
    if not fault.frames and not any(thread.frames for thread in threads if thread.is_crashed):
        found.append("The report holds no stack of the crash")
    found += _skipped(crash)
    return [values.clean(note) for note in found]


def _skipped(crash: dict[str, Any]) -> list[str]:
    for thread in items(crash.get("threads")):
        skipped = values.integer(mapping(mapping(thread).get("backtrace")).get("skipped"))
        if mapping(thread).get("crashed") is True and skipped and skipped > 0:
            return [f"{skipped} frames of the crashed thread were left out by the reporter"]
    return []

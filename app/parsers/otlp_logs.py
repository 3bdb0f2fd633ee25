"""OTLP logs as JSON: the log records of OpenTelemetry that tell of an exception or a crash.

Source: opentelemetry-proto 1.9 (`logs.proto`, JSON encoding of OTLP/HTTP), semantic conventions 1.37 (`exception.*`,
`device.*`, `os.*`, `service.*`, `deployment.*`, `app.*`, `user_agent.*`), and the events `device.crash` of
opentelemetry-android, `metrickit.diagnostic.crash` of opentelemetry-swift and `device.crash` of aws-otel-swift, whose
attributes are `crash.*`. A record is a crash report when it has a type, a message or a stack of an exception, or is such
an event; a hang is none. What was logged below the level `fatal`, the program has handled. Left out on purpose: all other
records, spans, links and flags.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from app.crashes.log import AppInfo, CrashLog, DeviceInfo, Fault, Json, OsInfo, Thread
from app.errors import MalformedLog
from app.parsers import values
from app.parsers.apple_names import mach_name, signal_name
from app.parsers.document import Document
from app.parsers.otlp_values import attributes, pick, read_value
from app.parsers.printed_stacks import LANGUAGES, PrintedStack, read_printed
from app.parsers.sentry_details import page_url
from app.parsers.user_agent import WebClient, by_user_agent
from app.parsers.values import items, mapping

FORMAT = "otlp-logs"
MAX_REPORTS = 1_000  # crash reports of one log
MAX_STACK = 2_000_000  # characters read of a printed stack

CRASHES = frozenset({"device.crash", "metrickit.diagnostic.crash"})
ANR = "device.anr"
HANGS = frozenset({"metrickit.diagnostic.hang", "device.hang"})
EXCEPTION = ("exception.type", "exception.message", "exception.stacktrace")
_LEVELS = ("trace", "debug", "info", "warning", "error", "fatal")  # of four severity numbers each
_FATAL = 21  # the first severity number of that level
_USER_AGENTS = ("user_agent.original", "browser.user_agent", "http.user_agent")  # today's name and those before it
_UNKNOWN_DEVICE = DeviceInfo()
_UNTAGGED = ("user.", "enduser.", "session.", "log.")  # attributes of one user, session or record
_MADE_OF = ("exception.", "crash.", "thread.", "event.name")  # attributes that the report has elsewhere
_NO_TAGS = _MADE_OF + _UNTAGGED


def sniff(document: Document) -> bool:
    """True for an object whose `resourceLogs` hold a log record."""
    value = document.json
    return isinstance(value, dict) and isinstance(pick(value, "resourceLogs"), list) and any(records(value))


def parse(document: Document) -> list[CrashLog]:
    """The crash reports among the records. Raises MalformedLog when there is none."""
    found: list[CrashLog] = []
    source = _source({})
    for record, resource, scope in records(mapping(document.json)):
        told = attributes(record)
        name = _event_name(record, told)
        if not _tells_of_crash(name, told):
            continue
        if resource != source.resource:
            source = _source(resource)
        found.append(_read(record, told, name, source, scope, brief=document.brief))
        if len(found) == MAX_REPORTS:
            break
    if not found:
        raise MalformedLog("The OTLP logs hold no record of an exception or a crash")
    return found


def records(request: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]:
    """Each log record, with its resource and its scope."""
    for resource_logs in map(mapping, items(pick(request, "resourceLogs"))):
        for scope_logs in map(mapping, items(pick(resource_logs, "scopeLogs"))):
            resource, scope = mapping(resource_logs.get("resource")), mapping(scope_logs.get("scope"))
            for record in items(pick(scope_logs, "logRecords")):
                if isinstance(record, dict):
                    yield record, resource, scope


def is_crash(record: dict[str, Any]) -> bool:
    """True for a record that tells of an exception or a crash."""
    told = attributes(record)
    return _tells_of_crash(_event_name(record, told), told)


def _tells_of_crash(name: str | None, told: dict[str, Json]) -> bool:
    if name in HANGS:
        return False
    return name in CRASHES or name == ANR or any(values.text(told.get(key)) for key in EXCEPTION)


def has_time(record: dict[str, Any]) -> bool:
    """True where two records that are alike are one, sent again."""
    return bool(_nanoseconds(record, "timeUnixNano") or _nanoseconds(record, "observedTimeUnixNano"))


def _event_name(record: dict[str, Any], told: dict[str, Json]) -> str | None:
    name = values.text(pick(record, "eventName")) or values.text(told.get("event.name"))
    own = values.text(told.get("name")) or ""
    return name or (own if own.startswith("metrickit.") else None)


def _nanoseconds(record: dict[str, Any], key: str) -> int | None:
    return values.address(pick(record, key)) or None


class _Source(NamedTuple):
    """What sent the records: read once for all of them."""

    resource: dict[str, Any]
    about: dict[str, Json]  # its attributes
    language: str | None
    process: str | None
    process_id: int | None
    app: AppInfo
    os: OsInfo
    device: DeviceInfo


def _source(resource: dict[str, Any]) -> _Source:
    about = attributes(resource)
    return _Source(
        resource=resource,
        about=about,
        language=values.text(about.get("telemetry.sdk.language")),
        process=values.text(about.get("process.executable.name")),
        process_id=values.integer(about.get("process.pid")),
        app=AppInfo(
            identifier=_first(about, "app.bundle_id", "android.package.name", "service.namespace"),
            name=_first(about, "service.name"),
            version=_first(about, "service.version", "app.version"),
            build=_first(about, "app.build_id", "service.build", "app.build"),
        ),
        os=OsInfo(_first(about, "os.name", "os.type"), _first(about, "os.version"), _first(about, "os.build_id")),
        device=DeviceInfo(
            model=_first(about, "device.model.identifier", "device.model.name"),
            manufacturer=_first(about, "device.manufacturer"),
            arch=_first(about, "host.arch"),
            install_id=_first(about, "app.installation.id", "device.id"),
        ),
    )


def _read(
    record: dict[str, Any],
    told: dict[str, Json],
    name: str | None,
    source: _Source,
    scope: dict[str, Any],
    *,
    brief: bool,
) -> CrashLog:
    about = source.about
    stack = _stack(told)
    printed = read_printed(stack, source.language) if stack else PrintedStack(None)
    number = values.integer(pick(record, "severityNumber")) or 0
    is_crashed = name in CRASHES or name == ANR
    fault = _fault(told, printed, name, _handled(told, number, is_crashed=is_crashed))
    time = _nanoseconds(record, "timeUnixNano") or _nanoseconds(record, "observedTimeUnixNano")
    known = {**about, **told}
    client = by_user_agent(_first(known, *_USER_AGENTS))
    custom = {} if brief else _custom(record, told, about, scope, fault, stack if not printed.has_frames else None)
    return CrashLog(
        format=FORMAT,
        platform=printed.platform or LANGUAGES.get(source.language or ""),
        report_id=values.text(told.get("log.record.uid")),
        occurred_at=values.unix_time(time, 1_000_000_000),
        level="fatal" if is_crashed else _level(record, number),
        process=source.process,
        process_id=source.process_id,
        faults=(fault, *printed.faults[1:]),
        threads=printed.threads or _thread(told),
        images=printed.images,
        app=source.app,
        os=client.os if source.os == OsInfo() else source.os,
        device=_device(source.device, client),
        user_id=_first(known, "user.id", "enduser.id", "user.name", "user.email"),
        details=_details(told, about, client),
        tags={**(client.browser.tags if client.browser else {}), **_tags(told)},
        custom=custom,
        notes=printed.notes,
    )


def _device(named: DeviceInfo, client: WebClient) -> DeviceInfo:
    if named.model or named.manufacturer or client.device == _UNKNOWN_DEVICE:
        return named
    return replace(client.device, arch=named.arch, install_id=named.install_id)


def _details(told: dict[str, Json], about: dict[str, Json], client: WebClient) -> dict[str, str | int | bool]:
    found = {
        "environment": _first(about, "deployment.environment.name", "deployment.environment"),
        "url": page_url(told["url.full"]) if "url.full" in told else None,
        "request_method": _first(told, "http.request.method"),
        "browser": client.browser.text if client.browser else None,
    }
    return {key: value for key, value in found.items() if value is not None}


def _stack(told: dict[str, Json]) -> str | None:
    """The printed stack; some events of crashes name it otherwise."""
    others = (key for key in told if key.startswith(("crash.", "metrickit.")) and "stacktrace" in key)
    found = (told.get(key) for key in ("exception.stacktrace", *others))
    return next((value[:MAX_STACK] for value in found if isinstance(value, str) and value.strip()), None)


def _fault(told: dict[str, Json], printed: PrintedStack, name: str | None, handled: bool | None) -> Fault:
    """The crash itself: as attributes name it, else as its stack is headed."""
    head = printed.faults[0] if printed.faults else Fault()
    mach, signal = mach_name(told.get("crash.exception_type")), signal_name(told.get("crash.signal"))
    reason = values.text(told.get("crash.exception_reason.name")) or mach or signal
    kind = values.text(told.get("exception.type")) or reason or head.type or ("ANR" if name == ANR else None)
    message = (
        values.text(told.get("exception.message"))
        or values.text(told.get("crash.exception_reason.message"))
        or values.text(told.get("crash.termination_reason"))
        or head.message
    )
    mechanism = "anr" if name == ANR else name if name in CRASHES else None
    return replace(head, type=kind, message=message, signal=signal, handled=handled, mechanism=mechanism)


def _handled(told: dict[str, Json], number: int, *, is_crashed: bool) -> bool | None:
    escaped = values.boolean(told.get("exception.escaped"))
    if is_crashed or escaped is not None:
        return not (is_crashed or escaped)
    return True if 0 < number < _FATAL else None


def _level(record: dict[str, Any], number: int) -> str | None:
    if 0 < number <= 4 * len(_LEVELS):
        return _LEVELS[(number - 1) // 4]
    return (values.text(pick(record, "severityText")) or "").lower() or None


def _thread(told: dict[str, Json]) -> tuple[Thread, ...]:
    """The thread of the exception."""
    number, name = values.integer(told.get("thread.id")), values.text(told.get("thread.name"))
    return (Thread(index=number or 0, name=name, is_crashed=True),) if name or number is not None else ()


def _first(told: dict[str, Json], *names: str) -> str | None:
    for name in names:
        if name in told and (text := values.text(told[name])):
            return text
    return None


def _tags(told: dict[str, Json]) -> dict[str, Json]:
    """What the app has said of the record."""
    return values.plain_mapping({key: each for key, each in told.items() if not key.startswith(_NO_TAGS)})


def _custom(
    record: dict[str, Any],
    told: dict[str, Json],
    about: dict[str, Json],
    scope: dict[str, Any],
    fault: Fault,
    unread: str | None,
) -> dict[str, Json]:
    body = read_value(record.get("body"))
    custom: dict[str, Any] = {
        "message": body if body != fault.message else None,
        "attributes": {key: value for key, value in told.items() if not key.startswith(_MADE_OF)},
        "resource": about,
        "logger": values.text(scope.get("name")),
        "event_name": _event_name(record, told),
        "stacktrace": unread,  # of a language that is not read
    }
    return {key: values.plain_json(value) for key, value in custom.items() if value not in (None, "", {}, [])}

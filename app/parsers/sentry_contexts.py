"""Who, where and when of a Sentry event: app, system, device, user, time, tags and breadcrumbs.

Source: https://develop.sentry.dev/sdk/data-model/event-payloads/ (contexts, user, breadcrumbs; 2024), release names of
https://docs.sentry.io/platforms/android/configuration/releases/ and the web API's `tags` as {key, value}.
Left out on purpose: modules. Request and state of the device: see sentry_details.py.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.crashes.log import AppInfo, Breadcrumb, DeviceInfo, Json, OsInfo
from app.parsers import values
from app.parsers.sentry_images import pick
from app.parsers.sentry_stacks import entries, message_text
from app.parsers.user_agent import Browser, by_headers

_TOLD_ELSEWHERE = ("app", "os", "device")  # contexts that have fields of their own
_LEVELS = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "fatal"}  # raven-python's numbers


def time(value: Any) -> datetime | None:
    """A time in seconds since 1970 (number or text) or ISO 8601, where no zone means UTC."""
    if isinstance(value, str):
        number = value.strip()
        if not number.replace(".", "", 1).isdecimal() or not number.isascii() or len(number) > 30:
            return values.utc_time(value)
        value = float(number)
    return values.unix_time(value)


def level(value: Any) -> str | None:
    """The level by name."""
    return _LEVELS.get(value) if isinstance(value, int) else values.text(value)


def app(event: dict[str, Any], contexts: dict[str, Any]) -> AppInfo:
    """The program: from its context, else out of the release `identifier@version+build` and `dist`."""
    context = values.mapping(contexts.get("app"))
    identifier, version, build = release_parts(event.get("release"))
    return AppInfo(
        identifier=values.text(context.get("app_identifier")) or identifier,
        name=values.text(context.get("app_name")),
        version=values.text(context.get("app_version")) or version,
        build=values.text(context.get("app_build")) or build or values.text(event.get("dist")),
    )


def release_parts(release: Any) -> tuple[str | None, str | None, str | None]:
    if isinstance(release, dict):  # the web API's
        release = release.get("version")
    name = values.text(release)
    if not name:
        return None, None, None
    identifier, at, version = name.rpartition("@")
    if not identifier:  # a bare version or commit; npm's "@scope" alone is none
        return None, version if at == "" else name, None
    version, _, build = version.partition("+")
    return identifier, version or None, build or None


def with_client(event: dict[str, Any], contexts: dict[str, Any]) -> dict[str, Any]:
    """The contexts, and those that Sentry's relay adds by the headers of the request where an event has none of them."""
    headers = values.mapping(event.get("request")).get("headers")
    if not headers:
        return contexts
    client = by_headers(headers)
    added: dict[str, Any] = {}
    if client.browser and not pick(contexts, "browser", "client_browser"):
        added["browser"] = client.browser._asdict()
    if not pick(contexts, "os", "client_os"):
        added["client_os"] = {"name": client.os.name, "version": client.os.version}
    if not contexts.get("device"):
        added["device"] = {"model": client.device.model, "brand": client.device.manufacturer}
    return {**contexts, **added}


def system(contexts: dict[str, Any]) -> OsInfo:
    """The operating system."""
    context = values.mapping(pick(contexts, "os", "client_os"))
    return OsInfo(
        name=values.text(context.get("name")) or values.text(context.get("raw_description")),
        version=values.text(context.get("version")),
        build=values.text(context.get("build")),
    )


def device(contexts: dict[str, Any]) -> DeviceInfo:
    """The device; the installation is Android's device id, Unity's unique identifier or KSCrash's app hash."""
    context, program = values.mapping(contexts.get("device")), values.mapping(contexts.get("app"))
    installs = (context.get("id"), context.get("device_unique_identifier"), program.get("device_app_hash"))
    archs = values.items(context.get("archs"))
    return DeviceInfo(
        model=values.text(context.get("model")) or values.text(context.get("model_id")),
        manufacturer=values.text(context.get("manufacturer")) or values.text(context.get("brand")),
        arch=values.text(context.get("arch")) or (values.text(archs[0]) if archs else None),
        install_id=next((text for install in installs if (text := values.text(install))), None),
    )


def user_id(user: Any) -> str | None:
    """The id of the user, else the name or e-mail address the app gave."""
    fields = values.mapping(user)
    return next((text for key in ("id", "username", "email") if (text := values.text(fields.get(key)))), None)


def grouping_hint(fingerprint: Any) -> tuple[str, ...]:
    """The sender's fingerprint, or nothing when it only asks for the default."""
    listed = fingerprint if isinstance(fingerprint, list) else [fingerprint]
    parts = tuple(text for part in listed[:100] if (text := values.text(part)))
    is_default = len(parts) == 1 and parts[0].replace(" ", "") == "{{default}}"
    return () if is_default else parts


def custom(event: dict[str, Any], contexts: dict[str, Any]) -> dict[str, Json]:
    """What the app added: tags, extra, user, other contexts, and the names it gave."""
    other = {key: value for key, value in contexts.items() if key not in _TOLD_ELSEWHERE}
    custom: dict[str, Any] = {
        "tags": tags(event.get("tags")),
        "extra": pick(event, "extra", "context"),
        "user": event.get("user"),
        "contexts": other,
    }
    for key in ("environment", "server_name", "transaction", "culprit", "logger", "sdk"):
        custom[key] = event.get(key)
    return {key: values.plain_json(value) for key, value in custom.items() if value not in (None, "", {}, [])}


def browser(contexts: dict[str, Any]) -> Browser | None:
    """The browser."""
    context = values.mapping(pick(contexts, "browser", "client_browser"))
    name = values.text(context.get("name"))
    return Browser(name, values.text(context.get("version"))) if name else None


def tags(value: Any) -> dict[str, Json]:
    """Tags as an object, out of an object, pairs, or {key, value} objects."""
    if isinstance(value, dict):
        return {values.clean(str(key)): values.plain_json(each) for key, each in value.items()}
    read: dict[str, Json] = {}
    for tag in values.items(value):
        key, each = (tag.get("key"), tag.get("value")) if isinstance(tag, dict) else _pair(tag)
        name = values.text(key)
        if name:
            read[name] = values.plain_json(each)
    return read


def _pair(tag: Any) -> tuple[Any, Any]:
    return (tag[0], tag[1]) if isinstance(tag, list) and len(tag) == 2 else (None, None)


def breadcrumbs(interface: Any) -> tuple[Breadcrumb, ...]:
    """What happened before, oldest first."""
    return tuple(
        Breadcrumb(
            time=time(crumb.get("timestamp")),
            category=values.text(crumb.get("category")) or _kind(crumb.get("type")),
            level=level(crumb.get("level")),
            message=message_text(crumb.get("message")),
            data=_data(crumb.get("data")),
        )
        for crumb in entries(interface)
    )


def _kind(kind: Any) -> str | None:
    name = values.text(kind)
    return name if name != "default" else None


def _data(data: Any) -> Mapping[str, Json]:
    plain = values.plain_json(data)
    if isinstance(plain, dict):
        return plain
    return {} if plain is None else {"data": plain}

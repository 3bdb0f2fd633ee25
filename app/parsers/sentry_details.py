"""In what environment and state a Sentry event happened: page, browser, memory, storage, battery, orientation.

Source: https://develop.sentry.dev/sdk/data-model/event-payloads/ (contexts app, device and browser; request; 2026). A
URL has no query here, where secrets stand. Left out on purpose: headers, cookies, body and environment of a request;
browser, system and device are read of its headers, though: see sentry_contexts.py.
"""

from typing import Any

from app.parsers import values
from app.parsers.sentry_contexts import browser

_NUMBERS = {  # bytes
    "memory_size": "memory_size", "free_memory": "free_memory", "usable_memory": "usable_memory",
    "app_memory": "memory_footprint", "storage_size": "storage_size", "free_storage": "free_storage",
    "external_free_storage": "free_external_storage",
}  # fmt: skip
_FLAGS = {"low_memory": "low_memory", "charging": "charging", "online": "online", "simulator": "simulator"}


def details(event: dict[str, Any], contexts: dict[str, Any]) -> dict[str, str | int | bool]:
    """What is known, in the order of the page."""
    app, device = values.mapping(contexts.get("app")), values.mapping(contexts.get("device"))
    request, battery = values.mapping(event.get("request")), device.get("battery_level")
    its_browser = browser(contexts)
    found: dict[str, str | int | bool | None] = {
        "environment": values.text(event.get("environment")),
        "url": page_url(request.get("url")),
        "request_method": values.text(request.get("method")),
        "browser": its_browser.text if its_browser else None,
        "foreground": values.boolean(app.get("in_foreground")),
        "orientation": values.text(device.get("orientation")),
        "battery_percent": round(battery) if isinstance(battery, (int, float)) and 0 <= battery <= 100 else None,
    }
    found |= {name: values.integer(device.get(key, app.get(key))) for key, name in _NUMBERS.items()}
    found |= {name: values.boolean(device.get(key)) for key, name in _FLAGS.items()}
    found["thermal_state"] = values.text(device.get("thermal_state"))
    return {key: value for key, value in found.items() if value is not None}


def page_url(value: Any) -> str | None:
    """The URL without query, fragment and password."""
    url = (values.text(value) or "").split("?", 1)[0].split("#", 1)[0].strip()
    scheme, mark, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}" or None

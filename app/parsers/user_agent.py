"""Browser, operating system and device by what a browser says of itself: its User-Agent, and its client hints.

Names and versions are those of ua-parser's rules, which Sentry uses too, and order and forms those of Sentry's relay
(relay-event-normalization, `user_agent.rs`, 2026): hints win, and a version at which browsers have frozen that part of
their User-Agent is a lower bound, `>=10` of Windows and `>=10.15.7` of Mac OS X. Chrome on Android writes the system 10
and the device K whatever they are: version and device are unknown then, which relay takes at its word.
"""

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from app.crashes.log import DeviceInfo, Json, OsInfo
from app.parsers import values

if TYPE_CHECKING:
    from ua_parser import OS, Device, Parser, UserAgent

MAX_LENGTH = 1_000  # characters of a header that are read
REMEMBERED = 1_000  # User-Agents

_FROZEN = {("Windows", "10"), ("Mac OS X", "10.15.7")}
_REDUCED = "(Linux; Android 10; K)"
_BRAND = re.compile(r'"([^"]{1,100})";v="([^"]{1,100})"')
_NO_BROWSERS = ("Brand", "Chromium", "Gecko", "WebKit")  # in the list of brands: made up, or the engine


class Browser(NamedTuple):
    """A browser."""

    name: str
    version: str | None = None

    @property
    def text(self) -> str:
        """`Firefox 142.0`."""
        return f"{self.name} {self.version}" if self.version else self.name

    @property
    def tags(self) -> dict[str, Json]:
        """By which crashes are found, as Sentry names them."""
        return {"browser": self.text, "browser.name": self.name}


class WebClient(NamedTuple):
    """What a browser tells of itself and of what it runs on."""

    browser: Browser | None = None
    os: OsInfo = OsInfo()
    device: DeviceInfo = DeviceInfo()


def by_headers(headers: Any) -> WebClient:
    """By the headers of a request, as an object or as pairs, with their names in any case."""
    pairs = headers.items() if isinstance(headers, dict) else (each for each in values.items(headers) if _is_pair(each))
    told = {str(name).lower(): _text(value) for name, value in pairs}
    client = by_user_agent(told.get("user-agent"))
    os_name = _unquoted(told.get("sec-ch-ua-platform"))
    model = _unquoted(told.get("sec-ch-ua-model"))
    return WebClient(
        browser=_by_brands(told.get("sec-ch-ua") or "") or client.browser,
        os=OsInfo(os_name, _unquoted(told.get("sec-ch-ua-platform-version"))) if os_name else client.os,
        device=DeviceInfo(model=model) if model else client.device,
    )


def by_user_agent(text: str | None) -> WebClient:
    """By a User-Agent alone, of which the first MAX_LENGTH characters are read."""
    return _parsed(text[:MAX_LENGTH]) if text else WebClient()


@lru_cache(REMEMBERED)
def _parsed(text: str) -> WebClient:
    found = _parser().parse(text)
    client = WebClient(_browser(found.user_agent), _os(found.os), _device(found.device))
    if _REDUCED in text:
        return client._replace(os=OsInfo(client.os.name), device=DeviceInfo())
    return client


@lru_cache(1)
def _parser() -> "Parser":
    """Made by who first reads a User-Agent: it takes 13 MB. RE2 reads any text in linear time."""
    from ua_parser import Parser
    from ua_parser.loaders import load_builtins
    from ua_parser.re2 import Resolver

    return Parser(Resolver(load_builtins()))


def _browser(found: "UserAgent | None") -> Browser | None:
    return Browser(found.family, _version(found.major, found.minor, found.patch)) if found else None


def _os(found: "OS | None") -> OsInfo:
    if found is None:
        return OsInfo()
    version = _version(found.major, found.minor, found.patch)
    return OsInfo(found.family, f">={version}" if (found.family, version) in _FROZEN else version)


def _device(found: "Device | None") -> DeviceInfo:
    return DeviceInfo(model=found.model, manufacturer=found.brand) if found else DeviceInfo()


def _version(*parts: str | None) -> str | None:
    """The parts up to the first that is unknown."""
    known = parts[: parts.index(None)] if None in parts else parts
    return ".".join(part for part in known if part) or None


def _by_brands(told: str) -> Browser | None:
    """The brand in `"Not_A Brand";v="99", "Google Chrome";v="109", "Chromium";v="109"`."""
    for item in told.split(","):
        if not any(name in item for name in _NO_BROWSERS) and (found := _BRAND.search(item)):
            return Browser(found[1], found[2])
    return None


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2


def _text(value: Any) -> str | None:
    """A header that was sent several times is a list."""
    text = values.text(value[0] if isinstance(value, list) and value else value)
    return text[:MAX_LENGTH] if text else None


def _unquoted(value: str | None) -> str | None:
    return (value or "").replace('"', "").strip() or None

"""Versions of Apple's systems and of apps, as reports write them."""

from app.parsers import values
from app.parsers.apple_names import known

_OLD_IOS = ("iphone os", "ios", "ipados", "ipad os", "watch os", "watchos", "apple tvos", "tvos")


def split_os(value: str | None) -> tuple[str | None, str | None, str | None]:
    """(name, version, build) out of "iPhone OS 15.2.1 (19C63)"."""
    words, _, build = (known(value) or "").partition(" (")
    name, _, version = words.strip().rpartition(" ")
    if not version[:1].isdigit():
        name, version = words.strip(), ""
    return known(name), known(version), known(build.rstrip(") ").removeprefix("Build "))


def split_version(
    value: str | None, os_name: str | None, os_version: str | None, is_short_first: bool
) -> tuple[str | None, str | None]:
    """(version, build) out of a `Version:` line, which has both orders.

    macOS, PLCrashReporter (bare signal) and what is made from .ips: version (build). ReportCrash before iOS 15 and
    KSCrash: build (version). On iOS the shape decides where it can: a build has no dot more often than a version.
    """
    first, bracket, second = (known(value) or "").partition(" (")
    first, second = first.strip(), second.rstrip(") ")
    if not bracket:
        return known(first), None
    is_ios = (os_name or "").lower() in _OLD_IOS
    major = values.integer((os_version or "").split(".")[0])
    is_build_first = is_ios and not is_short_first and (major or 0) < 15
    if is_ios and ("." in first) != ("." in second):
        is_build_first = "." in second
    return (known(second), known(first)) if is_build_first else (known(first), known(second))

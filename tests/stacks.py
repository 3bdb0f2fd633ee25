"""Crashes with a stack, as the rules of grouping see them: plain functions, no fixtures."""

from app.crashes.fingerprint import fingerprint
from app.crashes.log import CrashLog, Fault, Frame, Thread


def crash(*frames: Frame, type: str | None = "Error", message: str | None = None, platform: str = "apple") -> CrashLog:
    thread = Thread(0, is_crashed=True, frames=frames)
    return CrashLog("test", platform, faults=(Fault(type, message),), threads=(thread,))


def own(function: str | None, **more: object) -> Frame:
    return Frame(function, **{"image": "Shop", **more})  # type: ignore[arg-type]


def java(name: str) -> Frame:
    module, _, function = name.rpartition("#")
    return Frame(function, module=module)


def value(log: CrashLog) -> str:
    return fingerprint(log).value

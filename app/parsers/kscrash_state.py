"""Why KSCrash says a run ended without a crash, and in what state the app was. Source and fields: see kscrash.py."""

from typing import Any

from app.parsers import values
from app.parsers.apple_names import cpu_name, known
from app.parsers.values import mapping

_REASONS = {
    "memory_limit": "The system ended the app: it used more memory than an app may",
    "memory_pressure": "The system ended the app: the device had run out of memory",
    "cpu": "The system ended the app: it used too much processor time",
    "thermal": "The system ended the app: the device was too hot",
    "low_battery": "The app ended with the device, whose battery was empty",
    "hang": "The app ended while its main thread did not respond",
    "crash": "The app crashed, and no report of it is left",
    "unexplained": "The app ended without a crash, and nothing tells why",
    "reboot": "The app ended with the device, which was restarted",
    "os_upgrade": "The app ended with an update of the system",
    "app_upgrade": "The app ended with an update of the app",
    "clean": "The app ended by itself",
}
"""KSTerminationReason.h, KSCrash 2.6."""
_GENERIC_ARCHS = ("x86", "arm", "any")


def termination(error: dict[str, Any]) -> str | None:
    """The type of an error that is a termination, by its reason; one of a later version keeps its own word."""
    reason = _reason(error)
    return f"Termination: {reason.replace('_', ' ')}" if reason else None


def _reason(error: dict[str, Any]) -> str | None:
    return known(error.get("termination_reason")) or known(mapping(error.get("termination")).get("reason"))


def details(system: dict[str, Any], error: dict[str, Any]) -> dict[str, str | int | bool]:
    """What the system part says of the app and the device at that time; sizes are bytes."""
    stats, memory, used = (mapping(system.get(key)) for key in ("application_stats", "memory", "app_memory"))
    found = {
        "termination": _REASONS.get((_reason(error) or "").lower()),
        "foreground": values.boolean(stats.get("application_in_foreground")),
        "active": values.boolean(stats.get("application_active")),
        "state": known(used.get("app_transition_state")) or known(stats.get("app_transition_state")),
        "role": known(stats.get("task_role")),
        "parent_process": known(system.get("parent_process_name")),
        "translated": values.boolean(system.get("proc_translated")) or None,
        "jailbroken": True if system.get("jailbroken") is True else None,
        "free_memory": values.integer(memory.get("free")),
        "usable_memory": values.integer(memory.get("usable")),
        "memory_footprint": values.integer(used.get("memory_footprint")),
        "memory_limit": values.integer(used.get("memory_limit")),
        "memory_pressure": known(used.get("memory_pressure")),
        "memory_level": known(used.get("memory_level")),
        "free_storage": values.integer(system.get("free_storage") or system.get("freeStorage")),
        "exit_code": values.integer(mapping(error.get("exit_reason")).get("code")),
    }
    return {key: value for key, value in found.items() if value is not None}


def arch(system: dict[str, Any]) -> str | None:
    """The architecture of the program where the device's names its family alone, else the device's."""
    device = known(system.get("cpu_arch")) or cpu_name(system.get("cpu_type"), system.get("cpu_subtype"))
    program = cpu_name(system.get("binary_cpu_type"), system.get("binary_cpu_subtype"))
    return program or device if device is None or device.lower() in _GENERIC_ARCHS else device

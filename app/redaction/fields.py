"""Places in a crash report, named as its JSON report names them: `breadcrumbs[*].data.token`, `user.email`."""

import re
from typing import Any

from app.errors import BadParameters

MAX_STEPS = 12
MAX_LENGTH = 200  # characters of a path
ANY = "*"

_STEP = re.compile(r"([^.\[\]*\s]+|\*)(\[\*\])?")

_NAMES = {
    ("user_id",): ("user_id",),
    ("occurrence", "user_id"): ("user_id",),
    ("occurrence", "report_id"): ("report_id",),
    ("process", "name"): ("process",),
    ("app", "bundle_name"): ("app", "name"),
    ("device", "model"): ("device", "model"),
    ("device", "manufacturer"): ("device", "manufacturer"),
    ("device", "install_id"): ("device", "install_id"),
    ("exceptions", ANY, "message"): ("faults", ANY, "message"),
    ("exceptions", ANY, "mechanism"): ("faults", ANY, "mechanism"),
    ("threads", ANY, "name"): ("threads", ANY, "name"),
    ("threads", ANY, "queue"): ("threads", ANY, "queue"),
    ("images", ANY, "name"): ("images", ANY, "name"),
    ("images", ANY, "path"): ("images", ANY, "path"),
    ("breadcrumbs", ANY, "category"): ("breadcrumbs", ANY, "category"),
    ("breadcrumbs", ANY, "message"): ("breadcrumbs", ANY, "message"),
    ("notes", ANY): ("notes", ANY),
}
"""The report's name of a text -> where CrashLog has it."""

_REPORTS_OWN = {"occurrence", "crash", "app", "os", "device", "process", "exceptions", "threads", "images", "breadcrumbs",
                "notes"}  # fmt: skip

Path = tuple[str, ...]


def read_path(text: str) -> Path:
    """Where in a CrashLog that is. What the report has no name for is looked for in `custom`. Raises BadParameters."""
    steps = _steps(text)
    if steps in _NAMES:
        return _NAMES[steps]
    if steps[:3] == ("breadcrumbs", ANY, "data") and len(steps) > 3:
        return steps
    if steps[0] == "custom" and len(steps) > 1:
        return steps
    if steps[0] in _REPORTS_OWN:
        known = ", ".join(sorted({_dotted(path) for path in _NAMES}))
        raise BadParameters(
            f"redaction.fields: {text} is no text of a report; take one of {known}, or a place in custom"
        )
    return ("custom", *steps)


def _steps(text: str) -> Path:
    steps: list[str] = []
    for part in text.split(".") if len(text) <= MAX_LENGTH else ():
        found = _STEP.fullmatch(part)
        if not found:
            break
        steps += [found[1]] + ([ANY] if found[2] else [])
    else:
        if 0 < len(steps) <= MAX_STEPS:
            return tuple(steps)
    raise BadParameters("redaction.fields: a path looks like user.email or breadcrumbs[*].data.token")


def _dotted(path: Path) -> str:
    return ".".join(path).replace(f".{ANY}", f"[{ANY}]")


def below(paths: tuple[Path, ...], step: Any) -> tuple[Path, ...]:
    """What is left of the paths that go on through this key, name or place in a list."""
    return tuple(path[1:] for path in paths if path and path[0] in (ANY, step))

"""What one row can say of an occurrence: facts, which batches hold, and circumstances, by which crashes are found."""

import json
import re
from collections.abc import Mapping
from itertools import islice
from typing import NamedTuple

from app.crashes.kind import handled, kind
from app.crashes.log import CrashLog, Json

MAX_LENGTH = 128  # characters of a fact; what goes beyond is no version, model or id that somebody looks for
MAX_TAGS = 20  # of an occurrence, the first of the log
MAX_TAG_NAME = 64  # characters; a tag with a longer name or value is left out: it is none that somebody looks for
LOOKED_THROUGH = 200  # tags of a log


_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # what a database refuses in a text


class Facts(NamedTuple):
    """As the log says it, cut to MAX_LENGTH; None is unknown."""

    app_version: str | None = None
    app_build: str | None = None
    os_name: str | None = None
    os_version: str | None = None
    device_model: str | None = None
    user_id: str | None = None


class Circumstances(NamedTuple):
    """What else crashes are found by; None is unknown."""

    environment: str | None = None
    handled: bool | None = None
    kind: str | None = None  # one of app.crashes.kind.KINDS
    tags: str | None = None  # JSON: name -> value


def facts(log: CrashLog) -> Facts:
    """The facts of a crash report. The digest stores them; where none are stored, they are read from the log."""
    return Facts(
        app_version=as_fact(log.app.version),
        app_build=as_fact(log.app.build),
        os_name=as_fact(log.os.name),
        os_version=as_fact(log.os.version),
        device_model=as_fact(log.device.model),
        user_id=as_fact(log.user_id),
    )


def circumstances(log: CrashLog) -> Circumstances:
    """The circumstances of a crash report, likewise."""
    its_kind, environment = kind(log), log.details.get("environment")
    return Circumstances(
        environment=as_fact(environment) if isinstance(environment, str) else None,
        handled=handled(log, its_kind),
        kind=its_kind,
        tags=tags_text(log.tags) if log.tags else None,
    )


def as_fact(value: str | None) -> str | None:
    """A text as it is stored and compared."""
    return None if value is None else _UNSTORABLE.sub("\ufffd", value)[:MAX_LENGTH]


def tags_text(tags: Mapping[str, Json]) -> str | None:
    """The tags that are kept of an occurrence, as JSON: plain values, at most MAX_TAGS; None: there is none."""
    kept: dict[str, str] = {}
    for name, value in islice(tags.items(), LOOKED_THROUGH):
        text = _as_tag(value)
        if text and name and len(name) <= MAX_TAG_NAME and len(text) <= MAX_LENGTH and len(kept) < MAX_TAGS:
            kept[_UNSTORABLE.sub("\ufffd", name)] = _UNSTORABLE.sub("\ufffd", text)
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"), sort_keys=True) if kept else None


def _as_tag(value: Json) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (str, int, float)) else None

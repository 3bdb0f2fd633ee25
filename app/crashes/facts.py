"""What can be told of an occurrence in one row: the columns that batches hold and are filtered by."""

import re
from typing import NamedTuple

from app.crashes.log import CrashLog

MAX_LENGTH = 128  # characters of a fact; what goes beyond is no version, model or id that somebody looks for


_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # what a database refuses in a text


class Facts(NamedTuple):
    """As the log says it, cut to MAX_LENGTH; None is unknown."""

    app_version: str | None = None
    app_build: str | None = None
    os_name: str | None = None
    os_version: str | None = None
    device_model: str | None = None
    user_id: str | None = None


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


def as_fact(value: str | None) -> str | None:
    """A text as it is stored and compared."""
    return None if value is None else _UNSTORABLE.sub("\ufffd", value)[:MAX_LENGTH]

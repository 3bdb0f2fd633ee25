"""One row of a batch: what is known of an occurrence without its report."""

from datetime import UTC, datetime
from typing import NamedTuple


class Row(NamedTuple):
    """The columns of every row format, in their order. None is unknown."""

    id: str  # of the occurrence, as on the wire
    date: str  # UTC day, yyyy-mm-dd
    log_id: str
    occurred_at: datetime  # UTC, aware
    crash_identifier: str
    app_version: str | None
    app_build: str | None
    os_name: str | None
    os_version: str | None
    device_model: str | None
    user_id: str | None


COLUMNS = Row._fields


def time_text(value: datetime) -> str:
    """`2018-09-13T08:02:53.000000Z`: always to the microsecond, so that text order is time order."""
    return value.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"

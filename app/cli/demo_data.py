"""Data of the demo to look at: crashes of the last days on every platform."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from app.ingest.sample_crash import PLATFORMS, sample_crash

DAYS = 10


def recent_crashes(now: datetime) -> Iterator[tuple[str, bytes]]:
    """Names and contents of logs, more of some platforms than of others, by several users."""
    for order, platform in enumerate(PLATFORMS):
        number = 2 * (len(PLATFORMS) - order)
        for at in range(number):
            day = timedelta(days=at * DAYS / number, minutes=5)
            yield sample_crash(platform, now - day, f"user-{at % (order + 3)}")

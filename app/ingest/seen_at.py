"""When a crash was seen: the log's own time where it can be true, for clocks of devices go wrong by years."""

from datetime import datetime, timedelta

LEAST_DRIFT = timedelta(minutes=55)  # between a device's clock and ours that is corrected, as Sentry's Relay has it


def seen_at(occurred_at: datetime, received_at: datetime, sent_at: datetime | None, oldest_days: int) -> datetime:
    """The time that crashes are sorted and filtered by, at most `received_at` and at least `oldest_days` before.

    A time outside of that was read from a wrong clock: the arrival counts instead. `sent_at` is when the log was sent, by the
    clock that `occurred_at` is of: if that clock was wrong then, it was as wrong when the crash happened.
    """
    try:
        if sent_at is not None and abs(received_at - sent_at) >= LEAST_DRIFT:
            occurred_at += received_at - sent_at
    except OverflowError:
        return received_at
    return occurred_at if received_at - timedelta(days=oldest_days) <= occurred_at <= received_at else received_at

"""Which crashes the periodic rules of a channel are about; all days are UTC days."""

from app.db.queries.notified_crashes import DayCounts


def is_spike(counts: DayCounts, times: float) -> bool:
    """True when the crash occurred today more than so many times its mean of the days before.

    The days are the seven before today, or those since the crash was first seen; without any the crash has no past.
    """
    return counts.days > 0 and counts.today > times * counts.before / counts.days

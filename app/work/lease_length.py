"""How long a lease lasts, whatever the type of work."""

from datetime import datetime, timedelta

from app.db.work import CLOCK_SLACK
from app.services import Services


def lease_of(services: Services) -> timedelta:
    """How long a claim or a renewal lasts, whatever the type of work."""
    return timedelta(seconds=services.config.job_lease)


def furthest(services: Services, now: datetime) -> datetime:
    """A lease that ends after this was written before a clock was set back."""
    return now + 2 * lease_of(services) + CLOCK_SLACK

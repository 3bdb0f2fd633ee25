"""Whether an app may send one more log now: its own limit, else the service's."""

import json

from app.config import Config
from app.db.hot.upload import Sender
from app.errors import TooManyRequests
from app.services import Services

LOGS_PER_MINUTE = "logs_per_minute"  # in an app's settings; null: any number


def admit(services: Services, sender: Sender) -> None:
    """Count a log that comes from outside. Raises TooManyRequests when it is one too many."""
    per_minute = logs_per_minute(services.config, sender.settings)
    if not per_minute or services.rate_limit is None:
        return
    seconds = services.rate_limit.count(str(sender.id), per_minute)
    if seconds:
        raise TooManyRequests(
            f"The app sends more than {per_minute} logs a minute, try again in {seconds} s", retry_after=seconds
        )


def logs_per_minute(config: Config, settings: str | None) -> int | None:
    """The limit of an app with these settings (JSON), None or 0 without one."""
    own = json.loads(settings) if settings else {}
    found: int | None = own.get(LOGS_PER_MINUTE, config.logs_per_minute)
    return found

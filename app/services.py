"""What every use case works with: database, storage, broker, clock and settings, opened once per process."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app.broker import Broker, NoBroker, RedisBroker
from app.clock import DatabaseClock, utc_now
from app.config import Config
from app.db import Database, open_database
from app.rate_limit import RateLimit, open_rate_limit
from app.storage import Storage, open_storage


@dataclass(frozen=True)
class Services:
    """The outside world, handed to use cases so that tests can hand in another one."""

    config: Config
    db: Database
    storage: Storage
    broker: Broker
    now: Callable[[], datetime] = utc_now
    rate_limit: RateLimit | None = None  # of what apps send; None where nothing is sent, in commands
    processes: Callable[[], int] = lambda: 1  # how many worker processes are alive, as last seen; known in workers only
    worker: str = ""  # names the worker that these serve; its attempts are handed back by this name

    @property
    def holder(self) -> str:
        """Names this process of the worker; `app.work` writes it into the rows that it works at."""
        return f"{self.worker}/{os.getpid()}"

    def close(self) -> None:
        """Give connections back."""
        self.db.close()


def open_services(config: Config, worker: str = "") -> Services:
    """Open everything the settings name; connections are made when first used, so this works while parts are down.

    Call it after a fork, never before: database connections and the storage's threads do not survive one.
    """
    db = open_database(config.database_url, pool_size=config.web_threads)
    return Services(
        config=config,
        db=db,
        storage=open_storage(config.storage_url),
        broker=RedisBroker(config.redis_url, config.redis_prefix) if config.redis_url else NoBroker(),
        now=DatabaseClock(db) if db.is_postgresql else utc_now,
        rate_limit=open_rate_limit(config.redis_url, config.redis_prefix) if config.redis_url else None,
        worker=worker,
    )

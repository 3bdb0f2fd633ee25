"""What every use case works with: database, storage, broker, clock and settings, opened once per process."""

import hashlib
import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app.clock import DatabaseClock, utc_now
from app.config import Config
from app.db import Database, open_database
from app.queueing.broker import Broker, NoBroker, RedisBroker
from app.queueing.debounced_broker import DebouncedBroker
from app.queueing.rate_limit import RateLimit, open_rate_limit
from app.storage import Storage, open_storage

START = "CRASHQ_START"
"""Environment variable that names one start of a worker, by `crashq up` or `crashq worker --name`; no setting."""


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

    def new_holder(self) -> str:
        """Names a claim, another one with each call: `worker/pid-claim`. `app.work` writes it into the claimed rows.

        Attempt numbers alone do not tell claims apart: PostgreSQL may forget one when it crashes, and give its number again.
        """
        return f"{holders_of(self.worker, os.getpid())}{secrets.token_hex(4)}"

    def close(self) -> None:
        """Give connections back."""
        self.db.close()


def worker_name(pid: int, start: str) -> str:
    """What a worker of this host is called: by `start`, for pids come again, and by the process that forks the others."""
    return f"{holders_of_start(start)}{pid}"


def holders_of_start(start: str) -> str:
    """What the names of all claims of one start of a worker begin with. Starts may have names of any length."""
    return f"{socket.gethostname()[:80]}:{hashlib.sha256(start.encode()).hexdigest()[:8]}:"


def holders_of(worker: str, pid: int | None = None) -> str:
    """What the names of a worker's claims begin with, or those of one of its processes."""
    return f"{worker}/" if pid is None else f"{worker}/{pid}-"


def open_services(config: Config, worker: str = "") -> Services:
    """Open everything the settings name; connections are made when first used, so this works while parts are down.

    Call it after a fork, never before: database connections and the storage's threads do not survive one.
    """
    redis_broker = DebouncedBroker if config.speed.debouncing else RedisBroker
    db = open_database(config.database_url, config.web_threads, async_commits=config.speed.async_commits)
    return Services(
        config=config,
        db=db,
        storage=open_storage(config.storage_url),
        broker=redis_broker(config.redis_url, config.redis_prefix) if config.redis_url else NoBroker(),
        now=DatabaseClock(db) if db.is_postgresql else utc_now,
        rate_limit=open_rate_limit(config.redis_url, config.redis_prefix) if config.redis_url else None,
        worker=worker,
    )

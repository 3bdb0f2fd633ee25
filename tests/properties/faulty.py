"""A database and a storage that are interrupted or fail on demand, at the places where a real one may."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from obstore.store import MemoryStore
from sqlalchemy import event
from sqlalchemy.orm import Session

from app.db import Database, open_database
from app.db.driver_pool import DriverConnection
from app.errors import TransientError
from app.storage import Storage

COMMIT_FAILS, COMMIT_UNCONFIRMED = "commit fails", "commit unconfirmed"


class FaultyDatabase(Database):
    """Runs others' work right before a transaction that writes; loses a commit, or only the news of it."""

    def __init__(self, url: str) -> None:
        opened = open_database(url)
        super().__init__(opened.engine, opened._drivers)
        self.before_write: Callable[[], None] = lambda: None
        self.fault: str | None = None  # of the next transaction that writes
        self.is_away = False  # every transaction fails
        self.restarted_at: datetime | None = None
        if not self.is_postgresql:
            event.listen(self.engine, "connect", _care_less_for_power_cuts)

    def started_at(self) -> datetime | None:
        """When the world says that the server was started last."""
        return self.restarted_at

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a transaction that reads, unless the database is away."""
        self._fail_if_away()
        with super().read() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a transaction that writes, with the next fault."""
        self._fail_if_away()
        fault, self.fault = self.fault, None
        self.before_write()
        with super().write() as session:
            yield session
            if fault == COMMIT_FAILS:
                raise TransientError
        if fault == COMMIT_UNCONFIRMED:
            raise TransientError

    @contextmanager
    def driver_write(self, *, together: bool = True) -> Iterator[DriverConnection]:  # noqa: ARG002
        """Open a transaction that writes, with the next fault; always one, for its commit to fail."""
        self._fail_if_away()
        fault, self.fault = self.fault, None
        self.before_write()
        with super().driver_write() as driver:
            try:
                yield driver
                if fault == COMMIT_FAILS:
                    raise TransientError
            except BaseException:
                driver.connection.rollback()  # it is closed next, and its server would hold locked rows a little longer
                raise
        if fault == COMMIT_UNCONFIRMED:
            raise TransientError

    def _fail_if_away(self) -> None:
        if self.is_away:
            raise TransientError


class FaultyStorage(Storage):
    """A store in memory that fails as many of the next calls as a test wants."""

    def __init__(self) -> None:
        super().__init__(MemoryStore())
        self.failures = 0  # calls that will fail

    def put_bytes(self, key: str, content: bytes) -> None:
        """Store bytes, unless the call is to fail."""
        self._fail_if_due()
        super().put_bytes(key, content)

    def get(self, key: str, size: int | None = None) -> bytes:
        """Read bytes, unless the call is to fail."""
        self._fail_if_due()
        return super().get(key, size)

    def _fail_if_due(self) -> None:
        if self.failures:
            self.failures -= 1
            raise TransientError("The storage is unavailable, try again")


def _care_less_for_power_cuts(connection, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF").close()

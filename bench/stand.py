"""The stand that all cases run on: one PostgreSQL with the seed, and the systems, each started when first asked for."""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from bench import servers, subject
from bench.seed import Seed, sow
from bench.system import System, constant, peer

PEERS = ("celery", "rq", "dramatiq")
FILE_SIZE = 100 * 1024 * 1024  # bytes


@dataclass
class Size:
    """How much is measured."""

    rounds: int
    big: list[int]  # rows of the big crashes, ascending
    small: int  # crashes of ten rows
    seconds: float  # that a rate is measured
    jobs: int  # small jobs one after the other, per round
    stampede: int  # equal requests at once
    logs: int  # uploads per round


QUICK = Size(rounds=2, big=[10_000, 200_000], small=7_000, seconds=0.5, jobs=10, stampede=200, logs=80)
NORMAL = Size(rounds=5, big=[10_000, 1_000_000], small=60_000, seconds=3.0, jobs=100, stampede=1_000, logs=600)
FULL = Size(
    rounds=5, big=[10_000, 1_000_000, 10_000_000], small=60_000, seconds=3.0, jobs=100, stampede=1_000, logs=600
)


@dataclass
class Stand:
    """What a case works with."""

    folder: Path
    address: str  # of PostgreSQL: user@host:port
    size: Size
    made: subject.Crashq
    seed: Seed
    stack: ExitStack
    systems: dict[str, System] = field(default_factory=dict)

    @property
    def database(self) -> str:
        """The URL of the database that crashq and the peers read."""
        return f"postgresql://{self.address}/crashq"

    def system(self, name: str) -> System:
        """A running system: crashq, celery, rq, dramatiq, or constant on the server of crashq, or of the peers (gunicorn)."""
        if name not in self.systems:
            say(f"  starting {name}")
            self.systems[name] = self._started(name)
        return self.systems[name]

    def query(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Rows of the database, past every system."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def idle(self, is_over: Callable[[], bool], grace: float = 60.0) -> bool:
        """Wait until something is over; False when it is not within `grace` seconds."""
        deadline = time.monotonic() + grace
        while not is_over():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def _started(self, name: str) -> System:
        if name == "crashq":
            system = subject.crashq(self.folder, self.made)
            self.stack.callback(system.stop)
            return system
        if name in ("constant", "gunicorn"):
            file = self.folder / "file"
            file.write_bytes(b"crashq! " * (FILE_SIZE // 8))
            system = constant(name, self.folder, file)
        else:
            redis_url = self.stack.enter_context(servers.redis_server(self.folder, name))
            system = peer(name, self.folder, self.database, redis_url)
        self.stack.callback(system.stop)
        system.start()
        return system


@contextmanager
def stand(size: Size) -> Iterator[Stand]:
    """Servers, schema and seed; whatever was started is stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="crashq-bench-", ignore_cleanup_errors=True) as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL may run as another user
        say("starting PostgreSQL and Redis")
        address = stack.enter_context(servers.postgres_server(folder / "postgresql"))
        redis_url = stack.enter_context(servers.redis_server(folder, "crashq"))
        with psycopg.connect(f"postgresql://{address}/postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE crashq")
        database = f"postgresql://{address}/crashq"
        made = subject.set_up(folder / "crashq", database, redis_url)
        say(f"seeding crashes of {', '.join(f'{rows:,}' for rows in size.big)} rows and {size.small:,} of ten")
        made_stand = Stand(folder, address, size, made, sow(database, made.app, size.big, size.small), stack)
        try:
            yield made_stand
        finally:  # all at once, which is quicker; the stack then waits for each
            for part in (part for system in made_stand.systems.values() for part in system.parts):
                part.ask_to_stop()


def say(text: str) -> None:
    """Tell on stderr how far it is."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)

"""What reading one log may take."""

from app.config import MIB, Config
from app.parsers.archive_members import FREE_BYTES, MAX_RATIO
from app.work.limits import Budget

BRIEFLY = 2.0  # seconds of processor time for a log's first attempt
READ_WITHIN = 20.0  # seconds of processor time for a log that takes longer than that
READ_WITHIN_PER_MIB = 6.0  # more of these for each MiB that it may unpack to; the slowest format takes 2.4
TIMES = 4  # a thread that wants the processor has at least a quarter of one
BRIEF_AT_MOST = 60.0  # seconds of time for a log's first attempt, on however busy a machine


def brief() -> Budget:
    """Of a log's first attempt: who takes longer is put aside and read alone."""
    return Budget(seconds=BRIEF_AT_MOST, cpu_seconds=BRIEFLY)


def whole(config: Config, size: int) -> Budget:
    """Of a log of so many bytes, by what these may unpack to."""
    unpacked = min(size * MAX_RATIO + FREE_BYTES, config.max_log_bytes) / MIB
    seconds = READ_WITHIN + unpacked * READ_WITHIN_PER_MIB
    return Budget(seconds=TIMES * seconds, cpu_seconds=seconds)

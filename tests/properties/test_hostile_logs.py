"""Logs that are made to be slow to read, of every format, take processor time in proportion to their size.

The gate draws some shapes of each format from a fixed seed, of a size at which quadratic work shows. `make soak` draws
others, of 1 and 20 MB, which have to be read within the budget of a log.
"""

import os
import random
import time

import pytest

from app.ingest.grouping import whole
from tests.factories import CONFIG
from tests.hostile_logs import hostile_logs
from tests.properties.test_parsers_never_break import ends_well

SOAK = int(os.environ.get("CRASHQ_SOAK", "0"))
SEED = random.randrange(2**32) if SOAK else 2026
SIZES = (1_000_000, 20_000_000) if SOAK else (65_536,)
SHAPES = 100 if SOAK else 10  # of each format
GATE_LIMIT = 1.0  # seconds; linear work takes 0.2 at most, and the quadratic one that was found took 17
TRIES = 2  # the faster one counts
KNOWN = {"bugsnag-event": ["ios-payload.json: 0/events/0/device/time with ' ' in its middle"]}
"""Format -> shapes that were slow once, and are tried every time."""
LOGS = hostile_logs()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", sorted(LOGS))
def test_a_hostile_log_is_read_within_its_budget(name, size):
    limit = whole(CONFIG, size).cpu_seconds if SOAK else GATE_LIMIT
    shapes = LOGS[name]
    drawn = random.Random(f"{SEED} {name}").sample(sorted(shapes), min(SHAPES, len(shapes)))

    for shape in [*KNOWN.get(name, []), *drawn]:
        raw = shapes[shape](size)
        assert any(seconds(raw) <= limit for _ in range(TRIES)), f"{shape}, {size} bytes, seed {SEED}"


def seconds(raw: bytes) -> float:
    """Processor time from the bytes to all reports."""
    begun = time.thread_time()
    ends_well(raw)
    return time.thread_time() - begun

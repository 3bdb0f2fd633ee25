"""Two thousand mutated files of symbols of all kinds: each is rejected or made, and what was made answers."""

import json
import os
import random
import subprocess
import sys
from collections import Counter

from tests.properties.read_mutated_symbols import SAMPLES, mutated

SOAK = int(os.environ.get("CRASHQ_SOAK", "0"))
TRIED = 2_000 * (100 if SOAK else 1)
SEED = str(random.randrange(2**32) if SOAK else 2026)
ENDS = {"made", "rejected", "broken"}  # broken: it ended its reader, which is a process of its own; it is rejected


def test_every_mutated_file_is_rejected_or_made():
    most = TRIED // len(SAMPLES) + 1
    order = [sys.executable, "-m", "tests.properties.read_mutated_symbols", SEED, str(most)]
    read = subprocess.run(order, capture_output=True, text=True, check=True)
    ends = [json.loads(line) for line in read.stdout.splitlines()]

    for kind, number, end in ends:
        assert end in ENDS, (
            f"{kind} {number}, seed {SEED}: {mutated(SEED, kind, number)[:2_000]!r}\n{read.stderr[-5_000:]}"
        )
    counted = Counter((kind, end) for kind, _, end in ends)
    print(counted)
    assert len(ends) == most * len(SAMPLES)
    assert all(counted[kind, "made"] for kind in SAMPLES)

"""Times measured by the fault suite, by case; written as JSON where CRASHQ_FAULT_LEDGER says."""

import fcntl
import json
import os
import random
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

ROUNDS = int(os.environ.get("CRASHQ_SOAK") or 2)  # repetitions of each case, at another random time each
IS_SOAK = bool(os.environ.get("CRASHQ_SOAK"))
FEW = ROUNDS if IS_SOAK else 1  # of the slower cases, so that `make test` stays short
SEED = os.environ.get("CRASHQ_FAULT_SEED") or secrets.token_hex(4)


def chance(case: str) -> random.Random:
    """Random times of a case: the same for the same CRASHQ_FAULT_SEED, which is printed when a test fails."""
    print(f"CRASHQ_FAULT_SEED={SEED}")
    return random.Random(f"{SEED} {case}")


@dataclass
class Ledger:
    """Seconds by case."""

    cases: dict[str, list[float]] = field(default_factory=dict)

    def add(self, case: str, seconds: float) -> None:
        """Note how long it took to recover once."""
        self.cases.setdefault(case, []).append(seconds)

    def write(self) -> None:
        """Merge into the file that CRASHQ_FAULT_LEDGER names, if it does."""
        name = os.environ.get("CRASHQ_FAULT_LEDGER")
        if not name:
            return
        with Path(f"{name}.lock").open("w") as lock:  # several processes of pytest-xdist may end at once
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._merge(Path(name))

    def _merge(self, path: Path) -> None:
        kept = json.loads(path.read_text()) if path.exists() else {}
        for case, seconds in self.cases.items():
            kept[case] = {
                "runs": len(seconds),
                "median_seconds": round(median(seconds), 2),
                "worst_seconds": round(max(seconds), 2),
            }
        path.write_text(json.dumps(kept, indent=1, sort_keys=True))

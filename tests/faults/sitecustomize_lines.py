"""Lines of Python that the processes of a deployment run first."""

import os
from pathlib import Path

from tests.faults.ledger import IS_SOAK

ROOT = Path(__file__).parents[2]
SWEEP_EACH_SECOND = """
from workers import schedule
for entry in schedule.ALWAYS.values():
    if entry["task"] in (schedule.SWEEP, schedule.PUSH):
        entry["schedule"] = 1.0
"""
IN_HASTE = "" if IS_SOAK else SWEEP_EACH_SECOND  # `make soak` measures with production's five


def at_start(folder: Path, *lines: str) -> dict[str, str]:
    """Settings with which every Python process runs these lines first; they stand in that folder."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text("\n".join(lines))
    return {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}

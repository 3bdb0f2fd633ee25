"""Crash logs written for this project, one folder per format: what the demo uploads and the tests read."""

from pathlib import Path

FOLDER = Path(__file__).parent


def samples() -> list[Path]:
    """Every sample file, by format and name."""
    return sorted(path for path in FOLDER.glob("*/*") if path.is_file() and path.parent.name != "__pycache__")

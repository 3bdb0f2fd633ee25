"""One case per file, found by listing this folder: NAME of the file, TITLE, ORDER, `run(stand)` -> Outcome."""

from importlib import import_module
from pathlib import Path
from types import ModuleType


def cases() -> dict[str, ModuleType]:
    """Every case by name, in its order."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))
    found = {name: import_module(f"{__name__}.{name}") for name in names}
    return dict(sorted(found.items(), key=lambda pair: pair[1].ORDER))

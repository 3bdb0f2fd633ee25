"""Every type of background work, one module each that offers `WORK`; listed by being in this folder."""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from app.work.work_type import WorkType

TYPES: dict[str, WorkType[Any]] = {
    module.name: import_module(f"{__name__}.{module.name}").WORK for module in iter_modules(__path__)
}
"""Module -> its type. A new type of work is one more module."""

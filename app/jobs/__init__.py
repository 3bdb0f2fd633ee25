"""A job is a row; its kind is a module in kinds/, found by listing that folder."""

import importlib
import pkgutil

from app.jobs import kinds
from app.jobs.kind import Kind


def _discover() -> dict[str, Kind]:
    names = sorted(module.name for module in pkgutil.iter_modules(kinds.__path__))
    return {name: importlib.import_module(f"{kinds.__name__}.{name}") for name in names}


KINDS = _discover()
"""Module name -> what it offers."""

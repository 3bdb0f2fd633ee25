"""Imports every module that declares a table, so that migrations and tests see them all."""

from importlib import import_module
from pkgutil import iter_modules

from app.db import models

MODULES = tuple(import_module(f"{models.__name__}.{module.name}") for module in iter_modules(models.__path__))

"""Every type of background work: those of use cases with a module of their own, and the `WORK` of each module in this folder."""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from app.ingest import digest, regrouping
from app.jobs import exporter_runs, parts, running
from app.privacy import erasing
from app.symbolication import making
from app.webhooks import deliveries
from app.work.work_type import WorkType

TYPES: dict[str, WorkType[Any]] = {
    "erasures": erasing.WORK,
    "export_runs": exporter_runs.WORK,
    "jobs": running.WORK,
    "logs": digest.WORK,
    "parts": parts.WORK,
    "regroupings": regrouping.WORK,
    "symbol_files": making.WORK,
    "webhooks": deliveries.WORK,
    **{module.name: import_module(f"{__name__}.{module.name}").WORK for module in iter_modules(__path__)},
}
"""Name -> its type. A new type of work is one more module in this folder."""

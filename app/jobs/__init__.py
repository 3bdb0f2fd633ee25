"""A job is a row; its type is declared by a module in types/, found by listing that folder."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from types import ModuleType

from app.db.hot.short_list import ShortList
from app.db.models.job_part import BATCH
from app.db.models.membership import Role
from app.jobs import types
from app.jobs.access import SUBJECTS
from app.jobs.job_type import JobType

SEVERAL = "JOB_TYPES"  # of a module that offers more than one: name -> what declares the type


class BadJobType(TypeError):
    """A job type that cannot be offered; raised when the process starts."""


def discover(package: ModuleType) -> dict[str, JobType]:
    """Job type by its name, in the order of names. A module is one type and gives its name, or has JOB_TYPES.

    Raises BadJobType when one lacks what every type declares, or two have the same name.
    """
    found: dict[str, JobType] = {}
    for name, declared in _declared(package):
        if name in found:
            raise BadJobType(f"Two job types are called {name}")
        found[name] = job_type_of(name, declared)
    return dict(sorted(found.items()))


def job_type_of(name: str, declared: object) -> JobType:
    """The job type that a module or an object declares, with the defaults of `JobType`. Raises BadJobType."""
    given = {field.name: getattr(declared, field.name) for field in fields(JobType) if hasattr(declared, field.name)}
    needed = {field.name for field in fields(JobType) if field.default is MISSING and field.default_factory is MISSING}
    if missing := sorted(needed - set(given)):
        raise BadJobType(f"Job type {name} declares no {', '.join(missing)}")
    made = JobType(**given)
    if (made.make_part is None) != (made.sum_up is None):
        raise BadJobType(f"Job type {name} declares only one of make_part and sum_up")
    if (made.make_part is not None) != name.endswith(BATCH):
        raise BadJobType(f"A job type declares make_part if its name ends in {BATCH}, and only then: {name}")
    if (made.METHOD == "GET") != (made.ROLE is Role.VIEWER):
        raise BadJobType(f"A job type that is polled by GET is for viewers, one of a POST declares its ROLE: {name}")
    if made.subject not in SUBJECTS:
        raise BadJobType(f"The path of job type {name} has no variable of {', '.join(SUBJECTS)}: {made.PATH}")
    return made


def only_short_list(types: Mapping[str, JobType]) -> ShortList | None:
    """The short list that one of the types declares, if any.

    Raises BadJobType when several do: the statement that begins a job (`app.db.hot.short_list`) answers one.
    """
    declaring = {name: one.SHORT_LIST for name, one in types.items() if one.SHORT_LIST is not None}
    if len(declaring) > 1:
        raise BadJobType(f"Only one job type can have a SHORT_LIST, not {' and '.join(declaring)}")
    for name, short in declaring.items():
        if short.kind != name:
            raise BadJobType(f"The SHORT_LIST of {name} answers jobs of {short.kind}")
        return short
    return None


def _declared(package: ModuleType) -> Iterator[tuple[str, object]]:
    for found in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{found.name}")
        several: Mapping[str, object] = getattr(module, SEVERAL, {found.name: module})
        yield from several.items()


JOB_TYPES = discover(types)
"""Name of the job type, as in rows and metrics -> what it offers."""

SHORT_LIST = only_short_list(JOB_TYPES)
"""What PostgreSQL may answer by itself in the step that would begin a job; None: nothing."""

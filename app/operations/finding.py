"""What `crashq doctor` has found, and how it is mended."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be."""

    what: str  # for the operator
    remedy: str  # what mending does
    mend: Callable[[], object]

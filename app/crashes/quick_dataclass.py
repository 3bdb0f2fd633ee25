"""`dataclass` for the values that a parser makes by the thousand: `frozen` is held by the type checker alone.

A class that Python itself keeps from being changed sets each field by a call: a frame takes 1.2 µs instead of 0.3.
For speed only: the same classes work with `dataclass` of `dataclasses`.
"""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(*, frozen: bool, slots: bool) -> Callable[[type], type]:
        return dataclasses.dataclass(unsafe_hash=frozen, slots=slots)

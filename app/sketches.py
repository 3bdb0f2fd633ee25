"""Sketches of sets of users: how many distinct ones, in at most 17 KiB, exact below some 3,000. All that knows of `datasketches`.

HyperLogLog with 2^15 registers of four bits; the standard error is 0.5 %. The bytes have the library's compact form, which
its versions for other languages read too. A sketch holds hashes only, and nobody can be taken out of it.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

REGISTERS = 15  # log2


def with_users(sketch: bytes | None, users: Iterable[int]) -> bytes | None:
    """The sketch with these users, whole numbers of 64 bits, in it; None for a set that stays empty."""
    added = list(users)
    if not added:
        return sketch
    library = _library()
    new = library.hll_sketch(REGISTERS, library.tgt_hll_type.HLL_4)
    held = library.hll_sketch.deserialize(sketch) if sketch else new
    before = held.get_estimate()
    for user in added:
        held.update(user)
    if held.get_estimate() == before:
        return sketch  # the same set in other bytes would be written for nothing
    return bytes(held.serialize_compact())


class Distinct:
    """Counts the distinct users of several sketches, given one after the other."""

    def __init__(self) -> None:
        self._union: Any = None

    def add(self, sketch: bytes | None) -> None:
        """Count these as well."""
        if sketch:
            library = _library()
            self._union = self._union or library.hll_union(REGISTERS)
            self._union.update(library.hll_sketch.deserialize(sketch))

    @property
    def number(self) -> int:
        """How many there are."""
        return round(float(self._union.get_estimate())) if self._union else 0


@cache
def _library() -> Any:
    """With numpy, on which it depends, it takes 20 MiB: only processes that count sessions have it."""
    import datasketches

    return datasketches

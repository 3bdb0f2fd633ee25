"""Many things, a few at a time."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batched(items: Iterable[T], most: int) -> Iterator[list[T]]:
    """All items in their order, in lists of `most`; the last one may be shorter, and none is empty."""
    iterator = iter(items)
    while batch := list(islice(iterator, most)):
        yield batch

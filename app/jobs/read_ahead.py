"""Overlaps what a database prepares with what is done with it."""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def read_ahead(items: Iterator[T]) -> Generator[T, None, None]:
    """The same items; the next one is fetched, on another thread, while the caller works on the current one.

    Close it before what `items` works with: closing waits for what is being fetched.
    """
    end = object()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-ahead") as fetcher:
        coming = fetcher.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = fetcher.submit(next, items, end)
            yield item  # type: ignore[misc]  # whatever is not the end is a T

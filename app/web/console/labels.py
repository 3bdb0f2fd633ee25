"""Several words as one label."""

from collections.abc import Iterable
from itertools import pairwise


def joined(words: Iterable[object]) -> str:
    """Those that are known, with spaces between; none that the next one begins with, such as `Linux` of `Linux 6.1`."""
    known = [str(word) for word in words if word]
    return " ".join(word for word, after in pairwise([*known, ""]) if not after.startswith(f"{word} "))

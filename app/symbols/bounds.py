"""How much of what symbols say about a frame goes into a report: the file may have been made to do harm."""

from collections.abc import Sequence
from typing import TypeVar

MAX_TEXT = 4_096  # characters of a function, class or file
MAX_CALLS = 100  # that one frame stands for

T = TypeVar("T")


def bounded(text: str) -> str:
    """The text, cut to MAX_TEXT."""
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def outer_and_inner(calls: Sequence[T]) -> list[T]:
    """The calls, innermost first; of more than MAX_CALLS the innermost ones and the function that holds them all."""
    return list(calls) if len(calls) <= MAX_CALLS else [*calls[: MAX_CALLS - 1], calls[-1]]

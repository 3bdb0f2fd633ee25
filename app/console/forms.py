"""What a form that was refused says, and beside which of its fields."""

from collections.abc import Collection

from app.errors import AppError, BadParameters, Conflict, NotFound, TooLarge

REFUSALS = (BadParameters, Conflict, NotFound, TooLarge)
"""Errors that a form is shown again with. All others become a page that says them."""


def problems_of(error: AppError, fields: Collection[str], otherwise: str) -> dict[str, str]:
    """{field: sentence}: of the field that the sentence names, `name: …` or `name is …`, else of `otherwise`."""
    name, colon, rest = error.message.partition(": ")
    if colon and (field := name.partition(".")[0]) in fields:
        return {field: _sentence(rest)}
    first, _, rest = error.message.partition(" ")
    if first in fields:
        return {first: _sentence(f"It {rest}")}
    return {otherwise: _sentence(error.message)}


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."

"""What a form that was refused says, and beside which of its fields."""

from collections.abc import Collection

from app.errors import AppError, BadParameters, Conflict, NotFound, TooLarge

REFUSALS = (BadParameters, Conflict, NotFound, TooLarge)
"""Errors that a form is shown again with. All others become a page that says them."""


def sentence_of(error: AppError) -> str:
    """What the error says, without the name of the field that it is about."""
    _, colon, rest = error.message.partition(": ")
    return sentence(rest if colon else error.message)


def problems_of(error: AppError, fields: Collection[str], otherwise: str) -> dict[str, str]:
    """{field: sentence}: of the field that the sentence names, `name: …` or `name is …`, else of `otherwise`."""
    name, colon, rest = error.message.partition(": ")
    if colon and (field := name.partition(".")[0]) in fields:
        return {field: sentence(rest)}
    first, _, rest = error.message.partition(" ")
    if first in fields:
        return {first: sentence(f"It {rest}")}
    return {otherwise: sentence(error.message)}


def sentence(text: str) -> str:
    """The text with a capital and a full stop."""
    return text[:1].upper() + text[1:].rstrip(".") + "."

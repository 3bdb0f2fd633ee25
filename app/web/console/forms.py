"""Forms: what a refused one says and beside which field, and which views take files, and how much."""

from collections.abc import Callable, Collection, Iterator
from typing import IO, Any, TypeVar

from flask import Response, after_this_request, current_app, request

from app.config import Config
from app.errors import AppError, BadParameters, Conflict, NotFound, TooLarge
from app.web.auth import services
from app.web.console.page import signed_in

REFUSALS = (BadParameters, Conflict, NotFound, TooLarge)
"""Errors that a form is shown again with. All others become a page that says them."""

V = TypeVar("V", bound=Callable[..., Any])

MAX_FORM = 64 * 1024  # bytes of a form, beside its files
CHUNK = 1024 * 1024  # bytes
_LIMIT = "crashq_files"


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


def takes_files(limit: Callable[[Config], int]) -> Callable[[V], V]:
    """A view whose form holds files, of so many bytes in all. They lie in temporary files, not in memory."""

    def mark(view: V) -> V:
        setattr(view, _LIMIT, limit)
        return view

    return mark


def bound_form() -> None:
    """Say how large the form of this request may be. Files are taken of those who are signed in only."""
    limit = getattr(current_app.view_functions.get(request.endpoint or ""), _LIMIT, None)
    request.max_content_length = MAX_FORM
    if limit is not None:
        signed_in()
        request.max_content_length = MAX_FORM + limit(services().config)
        after_this_request(_let_go)


def _let_go(response: Response) -> Response:
    """Close what the form's files lie in."""
    request.close()
    return response


def chunks_of(stream: IO[bytes]) -> Iterator[bytes]:
    """The bytes of a file, a megabyte at a time."""
    while chunk := stream.read(CHUNK):
        yield chunk

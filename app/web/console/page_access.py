"""Who may open each page and send each form: declared by the views, read by the one check before them and by templates."""

from collections.abc import Callable
from typing import TypeVar

from flask import Response, current_app

from app.identity.access import Access

View = TypeVar("View", bound=Callable[..., Response])
DECLARED = "access"  # the attribute of a view


def needs(who: Access) -> Callable[[View], View]:
    """Declare who may open a page or send a form."""

    def declare(view: View) -> View:
        setattr(view, DECLARED, who)
        return view

    return declare


def access_of(endpoint: str) -> Access:
    """Who may open a page, by `<blueprint>.<function>`; one that declares nothing is for owners."""
    found: Access = getattr(current_app.view_functions.get(f"console.{endpoint}"), DECLARED, Access.OWNER)
    return found

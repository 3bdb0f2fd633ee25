"""The front door: on to the apps, or to signing in."""

from flask import Blueprint, Response

from app.identity.access import Access
from app.web.console.page import go, maybe_signed_in
from app.web.console.page_access import needs

blueprint = Blueprint("home", __name__)


@blueprint.get("/")
@needs(Access.OPEN)
def show() -> Response:
    """Nothing to see here."""
    return go("apps.show" if maybe_signed_in() else "sign_in.show")

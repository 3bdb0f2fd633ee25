"""The page on which the recipient of a channel's mails ends them, without a login: the link is signed.

A GET changes nothing, for mail servers follow links. A mail program sends the POST of RFC 8058 by itself, with neither cookies
nor origin, so that the signature in the path is all that proves it.
"""

from flask import Blueprint, Response

from app.db.models.app import App
from app.identity.access import Access
from app.notifications import unsubscribing
from app.web.auth import services
from app.web.console.page import go, render
from app.web.console.page_access import needs

blueprint = Blueprint("unsubscribe", __name__)

BASE = f"{unsubscribing.PATH}/<signed>"


@blueprint.get(BASE)
@needs(Access.OPEN)
def show(signed: str) -> Response:
    """Ask."""
    return _page(signed)


@blueprint.post(BASE)
@needs(Access.OPEN)
def end(signed: str) -> Response:
    """End the mails of this channel to this address."""
    unsubscribing.unsubscribe(services(), signed)
    return _page(signed)


@blueprint.post(f"{BASE}/undo")
@needs(Access.OPEN)
def undo(signed: str) -> Response:
    """Let the mails of this channel come again. Only our own page can send it."""
    unsubscribing.subscribe_again(services(), signed)
    return go("unsubscribe.show", "The mails may come again.", signed=signed)


def _page(signed: str) -> Response:
    about = unsubscribing.subscription(services(), signed)
    with services().db.read() as session:
        app = session.get_one(App, about.app_id)
    return render("unsubscribe.html", name=app.name, address=about.address, is_over=about.is_over, signed=signed)

"""The page on which the recipient of a channel's mails ends them, without a login: the link is signed.

A GET changes nothing, for mail servers follow links. A mail program sends the POST of RFC 8058 by itself, with neither cookies
nor origin, so that the signature in the path is all that proves it.
"""

from flask import Blueprint, Response

from app.db.models.app import App
from app.identity.access import Access
from app.notifications import unsubscribing
from app.web.auth import services
from app.web.console.page import render
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


def _page(signed: str) -> Response:
    hook, channel = unsubscribing.subscription(services(), signed)
    with services().db.read() as session:
        app = session.get_one(App, hook.app_id)
    is_over = channel.unsubscribed_at is not None
    return render("unsubscribe.html", name=app.name, address=hook.url, is_over=is_over, signed=signed)

"""The signed-in user's personal keys, for scripts."""

from typing import Any

from flask import Blueprint, Response, request

from app.identity import keys
from app.identity.access import Access
from app.json_models import read_params
from app.web.auth import services
from app.web.console.forms import REFUSALS, problems_of
from app.web.console.page import go, render, signed_in
from app.web.console.page_access import needs
from app.web.console.paging import read_window

blueprint = Blueprint("personal_keys", __name__)

LIFETIMES = (("30", "30 days"), ("90", "90 days"), ("365", "A year"), ("1825", "5 years"))


@blueprint.get("/keys")
@needs(Access.USER)
def show() -> Response:
    """Newest first, and a form for one more."""
    return _page()


@blueprint.post("/keys")
@needs(Access.USER)
def add() -> Response:
    """Make a key, and show it this once."""
    who, form = signed_in(), request.form
    days = form.get("expires_in_days", "365")
    wanted = {"name": form.get("name", ""), "expires_in_days": int(days) if days in dict(LIFETIMES) else 365}
    try:
        made, text = keys.add_personal_key(services(), who.user_id, read_params(keys.NewKey, wanted))
    except REFUSALS as error:
        return _page(status=error.status, problems=problems_of(error, ("name",), "name"), name=form.get("name", ""))
    return _page(status=201, made=made, text=text)


@blueprint.post("/keys/<key_identifier>/revoke")
@needs(Access.USER)
def revoke(key_identifier: str) -> Response:
    """End a key at once."""
    keys.revoke_personal_key(services(), signed_in().user_id, key_identifier)
    return go("personal_keys.show", "The key is revoked: it opens nothing any more.")


def _page(status: int = 200, **values: Any) -> Response:
    window = read_window(request.args)
    rows = keys.personal_keys(services(), signed_in().user_id, window.limit, window.offset)
    shown: dict[str, Any] = {"problems": {}, "name": "", "made": None, "text": "", **values}
    return render(
        "personal_keys.html",
        status=status,
        rows=window.page_of(rows),
        window=window,
        has_next=window.has_next(rows),
        lifetimes=LIFETIMES,
        **shown,
    )

"""Upload keys of an app: what its builds send symbols with."""

from typing import Any

from flask import Blueprint, Response, request

from app.db.models.app import App
from app.identity import keys
from app.identity.access import Access
from app.json_models import read_params
from app.web.auth import services
from app.web.console.forms import REFUSALS, problems_of
from app.web.console.page import app_of, go, server_address
from app.web.console.page_access import needs
from app.web.console.settings_frame import render_section
from app.web.console.snippets import upload_snippet

blueprint = Blueprint("settings_upload_keys", __name__)


@blueprint.get("/apps/<app_identifier>/settings/upload-keys")
@needs(Access.MEMBER)
def show(app_identifier: str) -> Response:
    """Oldest first, and a form for one more."""
    return _page(app_of(app_identifier))


@blueprint.post("/apps/<app_identifier>/settings/upload-keys")
@needs(Access.OWNER)
def add(app_identifier: str) -> Response:
    """Make a key, and show it this once."""
    app, name = app_of(app_identifier), request.form.get("name", "")
    try:
        wanted = read_params(keys.NewUploadKey, {"name": name})
        made, text = keys.add_upload_key(services(), app, wanted)
    except REFUSALS as error:
        return _page(app, error.status, problems=problems_of(error, ("name",), "name"), name=name)
    return _page(app, 201, made=made, text=text)


@blueprint.post("/apps/<app_identifier>/settings/upload-keys/<key_identifier>/revoke")
@needs(Access.OWNER)
def revoke(app_identifier: str, key_identifier: str) -> Response:
    """Let nobody send symbols with a key any more."""
    app = app_of(app_identifier)
    keys.revoke_upload_key(services(), app, key_identifier)
    return go(
        "settings_upload_keys.show", "The key is revoked: uploads with it are refused.", app_identifier=app.identifier
    )


def _page(app: App, status: int = 200, **values: Any) -> Response:
    shown: dict[str, Any] = {"problems": {}, "name": "", "made": None, "text": "", **values}
    return render_section(
        "settings_upload_keys.html",
        "settings_upload_keys.show",
        app,
        status=status,
        rows=keys.upload_keys(services(), app),
        snippet=upload_snippet(server_address(), app.identifier, shown["text"] or "KEY"),
        **shown,
    )

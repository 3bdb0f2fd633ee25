"""Settings of an app, first of all how to send to it: its keys, and what to put into an app."""

from flask import Blueprint, Response, request

from app.db.models.app import App
from app.db.models.membership import Role, role_of
from app.identity import keys
from app.identity.access import Access
from app.json_models import read_params
from app.web.auth import services
from app.web.console.forms import REFUSALS, problems_of
from app.web.console.page import Nav, app_of, go, signed_in
from app.web.console.page_access import needs
from app.web.console.settings_frame import render_section
from app.web.console.snippets import connection_of

NAV = Nav("Settings", "settings.show", "settings", 80, of_app=True)

blueprint = Blueprint("settings", __name__)


@blueprint.get("/apps/<app_identifier>/settings")
@needs(Access.VIEWER)
def show(app_identifier: str) -> Response:
    """The keys, and a snippet for each way to send, with the key that is chosen."""
    return _page(app_of(app_identifier))


@blueprint.post("/apps/<app_identifier>/settings/keys")
@needs(Access.OWNER)
def add_key(app_identifier: str) -> Response:
    """One more ingest key."""
    app = app_of(app_identifier)
    try:
        wanted = read_params(keys.NewIngestKey, {"name": request.form.get("name", "")})
        made = keys.add_ingest_key(services(), app, wanted)
    except REFUSALS as error:
        return _page(app, error.status, problems_of(error, ("name",), "name"), request.form.get("name", ""))
    return go(
        "settings.show", "The key is made; the snippets show it.", app_identifier=app.identifier, key=made.identifier
    )


@blueprint.post("/apps/<app_identifier>/settings/keys/<key_identifier>/revoke")
@needs(Access.OWNER)
def revoke_key(app_identifier: str, key_identifier: str) -> Response:
    """Let nobody send with a key any more."""
    app = app_of(app_identifier)
    keys.revoke_ingest_key(services(), app, key_identifier)
    return go("settings.show", "The key is revoked: what is sent with it is refused.", app_identifier=app.identifier)


def _page(app: App, status: int = 200, problems: dict[str, str] | None = None, name: str = "") -> Response:
    with services().db.read() as session:
        role = role_of(session, signed_in().user_id, app.id)
    is_hidden = role is Role.VIEWER  # who may not send is not shown what to send with
    connection = connection_of(app, request.args.get("key", ""), is_hidden=is_hidden)
    return render_section(
        "settings.html",
        "settings.show",
        app,
        status=status,
        rows=connection.rows,
        is_hidden=is_hidden,
        chosen=connection.chosen,
        dsn=connection.dsn,
        snippets=connection.snippets,
        problems=problems or {},
        name=name,
    )

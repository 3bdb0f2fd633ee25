"""An app's name, and its removal."""

from flask import Blueprint, Response, request

from app.db.models.app import App
from app.errors import BadParameters
from app.identity import apps
from app.identity.access import Access
from app.json_models import read_params
from app.web.auth import services
from app.web.console.forms import problems_of
from app.web.console.page import app_of, go
from app.web.console.page_access import needs
from app.web.console.settings_frame import render_section

blueprint = Blueprint("settings_app", __name__)


@blueprint.get("/apps/<app_identifier>/settings/app")
@needs(Access.OWNER)
def show(app_identifier: str) -> Response:
    """Its name, and a form that asks for it before all is removed."""
    return _page(app_of(app_identifier))


@blueprint.post("/apps/<app_identifier>/settings/app")
@needs(Access.OWNER)
def rename(app_identifier: str) -> Response:
    """Give the app another name."""
    app, name = app_of(app_identifier), request.form.get("name", "")
    try:
        renamed = apps.rename(services(), app, read_params(apps.AppNamed, {"name": name}))
    except BadParameters as error:
        return _page(app, error.status, problems_of(error, ("name",), "name"), name)
    return go("settings_app.show", f"The app is called {renamed.name} now.", app_identifier=app.identifier)


@blueprint.post("/apps/<app_identifier>/settings/app/remove")
@needs(Access.OWNER)
def remove(app_identifier: str) -> Response:
    """Remove the app with all that belongs to it, if its name was typed."""
    app = app_of(app_identifier)
    try:
        apps.remove(services(), app, confirmed=request.form.get("confirmed", ""))
    except BadParameters as error:
        return _page(app, error.status, {"confirmed": problems_of(error, ("name",), "name")["name"]})
    return go("apps.show", f"{app.name} is removed. Its data goes in the background.", "plain")


def _page(app: App, status: int = 200, problems: dict[str, str] | None = None, name: str | None = None) -> Response:
    return render_section(
        "settings_app.html",
        "settings_app.show",
        app,
        status=status,
        problems=problems or {},
        name=app.name if name is None else name,
    )

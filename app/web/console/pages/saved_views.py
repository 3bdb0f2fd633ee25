"""Forms of saved views: name the list of crashes that is open, or remove a view."""

from flask import Blueprint, Response, request

from app import saved_views
from app.identity.access import Access
from app.web.auth import services
from app.web.console.forms import REFUSALS, sentence_of
from app.web.console.page import app_of, go, signed_in
from app.web.console.page_access import needs
from app.web.console.pages.crashes import KEPT

blueprint = Blueprint("saved_views", __name__)


@blueprint.post("/apps/<app_identifier>/views")
@needs(Access.VIEWER)
def save(app_identifier: str) -> Response:
    """Save the list of the address's parameters under the form's `name`."""
    app, query = app_of(app_identifier), {name: request.args[name] for name in KEPT if request.args.get(name)}
    try:
        saved_views.save_view(services(), app, signed_in().user_id, request.form.get("name", ""), query)
    except REFUSALS as error:
        return go("crashes.show", f"Nothing is saved. {sentence_of(error)}", app_identifier=app.identifier, **query)
    return go("crashes.show", "The view is saved.", app_identifier=app.identifier, **query)


@blueprint.post("/apps/<app_identifier>/views/<view_identifier>/remove")
@needs(Access.VIEWER)
def remove(app_identifier: str, view_identifier: str) -> Response:
    """Remove a view of the user."""
    app = app_of(app_identifier)
    saved_views.remove_view(services(), app, signed_in().user_id, view_identifier)
    return go("crashes.show", "The view is removed.", app_identifier=app.identifier)

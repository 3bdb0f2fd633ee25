"""Saved views: lists of crashes that the user has named; each sees their own."""

import json
from typing import Annotated

from pydantic import Field

from app import saved_views
from app.db.models.app import App
from app.db.models.saved_view import SavedView
from app.identity.access import Access
from app.json_models import ResponseBody, Time
from app.web.api import tags
from app.web.api.resource import Resource
from app.web.auth import services

resource = Resource("saved_views", tags.APPS, url_prefix="/api/apps/<app_identifier>/views", access=Access.VIEWER)
ViewIdentifier = Annotated[str, Field(description="From the list of your views", examples=["b6f2d9c04e7a1358b6f2d9c0"])]


class SavedViewBody(ResponseBody, component="SavedView"):
    """A named list of crashes."""

    identifier: str = Field(examples=["b6f2d9c04e7a1358b6f2d9c0"])
    name: str = Field(examples=["Crashes of production"])
    query: dict[str, str] = Field(
        description="Parameters of the list of crashes", examples=[{"environment": "production", "sort": "users"}]
    )
    created_at: Time


@resource.get("", "listViews", "Your saved views of an app's crashes", about="By name")
def list_views(app: App, user: int) -> list[SavedViewBody]:
    """The user's views of the app, by name; there are few."""
    return [_view(one) for one in saved_views.saved_views(services(), app, user)]


@resource.post("", "saveView", "Name a list of crashes for yourself", status=201, about="The view", errors=(409,))
def save(app: App, user: int, body: saved_views.NewView) -> SavedViewBody:
    """Save a view."""
    return _view(saved_views.save_view(services(), app, user, body.name, body.query))


@resource.delete("/<view_identifier>", "removeView", "Forget a saved view", about="Done", errors=(404,))
def remove(app: App, user: int, view_identifier: ViewIdentifier) -> None:
    """Remove a view."""
    saved_views.remove_view(services(), app, user, view_identifier)


def _view(one: SavedView) -> SavedViewBody:
    return SavedViewBody.of(one, query=json.loads(one.query))

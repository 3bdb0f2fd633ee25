"""Saved views of a user: named lists of crashes of an app."""

import json
import secrets
from collections.abc import Mapping
from typing import Annotated

import structlog
from pydantic import Field

from app.catalog import CrashQuery
from app.db import AGAINST_CHANGES, IntegrityError
from app.db.models.app import App
from app.db.models.saved_view import SavedView, count_views, drop_view, views_of
from app.db.models.user import User
from app.errors import BadParameters, Conflict, NotFound
from app.identity.names import check_name
from app.json_models import RequestBody
from app.services import Services

MOST_VIEWS = 50  # of a user of an app
MAX_VALUE = 200  # characters of a parameter

log = structlog.get_logger()


class NewView(RequestBody):
    """A list of crashes to be named."""

    name: Annotated[str, Field(examples=["Crashes of production"])]
    query: Annotated[
        dict[str, str],
        Field(
            description="Parameters of the list of crashes", examples=[{"environment": "production", "sort": "users"}]
        ),
    ]


def saved_views(services: Services, app: App, user_id: int) -> list[SavedView]:
    """The views of a user of an app, by name."""
    with services.db.read() as session:
        return views_of(session, user_id, app.id)


def save_view(services: Services, app: App, user_id: int, name: str, query: Mapping[str, str]) -> SavedView:
    """Save a view under a name that the user has not given yet. Raises BadParameters or Conflict."""
    kept = {key: value for key, value in query.items() if value}
    if unknown := sorted(set(kept) - set(CrashQuery.model_fields)):
        raise BadParameters(f"query: {unknown[0][:40]!r} is no parameter of the list of crashes")
    if any(len(value) > MAX_VALUE for value in kept.values()):
        raise BadParameters(f"query: a value has more than {MAX_VALUE} characters")
    CrashQuery.read(kept)
    if not all(value.isprintable() for value in kept.values()):
        raise BadParameters("query: a value has characters that cannot be stored")
    made = SavedView(
        identifier=secrets.token_hex(12), user_id=user_id, app_id=app.id, name=check_name(name),
        query=json.dumps(kept, ensure_ascii=False), created_at=services.now(),
    )  # fmt: skip
    try:
        with services.db.write() as session:
            session.get(User, user_id, with_for_update=AGAINST_CHANGES)  # who counts at the same time waits
            if count_views(session, user_id, app.id) >= MOST_VIEWS:
                raise Conflict(f"A user has at most {MOST_VIEWS} views of an app; remove one first")
            session.add(made)
            session.flush()
    except IntegrityError:
        raise Conflict("A view of this name exists already") from None
    log.info("view_saved", app=app.identifier, user=user_id)
    return made


def remove_view(services: Services, app: App, user_id: int, identifier: str) -> None:
    """Remove a view of the user. Raises NotFound."""
    with services.db.write() as session:
        if not identifier.isascii() or not identifier.isalnum() or not drop_view(session, user_id, app.id, identifier):
            raise NotFound("You have no such view")
    log.info("view_removed", app=app.identifier, user=user_id)

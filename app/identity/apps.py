"""Apps as people make, rename and remove them."""

import secrets

import structlog
from pydantic import Field

from app.db import AGAINST_CHANGES
from app.db.models.app import App, count_owned, named_apps
from app.db.models.app_removal import AppRemoval
from app.db.models.audit_entry import record
from app.db.models.user import User
from app.db.queries.app_removal import shut_out
from app.db.work import ENQUEUE_AGAIN_AFTER
from app.errors import BadParameters, Conflict, Forbidden
from app.identity.accounts import insert_app
from app.identity.keys import NO_KEY
from app.identity.names import check_name
from app.json_models import RequestBody
from app.queueing.broker import REMOVE_APP, UPKEEP
from app.services import Services

MOST_PER_OWNER = 200
ANYBODY = "anybody"

log = structlog.get_logger()


class AppNamed(RequestBody):
    """What an app is to be called."""

    name: str = Field(examples=["Notes for Android"])


def may_make(services: Services) -> bool:
    """Whether users make apps themselves; else only the operator does."""
    return services.config.apps_by == ANYBODY


def make(services: Services, user_id: int, wanted: AppNamed) -> tuple[App, str]:
    """Add an app that the user owns; returns it and its first ingest key. Raises Forbidden, BadParameters or Conflict."""
    if not may_make(services):
        raise Forbidden("Only the operator of this service makes apps: `crashq app add`")
    name = check_name(wanted.name)
    with services.db.write() as session:
        session.get(User, user_id, with_for_update=AGAINST_CHANGES)  # who counts at the same time waits
        if count_owned(session, user_id) >= MOST_PER_OWNER:
            raise Conflict(f"You own {MOST_PER_OWNER} apps already; remove one first")
        app, key = insert_app(services, session, name, user_id)
    log.info("app_added", app=app.identifier, user=user_id)
    return app, key


def rename(services: Services, app: App, wanted: AppNamed) -> App:
    """Give an app another name. Raises BadParameters."""
    name = check_name(wanted.name)
    with services.db.write() as session:
        held = session.get_one(App, app.id, with_for_update=AGAINST_CHANGES)
        held.name = name
        record(session, app.id, "app.renamed", app.identifier, services.now())
    log.info("app_renamed", app=app.identifier)
    return held


def remove(services: Services, app: App, *, confirmed: str | None = None) -> None:
    """Let the app be gone for everybody at once, and have workers remove all that belongs to it.

    `confirmed`: its name as somebody typed it. Raises BadParameters when that is another.
    """
    if confirmed is not None and confirmed.strip() != app.name:
        raise BadParameters("name: type the name of the app as it stands here, to the letter")
    now = services.now()
    with services.db.write() as session:
        held = session.get_one(App, app.id, with_for_update=True)
        if held.removed_at is not None:
            return
        shut_out(session, held, NO_KEY + secrets.token_hex(24), now)
        row = AppRemoval(
            app_id=app.id, identifier=app.identifier, created_at=now, enqueue_after=now + ENQUEUE_AGAIN_AFTER
        )
        session.add(row)
        record(session, None, "app.removed", app.identifier, now)
    services.broker.enqueue(REMOVE_APP, str(row.id), UPKEEP)
    log.info("app_removal_begun", app=app.identifier)


def all_apps(services: Services, limit: int, offset: int) -> list[App]:
    """Every app, by name, for the operator."""
    with services.db.read() as session:
        return named_apps(session, limit, offset)

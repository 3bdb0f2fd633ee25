"""Keys of an app with which its builds send symbols, and who sends some: a member, or somebody with such a key."""

import secrets

import structlog
from pydantic import Field

from app.db import AGAINST_CHANGES
from app.db.models.app import App, apps_of, find_app
from app.db.models.audit_entry import record
from app.db.models.membership import Role, role_of
from app.db.models.upload_key import UploadKey, app_of_upload_key, count_upload_keys, drop_upload_key, upload_keys_of
from app.errors import Conflict, NotFound
from app.identity.access import require
from app.identity.accounts import IDENTIFIER_SHAPE, LARGEST_PROJECT, NO_APP, hash_of, token_hash, user_of
from app.identity.names import check_name
from app.json_models import RequestBody
from app.services import Services
from app.symbolication.chunks import Uploader

MOST_PER_APP = 20
MOST_APPS = 1_000  # in an answer to a tool

log = structlog.get_logger()


class NewUploadKey(RequestBody):
    """What an upload key is made from."""

    name: str = Field(examples=["CI"])


def upload_keys(services: Services, app: App) -> list[UploadKey]:
    """The upload keys of an app, oldest first."""
    with services.db.read() as session:
        return upload_keys_of(session, app.id)


def add_upload_key(services: Services, app: App, wanted: NewUploadKey) -> tuple[UploadKey, str]:
    """One more key: its row, and its text, which nobody can see again. Raises BadParameters or Conflict."""
    name, text = check_name(wanted.name), secrets.token_hex(32)  # as Sentry's own, so that no tool warns of its form
    made = UploadKey(
        hash=hash_of(text), identifier=secrets.token_hex(12), app_id=app.id, name=name, created_at=services.now()
    )
    with services.db.write() as session:
        session.get(App, app.id, with_for_update=AGAINST_CHANGES)  # who counts at the same time waits
        if count_upload_keys(session, app.id) >= MOST_PER_APP:
            raise Conflict(f"An app has at most {MOST_PER_APP} upload keys; revoke one first")
        session.add(made)
        record(session, app.id, "upload_key.made", made.identifier, made.created_at)
    log.info("upload_key_added", app=app.identifier, key=made.identifier)
    return made, text


def revoke_upload_key(services: Services, app: App, identifier: str) -> None:
    """Let nobody send symbols with a key any more. Raises NotFound."""
    with services.db.write() as session:
        if not IDENTIFIER_SHAPE.fullmatch(identifier) or not drop_upload_key(session, app.id, identifier):
            raise NotFound("The app has no such key")
        record(session, app.id, "upload_key.removed", identifier, services.now())
    log.info("upload_key_revoked", app=app.identifier, key=identifier)


def uploader_of(services: Services, token: str) -> Uploader:
    """Who sends symbols with this upload key, login or personal key. Raises Unauthorized."""
    hashed = token_hash(token)
    with services.db.read() as session:
        app = app_of_upload_key(session, hashed)
    return Uploader(None, app) if app else Uploader(user_of(services, token), None)


def app_of_uploader(services: Services, uploader: Uploader, named: str) -> App:
    """The app with this identifier or project number, if they may send its symbols. Raises NotFound or Forbidden."""
    with services.db.read() as session:
        app = None
        if IDENTIFIER_SHAPE.fullmatch(named):
            app = find_app(session, named)
        elif named.isascii() and named.isdigit() and len(named) <= 10 and int(named) <= LARGEST_PROJECT:
            app = session.get(App, int(named))
        is_own = app is not None and uploader.app is not None and app.id == uploader.app.id
        role = role_of(session, uploader.user_id, app.id) if app is not None and uploader.user_id else None
    if role is not None:
        require(role, Role.MEMBER)
    if app is not None and (is_own or role is not None):
        return app
    raise NotFound(NO_APP)


def apps_of_uploader(services: Services, uploader: Uploader) -> list[App]:
    """The apps whose symbols they may send, by name; the first thousand."""
    if uploader.app is not None or uploader.user_id is None:
        return [uploader.app] if uploader.app else []
    with services.db.read() as session:
        return apps_of(session, uploader.user_id, MOST_APPS, 0)

"""Keys that people make and revoke: an app's ingest keys for logs and upload keys for symbols, and personal ones for scripts."""

import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from pydantic import Field

from app.db import AGAINST_CHANGES
from app.db.models.app import App, apps_of, find_app
from app.db.models.audit_entry import record
from app.db.models.ingest_key import IngestKey, count_ingest_keys, drop_ingest_key, find_ingest_key, ingest_keys_of
from app.db.models.membership import Role, role_of
from app.db.models.token import Token, count_keys, drop_key, keys_of, note_use
from app.db.models.upload_key import UploadKey, app_of_upload_key, count_upload_keys, drop_upload_key, upload_keys_of
from app.db.models.user import User
from app.errors import Conflict, NotFound, Unauthorized
from app.identity import encryption
from app.identity.access import require
from app.identity.accounts import (
    IDENTIFIER_SHAPE,
    INGEST_KEYS,
    KEY_PREFIX,
    LARGEST_PROJECT,
    NO_APP,
    hash_of,
    ingest_key_row,
    is_personal_key,
    sender_address,
    token_hash,
    user_of,
)
from app.identity.names import check_name
from app.json_models import RequestBody
from app.services import Services
from app.symbolication.chunks import Uploader

MOST_PER_APP, MOST_PER_USER = 20, 100  # ingest and upload keys each; personal keys
MAX_DAYS = 3_650
NOTED_EVERY = timedelta(hours=1)
FIRST = "first"  # identifier of the key that an app was made with before keys had rows
FIRST_NAME = "First key"
NO_KEY = "-"  # with which no hash begins: an app whose first key was revoked

MOST_APPS = 1_000  # in an answer to a tool

log = structlog.get_logger()


class NewKey(RequestBody):
    """What a personal key is made from."""

    name: str = Field(examples=["Nightly script"])
    expires_in_days: int = Field(default=365, ge=1, le=MAX_DAYS)


class NewIngestKey(RequestBody):
    """What an ingest key is made from."""

    name: str = Field(examples=["Nightly script"])


class ShownKey(NamedTuple):
    """An ingest key as members see it."""

    identifier: str
    name: str
    key: str | None  # None: only its hash is kept, or SECRET_KEY is another one by now
    dsn: str | None
    created_at: datetime


def ingest_keys(services: Services, app: App, host: str = "") -> list[ShownKey]:
    """The ingest keys of an app, oldest first; `host` is how we were asked, for DSNs where no public URL is set."""
    with services.db.read() as session:
        rows = ingest_keys_of(session, app.id)
        first_hash = session.get_one(App, app.id).ingest_key_hash
    shown = [_with_dsn(services, app, row, host) for row in rows]
    if not first_hash.startswith(NO_KEY) and first_hash not in {row.hash for row in rows}:
        shown.insert(0, ShownKey(FIRST, FIRST_NAME, None, None, app.created_at))
    return shown


def add_ingest_key(services: Services, app: App, wanted: NewIngestKey, host: str = "") -> ShownKey:
    """One more key; those that are there go on. Raises BadParameters or Conflict."""
    name = check_name(wanted.name)
    with services.db.write() as session:
        session.get(App, app.id, with_for_update=AGAINST_CHANGES)  # who counts at the same time waits
        if count_ingest_keys(session, app.id) >= MOST_PER_APP:
            raise Conflict(f"An app has at most {MOST_PER_APP} keys; revoke one that no app in use holds")
        made = ingest_key_row(services, app.id, name, secrets.token_hex(16))  # letters and digits, for a DSN
        session.add(made)
        record(session, app.id, "key.made", made.identifier, made.created_at)
    log.info("ingest_key_added", app=app.identifier, key=made.identifier)
    return _with_dsn(services, app, made, host)


def revoke_ingest_key(services: Services, app: App, identifier: str) -> None:
    """Let nobody send with a key any more. Raises NotFound."""
    with services.db.write() as session:
        held = session.get_one(App, app.id, with_for_update=True)
        found = find_ingest_key(session, app.id, identifier) if _can_be(identifier) else None
        if found is None and (identifier != FIRST or held.ingest_key_hash.startswith(NO_KEY)):
            raise NotFound("The app has no such key")
        if found is None or held.ingest_key_hash == found.hash:
            held.ingest_key_hash = NO_KEY + secrets.token_hex(24)
            session.flush()
        if found is not None:
            drop_ingest_key(session, found.hash)
        record(session, app.id, "key.removed", identifier, services.now())
    log.info("ingest_key_revoked", app=app.identifier, key=identifier)


def personal_keys(services: Services, user_id: int, limit: int, offset: int) -> list[Token]:
    """The keys of a user that have not run out, newest first."""
    with services.db.read() as session:
        return keys_of(session, user_id, services.now(), limit, offset)


def require_login(token: str) -> None:
    """Raise Unauthorized for a personal key, so that a stolen one makes no access that outlives it."""
    if is_personal_key(token):
        raise Unauthorized("A personal key may not do this; log in with e-mail and password")


def add_personal_key(services: Services, user_id: int, wanted: NewKey) -> tuple[Token, str]:
    """A key that may do what its user may, and its text, which is returned only here.

    Raises Unauthorized, BadParameters or Conflict.
    """
    name, now = check_name(wanted.name), services.now()
    text = KEY_PREFIX + secrets.token_urlsafe(32)
    identifier = secrets.token_hex(12)
    made = Token(
        hash=hash_of(text),
        user_id=user_id,
        created_at=now,
        expires_at=now + timedelta(days=wanted.expires_in_days),
        identifier=identifier,
        name=name,
    )
    with services.db.write() as session:
        user = session.get(User, user_id, with_for_update=AGAINST_CHANGES)  # who counts at the same time waits
        if user is None or user.disabled_at is not None:
            raise Unauthorized
        if count_keys(session, user_id, now) >= MOST_PER_USER:
            raise Conflict(f"A user has at most {MOST_PER_USER} keys; revoke one first")
        session.add(made)
        record(session, None, "personal_key.made", identifier, now)
    log.info("personal_key_added", user=user_id, key=made.identifier)
    return made, text


def revoke_personal_key(services: Services, user_id: int, identifier: str) -> None:
    """End a key at once. Raises NotFound."""
    with services.db.write() as session:
        if not _can_be(identifier) or not drop_key(session, user_id, identifier):
            raise NotFound("You have no such key")
        record(session, None, "personal_key.removed", identifier, services.now())
    log.info("personal_key_revoked", user=user_id, key=identifier)


def note_personal_key(services: Services, token_hash: str) -> None:
    """Record that a key was used, once an hour."""
    now = services.now()
    with services.db.write() as session:
        note_use(session, token_hash, now, now - NOTED_EVERY)


def _with_dsn(services: Services, app: App, row: IngestKey, host: str) -> ShownKey:
    try:
        key = encryption.decrypt(services.config.secret_key, INGEST_KEYS, row.encrypted)
    except encryption.Unreadable:
        return ShownKey(row.identifier, row.name, None, None, row.created_at)
    return ShownKey(row.identifier, row.name, key, sender_address(services.config, app.id, key, host), row.created_at)


def _can_be(identifier: str) -> bool:
    """False for what the database does not take."""
    return identifier.isascii() and identifier.isalnum()


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

"""Who may do what: users, logins, apps and the keys that send logs."""

import hashlib
import re
import secrets
from datetime import timedelta
from functools import cache

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.acting import Actor
from app.config import Config
from app.db import AGAINST_CHANGES, Session
from app.db.hot.upload import Sender, find_project_sender, find_sender
from app.db.models.app import App, app_and_role, find_app
from app.db.models.audit_entry import record
from app.db.models.ingest_key import IngestKey, app_of_key, is_ingest_key
from app.db.models.membership import Membership, Role
from app.db.models.token import Token, drop_token, token_holder, token_user
from app.db.models.user import MAX_EMAIL, User, add_user, find_user
from app.errors import BadParameters, Conflict, NotFound, Unauthorized
from app.identity import access, encryption
from app.identity.login_limits import begin_guess, hashing
from app.identity.names import check_name
from app.services import Services

MIN_PASSWORD, MAX_PASSWORD = 8, 1_024  # characters
KEY_PREFIX = "crashq_"  # of a personal key: it tells a finder of the key what it opens
TOKEN_SHAPE = re.compile(r"[A-Za-z0-9_-]{20,100}")
IDENTIFIER_SHAPE = re.compile(r"[0-9a-f]{24}")
EMAIL_SHAPE = re.compile(r"[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+")

LARGEST_PROJECT = 2**31 - 1  # what the column of row ids holds

NO_APP = "App not found"
INGEST_KEYS = b"crashq ingest keys"  # the purpose of their encryption

_hasher = PasswordHasher()
NO_USER = "There is no user with this e-mail; owners invite people by a link, `crashq user add` adds one"

log = structlog.get_logger()


def create_user(services: Services, email: str, password: str) -> None:
    """Add a person who may log in. Raises BadParameters or Conflict."""
    email = checked_email(email)
    made = hashed_password(password)
    with services.db.write() as session:
        insert_user(services, session, email, made)


def insert_user(services: Services, session: Session, email: str, password_hash: str, by: Actor | None = None) -> int:
    """Add a person to a transaction; returns their id. Raises Conflict."""
    is_new = add_user(session, email, password_hash, services.now())
    user = find_user(session, email)
    if not is_new or user is None:
        raise Conflict("A user with this e-mail exists already; sign in with it")
    record(session, None, "user.added", email, services.now(), by)
    return user.id


def checked_email(email: str) -> str:
    """The e-mail as it is kept. Raises BadParameters."""
    if len(email) > MAX_EMAIL or not EMAIL_SHAPE.fullmatch(email) or not _is_storable(email):
        raise BadParameters("email is not an e-mail address")
    return email.lower()


def hashed_password(password: str, name: str = "password") -> str:
    """What is kept of a password. Raises BadParameters, with the name of the field, for one that is none."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD or not _is_storable(password):
        raise BadParameters(f"{name} has to have {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    return _hasher.hash(password)


def is_right_password(user: User | None, password: str) -> bool:
    """Whether it is the user's, in the same time for nobody's."""
    try:
        return _hasher.verify(
            user.password_hash if user else _nobodys_hash(), password[: MAX_PASSWORD + 1].encode(errors="replace")
        )
    except (VerificationError, InvalidHashError):
        return False


def log_in(services: Services, email: str, password: str, address: str = "") -> str:
    """Return a new token; `address` is where the request comes from.

    Raises Unauthorized, in the same time whether e-mail or password is wrong, or TooManyRequests when a minute has seen
    too many wrong passwords for this e-mail or from this address, or when too many log in at once.
    """
    with hashing():
        guess = begin_guess(services, hash_of(email.casefold().encode(errors="replace").decode()), address)
        user = None
        if len(email) <= MAX_EMAIL and _is_storable(email):
            with services.db.read() as session:
                user = find_user(session, email)
        if not is_right_password(user, password):
            user = None
    if user is None or user.disabled_at is not None:
        raise Unauthorized("Wrong e-mail or password")
    guess.was_right()
    return begin_session(services, user)


def begin_session(services: Services, known: User) -> str:
    """A new token of a user whose password was right. Raises Unauthorized when it has changed, or they were disabled."""
    with services.db.write() as session:
        user = session.get(
            User, known.id, with_for_update=AGAINST_CHANGES
        )  # who ends all logins of the user at the same time waits
        if user is None or user.disabled_at is not None or user.password_hash != known.password_hash:
            raise Unauthorized("Wrong e-mail or password")
        return insert_session(services, session, user.id)


def insert_session(services: Services, session: Session, user_id: int) -> str:
    """Add the token of a login to a transaction."""
    token, now = secrets.token_urlsafe(32), services.now()
    lifetime = timedelta(seconds=services.config.token_lifetime)
    session.add(Token(hash=hash_of(token), user_id=user_id, created_at=now, expires_at=now + lifetime))
    return token


def log_out(services: Services, token: str) -> None:
    """End the login of this token."""
    with services.db.write() as session:
        drop_token(session, hash_of(token))


def user_of(services: Services, token: str) -> int:
    """Return the user id behind a token. Raises Unauthorized."""
    hashed = token_hash(token)
    with services.db.read() as session:
        user_id = token_user(session, hashed, services.now())
    if user_id is None:
        raise Unauthorized
    return user_id


def person_of(services: Services, token: str) -> User:
    """The user behind a token, to be shown to themselves. Raises Unauthorized."""
    hashed = token_hash(token)
    with services.db.read() as session:
        user = token_holder(session, hashed, services.now())
    if user is None:
        raise Unauthorized
    return user


def token_hash(token: str) -> str:
    """What is kept of a token. Raises Unauthorized when the text cannot be one."""
    if not TOKEN_SHAPE.fullmatch(token):
        raise Unauthorized
    return hash_of(token)


def create_app_for(services: Services, name: str, owner_email: str) -> tuple[str, str]:
    """Add an app and its first member; returns its identifier and its first ingest key, which members see again."""
    name = check_name(name)
    with services.db.write() as session:
        owner = find_user(session, owner_email) if _is_storable(owner_email) else None
        if owner is None:
            raise NotFound(f"There is no user {owner_email}; add one with `crashq user add`")
        app, key = insert_app(services, session, name, owner.id)
    return app.identifier, key


def insert_app(services: Services, session: Session, name: str, owner_id: int) -> tuple[App, str]:
    """Add an app, its owner and its first ingest key, which is returned."""
    identifier, key = secrets.token_hex(12), secrets.token_hex(16)  # a DSN may hold letters and digits only
    app = App(identifier=identifier, name=name, ingest_key_hash=hash_of(key), created_at=services.now())
    session.add(app)
    session.flush()
    session.add(Membership(user_id=owner_id, app_id=app.id, role=Role.OWNER.value))
    session.add(ingest_key_row(services, app.id, "First key", key))
    record(session, app.id, "app.made", identifier, app.created_at)
    return app, key


def ingest_key_row(services: Services, app_id: int, name: str, key: str) -> IngestKey:
    """The row of an ingest key."""
    return IngestKey(
        hash=hash_of(key),
        identifier=secrets.token_hex(12),
        app_id=app_id,
        name=name,
        encrypted=encryption.encrypt(services.config.secret_key, INGEST_KEYS, key),
        created_at=services.now(),
    )


def app_for_user(services: Services, identifier: str, user_id: int, needed: Role = Role.VIEWER) -> App:
    """The app, if the user is a member in that role or a higher one.

    Raises NotFound, the same for an unknown app and another's, or Forbidden.
    """
    if IDENTIFIER_SHAPE.fullmatch(identifier):
        with services.db.read() as session:
            found = app_and_role(session, identifier, user_id)
        if found:
            access.require(found[1], needed)
            return found[0]
    raise NotFound(NO_APP)


def app_for_operator(services: Services, identifier: str) -> App:
    """The app by its identifier, for commands on the server itself. Raises NotFound."""
    if IDENTIFIER_SHAPE.fullmatch(identifier):
        with services.db.read() as session:
            app = find_app(session, identifier)
        if app:
            return app
    raise NotFound(f"There is no app {identifier}; `crashq app add` prints the identifier of a new one")


def app_for_sender(services: Services, identifier: str, token: str, log_id: str = "") -> Sender:
    """The app that this ingest key or login may send logs to, with its log of that name.

    Raises Unauthorized, NotFound, or Forbidden for a viewer.
    """
    hashed = token_hash(token)
    found = None
    if IDENTIFIER_SHAPE.fullmatch(identifier):
        found = find_sender(services.db, identifier, hashed, services.now(), log_id)
    if found is None:
        with services.db.read() as session:
            is_key = is_ingest_key(session, hashed)
        if not is_key:
            app_for_user(services, identifier, user_of(services, token), Role.MEMBER)
        raise NotFound(NO_APP)
    return found


def app_for_project(services: Services, project: int, key: str, log_id: str) -> Sender:
    """The app of this number (its row id, as a DSN ends with it), with its log of that name, for its ingest key.

    Raises Unauthorized for an unknown key, and NotFound for a key of another app.
    """
    hashed = token_hash(key)
    if project <= LARGEST_PROJECT:
        found = find_project_sender(services.db, project, hashed, log_id)
        if found:
            return found
    with services.db.read() as session:
        is_key = is_ingest_key(session, hashed)
    raise NotFound(NO_APP) if is_key else Unauthorized("The key is missing or unknown")


def app_for_key(services: Services, key: str) -> Sender:
    """The app of an ingest key, for senders that know no number of a project. Raises Unauthorized."""
    with services.db.read() as session:
        project = app_of_key(session, token_hash(key))
    if project is None:
        raise Unauthorized("The key is missing or unknown")
    return app_for_project(services, project, key, "")


def dsn(services: Services, identifier: str, key: str) -> str:
    """The address that Sentry's SDKs are given: `https://KEY@host/PROJECT`. Raises NotFound."""
    return sender_address(services.config, app_for_operator(services, identifier).id, key)


def sender_address(config: Config, project: int, key: str, host: str = "") -> str:
    """The same of an app's number; `host` is how a client has reached us, `scheme://host/prefix`, for want of a public URL."""
    base = config.public_url or host.rstrip("/") or f"http://localhost:{config.port}"
    scheme, _, host = base.partition("://")
    return f"{scheme}://{key}@{host}/{project}"


def is_personal_key(token: str) -> bool:
    """Whether a token is one that a person has made; else it is of a login."""
    return token.startswith(KEY_PREFIX)


def hash_of(token: str) -> str:
    """SHA-256 suffices for what is random and long; a slow hash is for what people choose."""
    return hashlib.sha256(token.encode()).hexdigest()


@cache
def _nobodys_hash() -> str:
    return _hasher.hash(secrets.token_urlsafe(16))


def _is_storable(value: str) -> bool:
    return "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)


class UserNotFound(NotFound):
    """Nobody of that e-mail logs in here."""

    code, message = "user_not_found", NO_USER

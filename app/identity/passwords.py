"""Passwords: changed by their users, or chosen anew behind a link that ends."""

import secrets
from datetime import timedelta

import structlog
from pydantic import Field

from app.acting import NOBODY, Actor
from app.db import AGAINST_CHANGES, Session
from app.db.models.account_link import (
    AccountLink,
    LinkPurpose,
    drop_mailed_links,
    drop_password_links,
    find_link,
    take_link,
)
from app.db.models.audit_entry import record
from app.db.models.token import drop_logins
from app.db.models.user import User, find_user
from app.errors import BadParameters, Gone
from app.identity.accounts import MAX_PASSWORD, UserNotFound, hash_of, hashed_password, is_right_password
from app.identity.login_limits import begin_guess, hashing
from app.json_models import RequestBody
from app.services import Services

LINK_LIFETIME = timedelta(hours=24)
MAX_LINK = 100  # characters
MAILED_KEPT = 10  # links of a user at the same time

log = structlog.get_logger()


class LinkEnded(Gone):
    """A link that was used, has run out or never was: the same answer."""

    code, message = "link_ended", "This link has been used or has run out; ask for a new one"


class PasswordChange(RequestBody):
    """A user's password, and the one to come."""

    current_password: str = Field(max_length=MAX_PASSWORD, examples=["correct horse battery staple"])
    new_password: str = Field(max_length=MAX_PASSWORD, examples=["staple battery horse correct"])


def change(services: Services, user: User, wanted: PasswordChange, address: str, kept: str = "") -> None:
    """Change a password and end all logins but the one of the hash `kept`; keys stay.

    Raises BadParameters for a wrong or a useless one, or TooManyRequests as a login does.
    """
    with hashing():
        guess = begin_guess(services, hash_of(user.email), address)
        if not is_right_password(user, wanted.current_password):
            raise BadParameters("current_password: It is not your password")
        guess.was_right()
        made = hashed_password(wanted.new_password, "new_password")
    with services.db.write() as session:
        _store(session, session.get_one(User, user.id, with_for_update=AGAINST_CHANGES), made, kept)
        record(session, None, "password.changed", user.email, services.now(), Actor(user.id))
    log.info("password_changed", user=user.id)


def set_by_operator(services: Services, email: str, password: str) -> None:
    """Give a user a password; all their logins end. Raises BadParameters or NotFound."""
    made = hashed_password(password)
    with services.db.write() as session:
        user = _known(session, email)
        _store(session, user, made)
        record(session, None, "password.changed", user.email, services.now())


def begin_reset(services: Services, email: str, *, is_mailed: bool = False) -> str:
    """The secret of a link by which this user chooses a password, within a day. Raises NotFound.

    The operator's ends earlier ones. One that is mailed was requested by anybody: it ends none but the oldest of many that
    were mailed, and there is none for who is disabled.
    """
    secret, now = secrets.token_urlsafe(32), services.now()
    with services.db.write() as session:
        user = _known(session, email)
        if is_mailed:
            if user.disabled_at is not None:
                raise UserNotFound
            drop_mailed_links(session, user.id, MAILED_KEPT - 1)
        else:
            drop_password_links(session, user.id)
        session.add(
            AccountLink(
                hash=hash_of(secret),
                identifier=secrets.token_hex(12),
                purpose=LinkPurpose.PASSWORD.value,
                user_id=user.id,
                email=user.email if is_mailed else None,
                created_at=now,
                expires_at=now + LINK_LIFETIME,
            )
        )
        record(session, None, "password_link.made", user.email, now, NOBODY if is_mailed else None)
    log.info("password_link_made", user=user.id)
    return secret


def user_of_link(services: Services, secret: str) -> User:
    """Whose password the link is for. Raises Gone."""
    with services.db.read() as session:
        return _user_of(session, secret, services)


def choose(services: Services, secret: str, password: str) -> User:
    """Set the password behind a link, which ends, as all logins of the user do. Raises Gone or BadParameters."""
    user_of_link(services, secret)  # before a hash is computed
    with hashing():
        made = hashed_password(password)
    with services.db.write() as session:
        user = _user_of(session, secret, services)
        if not take_link(session, hash_of(secret)):
            raise LinkEnded
        _store(session, user, made)
        record(session, None, "password.changed", user.email, services.now(), Actor(user.id))
    log.info("password_chosen", user=user.id)
    return user


def _user_of(session: Session, secret: str, services: Services) -> User:
    fits = len(secret) <= MAX_LINK
    found = find_link(session, hash_of(secret), LinkPurpose.PASSWORD, services.now()) if fits else None
    user = session.get(User, found.user_id) if found else None
    if user is None or user.disabled_at is not None:
        raise LinkEnded
    return user


def _store(session: Session, user: User, made: str, kept: str = "") -> None:
    user.password_hash = made
    session.flush()
    drop_logins(session, user.id, kept)
    drop_password_links(session, user.id)


def _known(session: Session, email: str) -> User:
    user = find_user(session, email) if email.isprintable() else None
    if user is None:
        raise UserNotFound
    return user

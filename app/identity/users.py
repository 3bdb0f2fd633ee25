"""Users as the operator sees them: listed, disabled, enabled, removed."""

import time

import structlog

from app.db import AGAINST_CHANGES, ALONE, ForUpdate, Session, wait_for_locks
from app.db.models.app import apps_owned_alone
from app.db.models.audit_entry import record
from app.db.models.external_identity import drop_identities
from app.db.models.token import drop_all_tokens
from app.db.models.user import User, find_user, users_by_email
from app.errors import Conflict, TransientError
from app.identity.accounts import UserNotFound
from app.services import Services

SHORTER_THAN_A_DEADLOCK = 0.2  # seconds of waiting for a lock; PostgreSQL looks for deadlocks after 1
GIVE_WAY_FOR = 10.0  # seconds

log = structlog.get_logger()


def list_users(services: Services, limit: int, offset: int) -> list[User]:
    """Users by e-mail."""
    with services.db.read() as session:
        return users_by_email(session, limit, offset)


def disable(services: Services, email: str) -> None:
    """Let a user log in no more; logins and keys end at once. Memberships stay. Raises NotFound."""
    with services.db.write() as session:
        user = _hold(session, email)
        if user.disabled_at is None:
            user.disabled_at = services.now()
            record(session, None, "user.disabled", user.email, user.disabled_at)
        session.flush()
        drop_all_tokens(session, user.id)
    log.info("user_disabled", user=user.id)


def enable(services: Services, email: str) -> None:
    """Let a user log in again, with the password as it was. Raises NotFound."""
    with services.db.write() as session:
        user = _hold(session, email)
        if user.disabled_at is not None:
            user.disabled_at = None
            record(session, None, "user.enabled", user.email, services.now())
    log.info("user_enabled", user=user.id)


def unlink(services: Services, email: str) -> None:
    """Forget whom an OpenID provider means by this user; the next sign-in decides by e-mail. Raises NotFound."""
    with services.db.write() as session:
        user = _hold(session, email)
        drop_identities(session, user.id)
        record(session, None, "user.identity_removed", user.email, services.now())
    log.info("user_unlinked", user=user.id)


def remove(services: Services, email: str) -> None:
    """Delete a user with logins, keys, memberships and data exporters; crashes, logs and comments stay.

    Raises NotFound, or Conflict for the only owner of an app.
    """
    until = time.monotonic() + GIVE_WAY_FOR
    while True:
        try:
            user_id = _remove(services, email)
        except TransientError:
            if time.monotonic() >= until:
                raise
        else:
            break
    log.info("user_removed", user=user_id)


def _remove(services: Services, email: str) -> int:
    """What goes with a user is locked by others in any order, so this gives way to them instead of ending in a deadlock."""
    with services.db.write() as session:
        wait_for_locks(session, SHORTER_THAN_A_DEADLOCK)
        user = _hold(session, email, ALONE)
        alone = apps_owned_alone(session, user.id)
        if alone:
            names = ", ".join(f"{app.name} ({app.identifier})" for app in alone)
            raise Conflict(
                f"{user.email} is the only owner of {names}; make somebody else one with `crashq app member`, "
                "or remove the app first"
            )
        session.delete(user)
        record(session, None, "user.removed", user.email, services.now())
        return user.id


def _hold(session: Session, email: str, lock: ForUpdate = AGAINST_CHANGES) -> User:
    user = find_user(session, email, lock=lock) if email.isprintable() else None
    if user is None:
        raise UserNotFound
    return user

"""Who may see an app, and in which role: listed, added, changed and removed by its owners."""

import structlog

from app.db import AGAINST_CHANGES, Session
from app.db.models.app import App
from app.db.models.audit_entry import record
from app.db.models.crash_assignee import take_from
from app.db.models.membership import (
    AppMember,
    Role,
    add_member,
    drop_member,
    has_other_owner,
    members_of,
    role_of,
    set_role,
)
from app.db.models.user import MAX_EMAIL, User, find_user
from app.errors import BadParameters, Conflict, NotFound
from app.identity.access import require_in
from app.identity.accounts import UserNotFound
from app.identity.login_limits import begin_lookup
from app.services import Services

LAST_OWNER = "The last owner cannot go: nobody could change the app any more. Make somebody else an owner first"

log = structlog.get_logger()


def list_members(services: Services, app: App, limit: int, offset: int) -> list[AppMember]:
    """The app's members, by e-mail."""
    with services.db.read() as session:
        return members_of(session, app.id, limit, offset)


def add(services: Services, app: App, email: str, role: Role = Role.MEMBER) -> AppMember:
    """Let a user see the app; returns them with their e-mail as it is kept.

    Raises BadParameters, NotFound, Conflict, or TooManyRequests for who gives many e-mails that nobody has.
    """
    email = email.strip()
    if not email:
        raise BadParameters("email: give the e-mail that the user logs in with")
    counted = begin_lookup(services)
    with services.db.write() as session:
        user = find_user(session, email) if _can_be(email) else None
        if user is None:
            raise UserNotFound
        counted.was_right()
        if not add_member(session, app.id, user.id, role):
            raise Conflict(f"{user.email} is a member already")
        record(session, app.id, "member.added", user.email, services.now())
    log.info("member_added", app=app.identifier, user=user.id, role=role.value)
    return AppMember(user.email, role)


def change(services: Services, app: App, email: str, role: Role) -> AppMember:
    """Give a member another role. Raises NotFound, or Conflict for the last owner."""
    with services.db.write() as session:
        user, was = _hold(session, app, email)
        if was is Role.OWNER and role is not Role.OWNER:
            _keep_an_owner(session, app, user)
        set_role(session, app.id, user.id, role)
        if was is not role:
            record(session, app.id, "role.changed", user.email, services.now())
    log.info("member_changed", app=app.identifier, user=user.id, role=role.value)
    return AppMember(user.email, role)


def put(services: Services, app: App, email: str, role: Role) -> AppMember:
    """Let a user be a member in this role, whether they are one or not. Raises what `add` and `change` raise."""
    try:
        return add(services, app, email, role)
    except Conflict:
        return change(services, app, email, role)


def remove(services: Services, app: App, email: str, by: int) -> None:
    """Let a member see the app no more: themselves in any role, others by an owner.

    Raises NotFound, Forbidden, or Conflict for the last owner.
    """
    with services.db.write() as session:
        user, was = _hold(session, app, email)
        if user.id != by:
            require_in(session, by, app.id, Role.OWNER)
        if was is Role.OWNER:
            _keep_an_owner(session, app, user)
        drop_member(session, app.id, user.id)
        take_from(session, app.id, user.id)
        record(session, app.id, "member.removed", user.email, services.now())
    log.info("member_removed", app=app.identifier, user=user.id)


def _hold(session: Session, app: App, email: str) -> tuple[User, Role]:
    """A member and their role, which nobody else changes until the transaction ends. Raises NotFound."""
    session.get(App, app.id, with_for_update=AGAINST_CHANGES)  # who changes members at the same time waits
    user = find_user(session, email) if _can_be(email) else None
    role = role_of(session, user.id, app.id) if user else None
    if user is None or role is None:
        raise NotFound("The app has no member with this e-mail")
    return user, role


def _keep_an_owner(session: Session, app: App, without: User) -> None:
    if not has_other_owner(session, app.id, without.id):
        raise Conflict(LAST_OWNER)


def _can_be(email: str) -> bool:
    """False for what the database does not take."""
    return len(email) <= MAX_EMAIL and not any(sign < " " or "\ud800" <= sign <= "\udfff" for sign in email)

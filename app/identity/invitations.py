"""Invitations to an app: links that end, by which somebody becomes a member; one for an e-mail also makes its account."""

import secrets
from datetime import timedelta
from typing import Literal, NamedTuple

import structlog
from pydantic import Field

from app.acting import NOBODY, Actor
from app.db import AGAINST_CHANGES, Session
from app.db.models.account_link import (
    AccountLink,
    LinkPurpose,
    count_invitations,
    drop_invitation,
    find_link,
    invitations_of,
    take_link,
)
from app.db.models.app import App
from app.db.models.audit_entry import record
from app.db.models.membership import Role, add_member, role_of
from app.db.models.user import User, find_user
from app.errors import AppError, BadParameters, Conflict, NotFound
from app.identity.accounts import (
    IDENTIFIER_SHAPE,
    checked_email,
    hash_of,
    hashed_password,
    insert_session,
    insert_user,
    log_in,
    log_out,
    person_of,
)
from app.identity.login_limits import begin_guess, count_mail_to, hashing
from app.identity.passwords import MAX_LINK, LinkEnded
from app.json_models import RequestBody
from app.mail import can_send
from app.services import Services

MOST_PER_APP = 100
MAX_DAYS = 30

log = structlog.get_logger()


class NewInvitation(RequestBody):
    """Who is invited, and as what."""

    role: Literal["viewer", "member", "owner"] = Field(default="member", examples=["member"])
    email: str | None = Field(default=None, description="The only one that may join; null: anybody who has an account")
    expires_in_days: int = Field(default=7, ge=1, le=MAX_DAYS)


class Invited(NamedTuple):
    """What an invitation is for."""

    app: App
    role: Role
    email: str | None


def invite(services: Services, app: App, wanted: NewInvitation, by: int | None) -> tuple[AccountLink, str]:
    """One more invitation and its secret, which nobody can see again.

    Raises BadParameters, Conflict or TooManyRequests.
    """
    email = checked_email(wanted.email) if wanted.email else None
    if email and can_send(services.config):
        count_mail_to(services, email)
    secret, now = secrets.token_urlsafe(32), services.now()
    made = AccountLink(
        hash=hash_of(secret), identifier=secrets.token_hex(12), purpose=LinkPurpose.INVITATION.value, user_id=by,
        app_id=app.id, role=wanted.role, email=email, created_at=now,
        expires_at=now + timedelta(days=wanted.expires_in_days),
    )  # fmt: skip
    with services.db.write() as session:
        session.get(App, app.id, with_for_update=AGAINST_CHANGES)  # who counts at the same time waits
        if count_invitations(session, app.id) >= MOST_PER_APP:
            raise Conflict(f"An app has at most {MOST_PER_APP} invitations; end some first")
        session.add(made)
        record(session, app.id, "invitation.made", made.identifier, now)
    log.info("invitation_made", app=app.identifier, key=made.identifier, role=wanted.role)
    return made, secret


def list_invitations(services: Services, app: App, limit: int, offset: int) -> list[AccountLink]:
    """The invitations of an app that have not ended, newest first."""
    with services.db.read() as session:
        return invitations_of(session, app.id, services.now(), limit, offset)


def end(services: Services, app: App, identifier: str) -> None:
    """Let nobody join by an invitation any more. Raises NotFound."""
    with services.db.write() as session:
        if not IDENTIFIER_SHAPE.fullmatch(identifier) or not drop_invitation(session, app.id, identifier):
            raise NotFound("The app has no such invitation")
        record(session, app.id, "invitation.removed", identifier, services.now())
    log.info("invitation_ended", app=app.identifier, key=identifier)


def look(services: Services, secret: str) -> Invited:
    """What an invitation is for. Raises Gone."""
    with services.db.read() as session:
        return _invited(services, session, secret)


def accept(services: Services, secret: str, user: User) -> Invited:
    """Make a user a member; the link ends. Raises Gone, Conflict for a member, or BadParameters for another e-mail."""
    with services.db.write() as session:
        invited = _invited(services, session, secret)
        if invited.email is not None and invited.email != user.email:
            raise BadParameters("email: This invitation is for another e-mail; sign in with that one")
        if not take_link(session, hash_of(secret)):
            raise LinkEnded
        if not add_member(session, invited.app.id, user.id, invited.role):
            raise Conflict(f"You are a member of {invited.app.name} already")
        record(session, invited.app.id, "invitation.accepted", user.email, services.now(), Actor(user.id))
    log.info("invitation_accepted", app=invited.app.identifier, user=user.id, role=invited.role.value)
    return invited


def join(services: Services, secret: str, email: str, password: str, address: str) -> tuple[Invited, str]:
    """Let in who is not signed in; returns what they joined, and the token of their login.

    They join with their account and its password. A new account is made for the e-mail that an invitation is for, and never
    for one that is typed here: nobody has vouched for it.
    Raises Gone, Conflict, BadParameters, Unauthorized or TooManyRequests; then nothing is left.
    """
    invited = look(services, secret)
    if invited.email is not None and not _has_account(services, invited.email):
        return _join_anew(services, secret, invited.email, password, address)
    token = log_in(services, invited.email or email.strip(), password, address)
    try:
        return accept(services, secret, person_of(services, token)), token
    except AppError:
        log_out(services, token)
        raise


def _join_anew(services: Services, secret: str, email: str, password: str, address: str) -> tuple[Invited, str]:
    with hashing():
        guess = begin_guess(services, hash_of(email.casefold()), address)
        made = hashed_password(password)
    with services.db.write() as session:
        invited = _invited(services, session, secret)
        if not take_link(session, hash_of(secret)):
            raise LinkEnded  # somebody else has used it meanwhile
        user_id = insert_user(services, session, email, made, NOBODY)
        add_member(session, invited.app.id, user_id, invited.role)
        record(session, invited.app.id, "invitation.accepted", email, services.now(), Actor(user_id))
        token = insert_session(services, session, user_id)
    guess.was_right()
    log.info("invitation_accepted", app=invited.app.identifier, user=user_id, role=invited.role.value)
    return invited, token


def _has_account(services: Services, email: str) -> bool:
    with services.db.read() as session:
        return find_user(session, email) is not None


def _invited(services: Services, session: Session, secret: str) -> Invited:
    """Raises Gone, also when who has invited is no owner any more."""
    fits = len(secret) <= MAX_LINK
    found = find_link(session, hash_of(secret), LinkPurpose.INVITATION, services.now()) if fits else None
    app = session.get(App, found.app_id) if found else None
    if found is None or app is None or app.removed_at is not None or found.role is None:
        raise LinkEnded
    if found.user_id is not None:
        inviter = session.get(User, found.user_id)
        is_disabled = inviter is None or inviter.disabled_at is not None
        if is_disabled or role_of(session, found.user_id, app.id) is not Role.OWNER:
            raise LinkEnded
    return Invited(app, Role(found.role), found.email)

"""Who may see an app: listed, added and removed by its members."""

import structlog

from app.db.models.app import App
from app.db.models.membership import add_member, count_members, drop_member, is_member, members_of
from app.db.models.user import MAX_EMAIL, find_user
from app.errors import BadParameters, Conflict, NotFound
from app.identity.accounts import UserNotFound
from app.services import Services

log = structlog.get_logger()


def list_members(services: Services, app: App, limit: int, offset: int) -> list[str]:
    """The e-mails of an app's members, in their order."""
    with services.db.read() as session:
        return members_of(session, app.id, limit, offset)


def add(services: Services, app: App, email: str) -> str:
    """Let a user see the app; returns their e-mail as it is kept. Raises BadParameters, NotFound or Conflict."""
    email = email.strip()
    if not email:
        raise BadParameters("email: give the e-mail that the user logs in with")
    with services.db.write() as session:
        user = find_user(session, email) if _can_be(email) else None
        if user is None:
            raise UserNotFound
        if not add_member(session, app.id, user.id):
            raise Conflict(f"{user.email} is a member already")
    log.info("member_added", app=app.identifier, user=user.id)
    return user.email


def remove(services: Services, app: App, email: str) -> None:
    """Let a member see the app no more. Raises NotFound, or Conflict for the last one."""
    with services.db.write() as session:
        session.get(App, app.id, with_for_update=True)  # who removes at the same time waits
        user = find_user(session, email) if _can_be(email) else None
        if user is None or not is_member(session, user.id, app.id):
            raise NotFound("The app has no member with this e-mail")
        if count_members(session, app.id) == 1:
            raise Conflict("The last member cannot go: nobody would see the app any more")
        drop_member(session, app.id, user.id)
    log.info("member_removed", app=app.identifier, user=user.id)


def _can_be(email: str) -> bool:
    """False for what the database does not take."""
    return len(email) <= MAX_EMAIL and not any(sign < " " or "\ud800" <= sign <= "\udfff" for sign in email)

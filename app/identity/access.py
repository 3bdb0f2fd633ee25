"""Who may do what: the access that each operation of the API and each page declares, and the one check of it."""

from collections.abc import Mapping
from enum import StrEnum

from app.db import Session
from app.db.models.app import find_app
from app.db.models.crash import find_crash
from app.db.models.membership import Role, role_of
from app.errors import Forbidden
from app.services import Services


class Access(StrEnum):
    """Who may call an operation or open a page. Each declares one."""

    OPEN = "open"  # anybody
    SENDER = "sender"  # who has a key of the app for this; or a member who may send it
    USER = "user"  # who is logged in: it shows and changes only what is theirs
    VIEWER = "viewer"  # a member of the app that the path is about
    MEMBER = "member"  # one who may change what a team changes daily
    OWNER = "owner"  # one who may change everything

    @property
    def role(self) -> Role | None:
        """The least role in the app; None where no app is involved."""
        return Role(self.value) if self.value in _ROLES else None


_ROLES = {role.value for role in Role}


def check(services: Services, user_id: int, access: Access, path: Mapping[str, object]) -> None:
    """Raise Forbidden when the user is a member of the app that the path is about, without the role.

    `path` is its variables. That the user is a member at all is checked where the app or the crash is looked up, for only
    there it is known what a stranger is answered.
    """
    if access.role is None or access.role is Role.VIEWER:
        return
    with services.db.read() as session:
        app_id = _app_of(session, path)
        role = role_of(session, user_id, app_id) if app_id is not None else None
    if role is not None:
        require(role, access.role)


def require(role: Role, needed: Role) -> None:
    """Raise Forbidden unless the role is at least the one that is needed."""
    if not role.covers(needed):
        raise Forbidden(f"You are a {role.value} of this app; this takes {_PHRASES[needed]}")


def require_in(session: Session, user_id: int, app_id: int, needed: Role) -> None:
    """The same of a member of an app; who is none has been refused before."""
    require(role_of(session, user_id, app_id) or Role.VIEWER, needed)


def _app_of(session: Session, path: Mapping[str, object]) -> int | None:
    """The row id of the app; None where there is none."""
    identifier = path.get("app_identifier", path.get("crash_identifier"))
    if not isinstance(identifier, str) or not (identifier.isascii() and identifier.isalnum()):
        return None
    if "app_identifier" in path:
        app = find_app(session, identifier)
        return app.id if app else None
    crash = find_crash(session, identifier)
    return crash.app_id if crash else None


_PHRASES = {Role.VIEWER: "a viewer", Role.MEMBER: "a member", Role.OWNER: "an owner"}

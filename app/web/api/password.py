"""The password of the user who asks."""

from flask import request

from app.identity import accounts, passwords
from app.identity.access import Access
from app.web.api import tags
from app.web.api.resource import Resource
from app.web.auth import services, token

resource = Resource("password", tags.LOGIN, url_prefix="/api/password", access=Access.USER)


@resource.post(
    "", "changePassword", "Change your password; your other logins end", about="Changed", errors=(429,), by_key=False
)
def change(user: int, body: passwords.PasswordChange) -> None:  # noqa: ARG001
    """Change the password of the user; the login that asks goes on."""
    sent = token()
    person = accounts.person_of(services(), sent)
    passwords.change(services(), person, body, request.remote_addr or "", accounts.hash_of(sent))

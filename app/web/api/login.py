"""Logging in and out, and the password of the user who asks."""

from flask import request
from pydantic import BaseModel

from app.errors import BadParameters
from app.identity import accounts, passwords
from app.identity.access import Access
from app.json_models import ResponseBody, read_params
from app.web.api import tags
from app.web.api.resource import Answer, Resource
from app.web.auth import services, token

MAX_BODY = 16 * 1024  # bytes

resource = Resource("login", tags.LOGIN, url_prefix="/api", access=Access.USER)


class Credentials(BaseModel, strict=True):
    """The body of a login."""

    email: str
    password: str


class AuthToken(ResponseBody):
    """What the client sends from now on."""

    auth_token: str


@resource.post(
    "/login", "logIn", "Log in", about="A new token", errors=(401, 429), headers="Cache-Control",
    is_open=True, reads=Credentials,
)  # fmt: skip
def log_in() -> Answer[AuthToken]:
    """Return a new token for an e-mail and its password."""
    request.max_content_length = MAX_BODY
    try:
        body = request.get_json(force=True, silent=True)
    except RecursionError:  # nested thousands deep
        body = None
    if not isinstance(body, dict):
        raise BadParameters('The body has to be JSON: {"email":"…","password":"…"}')
    credentials = read_params(Credentials, body)
    address = request.remote_addr or ""
    made = accounts.log_in(services(), credentials.email, credentials.password, address)
    return Answer(AuthToken(auth_token=made), {"Cache-Control": "no-store"})


@resource.delete("/login", "logOut", "End the login of this token", about="Ended")
def log_out() -> None:
    """End the login of the token in the request."""
    accounts.user_of(services(), token())
    accounts.log_out(services(), token())


@resource.post(
    "/password",
    "changePassword",
    "Change your password; your other logins end",
    about="Changed",
    errors=(429,),
    by_key=False,
)
def change_password(user: int, body: passwords.PasswordChange) -> None:  # noqa: ARG001
    """Change the password of the user; the login that asks goes on."""
    sent = token()
    person = accounts.person_of(services(), sent)
    passwords.change(services(), person, body, request.remote_addr or "", accounts.hash_of(sent))

"""What a request works with: the services, and who is asking."""

from flask import current_app, request

from app import accounts
from app.errors import Unauthorized
from app.services import Services

EXTENSION = "crashq"


def services() -> Services:
    """The services this application was made with."""
    found: Services = current_app.extensions[EXTENSION]
    return found


def token() -> str:
    """The token of `Authorization: Token <auth_token>`. Raises Unauthorized when there is none."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "token" or not value.strip():
        raise Unauthorized
    return value.strip()


def user_id() -> int:
    """The user whose token came with the request. Raises Unauthorized."""
    return accounts.user_of(services(), token())

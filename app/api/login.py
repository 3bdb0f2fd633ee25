"""Logging in and out."""

from flask import Blueprint, Response, request
from pydantic import BaseModel

from app import accounts, auth
from app.api import answers
from app.auth import services
from app.errors import BadParameters
from app.parameters import read_params

MAX_BODY = 16 * 1024  # bytes

blueprint = Blueprint("login", __name__, url_prefix="/api")


class Credentials(BaseModel, strict=True):
    """The body of a login."""

    email: str
    password: str


@blueprint.post("/login")
def log_in() -> Response:
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
    token = accounts.log_in(services(), credentials.email, credentials.password, address)
    response = answers.success({"auth_token": token})
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.delete("/login")
def log_out() -> Response:
    """End the login of the token in the request."""
    accounts.user_of(services(), auth.token())
    accounts.log_out(services(), auth.token())
    return answers.bare_success()

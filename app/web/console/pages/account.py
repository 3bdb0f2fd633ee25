"""The user's own account: their password."""

from flask import Blueprint, Response, request

from app.errors import BadParameters, TooManyRequests
from app.identity import passwords
from app.identity.access import Access
from app.identity.accounts import hash_of
from app.json_models import read_params
from app.web.auth import services
from app.web.console.forms import problems_of
from app.web.console.page import go, render, signed_in
from app.web.console.page_access import needs

blueprint = Blueprint("account", __name__)

FIELDS = ("current_password", "new_password")


@blueprint.get("/account")
@needs(Access.USER)
def show() -> Response:
    """A form to change the password."""
    return render("account.html", problems={})


@blueprint.post("/account/password")
@needs(Access.USER)
def change_password() -> Response:
    """Change it; other logins end."""
    who = signed_in()
    try:
        wanted = read_params(passwords.PasswordChange, {name: request.form.get(name, "") for name in FIELDS})
        passwords.change(services(), who.user, wanted, request.remote_addr or "", hash_of(who.token))
    except (BadParameters, TooManyRequests) as error:
        response = render("account.html", status=error.status, problems=problems_of(error, FIELDS, FIELDS[0]))
        if error.retry_after is not None:
            response.headers["Retry-After"] = str(error.retry_after)
        return response
    return go("account.show", "The password is changed. You are signed out everywhere else.")

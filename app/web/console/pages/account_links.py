"""What links lead to that end: an invitation to an app, and the choice of a new password."""

from flask import Blueprint, Response, request

from app.errors import BadParameters, Conflict, TooManyRequests, Unauthorized
from app.identity import invitations, passwords
from app.identity.access import Access
from app.web import auth
from app.web.auth import services
from app.web.console.forms import problems_of, sentence
from app.web.console.page import go, link, maybe_signed_in, render
from app.web.console.page_access import needs

blueprint = Blueprint("account_links", __name__)


@blueprint.get("/invitations/<secret>")
@needs(Access.OPEN)
def show_invitation(secret: str) -> Response:
    """Into which app and as what; a button for who is signed in, a form for others."""
    return _invitation(secret)


@blueprint.post("/invitations/<secret>")
@needs(Access.OPEN)
def accept(secret: str) -> Response:
    """Join the app: as who is signed in, else with an e-mail and its password, or with a new account."""
    who, form = maybe_signed_in(), request.form
    token = None
    try:
        if who is None:
            address = request.remote_addr or ""
            joined, token = invitations.join(
                services(), secret, form.get("email", ""), form.get("password", ""), address
            )
        else:
            joined = invitations.accept(services(), secret, who.user)
    except (BadParameters, Unauthorized, TooManyRequests) as error:
        return _invitation(secret, error.status, problems_of(error, ("email", "password"), "email"))
    except Conflict as error:
        return go("apps.show", sentence(error.message), "plain")
    response = go("crashes.show", f"You are a {joined.role.value} of {joined.app.name} now.",
                  app_identifier=joined.app.identifier)  # fmt: skip
    if token is not None:
        auth.keep_session(response, token)
    return response


@blueprint.get("/password/<secret>")
@needs(Access.OPEN)
def show_password(secret: str) -> Response:
    """A form for the new password of the user whom the link is for."""
    return _password(secret)


@blueprint.post("/password/<secret>")
@needs(Access.OPEN)
def choose(secret: str) -> Response:
    """Set it, and end all logins of the user."""
    try:
        passwords.choose(services(), secret, request.form.get("password", ""))
    except (BadParameters, TooManyRequests) as error:
        return _password(secret, error.status, problems_of(error, ("password",), "password"))
    response = go("sign_in.show", "The password is set. Sign in with it.")
    auth.drop_session(response)
    return response


def _invitation(secret: str, status: int = 200, problems: dict[str, str] | None = None) -> Response:
    invited = invitations.look(services(), secret)
    return render(
        "invitation.html",
        status=status,
        secret=secret,
        invited=invited,
        problems=problems or {},
        email=invited.email or request.form.get("email", "")[:254],
        signing_in=link("sign_in.show", next=link("account_links.show_invitation", secret=secret)),
    )


def _password(secret: str, status: int = 200, problems: dict[str, str] | None = None) -> Response:
    user = passwords.user_of_link(services(), secret)
    return render("choose_password.html", status=status, secret=secret, email=user.email, problems=problems or {})

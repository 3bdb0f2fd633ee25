"""A form for who has forgotten their password, where the service sends mails."""

from flask import Blueprint, Response, request

from app.errors import NotFound, TooManyRequests
from app.identity.access import Access
from app.identity.account_mails import mail_reset
from app.mail import can_send
from app.web.auth import services
from app.web.console.page import go, render
from app.web.console.page_access import needs

blueprint = Blueprint("forgot_password", __name__)


@blueprint.get("/forgot-password")
@needs(Access.OPEN)
def show() -> Response:
    """The form."""
    _require_mail()
    return render("forgot_password.html", email="", problem="")


@blueprint.post("/forgot-password")
@needs(Access.OPEN)
def send() -> Response:
    """The same answer, whether there is such a user or not."""
    _require_mail()
    email = request.form.get("email", "").strip()
    try:
        mail_reset(services(), email, request.remote_addr or "")
    except TooManyRequests as error:
        response = render("forgot_password.html", status=error.status, email=email[:254], problem=error.message)
        response.headers["Retry-After"] = str(error.retry_after)
        return response
    return go("sign_in.show", "If somebody with this e-mail signs in here, a link is on its way to them.", "plain")


def _require_mail() -> None:
    if not can_send(services().config):
        raise NotFound("This service sends no mails; its operator makes a link to choose a password")

"""Mails with links that end: invitations, and the choice of a new password. They are sent beside the request."""

import threading
from collections.abc import Callable

import structlog

from app.db.models.app import App
from app.errors import AppError, NotFound
from app.identity import passwords
from app.identity.accounts import hash_of
from app.identity.login_limits import begin_mail
from app.mail import Mail, MailNotSent, can_send, send_mail
from app.services import Services

AT_ONCE = 4  # of one process; what comes meanwhile is not sent

_places = threading.BoundedSemaphore(AT_ONCE)

log = structlog.get_logger()


def mail_invitation(services: Services, app: App, email: str | None, secret: str) -> bool:
    """Send an invitation that is for one e-mail to it; false where no mail is sent."""
    if not email or not can_send(services.config):
        return False
    name = app.name  # without control characters, which the mail would take out of its subject besides
    url = f"{services.config.public_url}/invitations/{secret}"
    text = f"You are invited to the app {name}. This link works once:\n\n{url}\n"
    _beside(lambda: _send(services, Mail(email, f"Invitation to {name}", text)))
    return True


def mail_reset(services: Services, email: str, address: str) -> None:
    """Send a link to choose a new password to a user of this e-mail, if there is one; nobody learns whether.

    Raises TooManyRequests.
    """
    begin_mail(services, hash_of(email.casefold().encode(errors="replace").decode()), address)

    def make_and_send() -> None:
        try:
            secret = passwords.begin_reset(services, email, is_mailed=True)
        except NotFound:
            return
        link = f"{services.config.public_url}/password/{secret}"
        text = f"Somebody asked for a new password of this account. If it was you, choose one within a day:\n\n{link}\n"
        _send(services, Mail(email.lower(), "A new password for crashq", text))

    _beside(make_and_send)


def _send(services: Services, mail: Mail) -> None:
    try:
        send_mail(services.config, mail)
    except (MailNotSent, AppError) as error:
        log.warning("account_mail_not_sent", error=type(error).__name__)


def _beside(send: Callable[[], None]) -> None:
    if not _places.acquire(blocking=False):
        log.warning("account_mail_not_sent", reason="too many at once")
        return

    def run() -> None:
        try:
            send()
        finally:
            _places.release()

    threading.Thread(target=run, name="account-mail", daemon=True).start()

"""Hands mails to the operator's mail server: with TLS, within bounds of time, and with headers that nobody can add to."""

import re
import smtplib
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import formatdate, make_msgid, parseaddr
from functools import cache
from typing import Any

from app.config import Config
from app.errors import BadParameters, Conflict
from app.smtp_url import MailServer, read_smtp_url

SILENCE_LIMIT = 10.0  # seconds that the server may say nothing
WHOLE_LIMIT = 20.0  # seconds of a mail in all
MAX_ADDRESS = 254  # characters (RFC 5321, errata 1690)
MAX_SUBJECT = 200
MAX_LINE = 998  # characters (RFC 5322)
ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
ENCODED = "=?"  # how an encoded word begins, which Python reads and writes out as it is, with its line breaks
ACCEPTED = 250  # SMTP
LOCAL_NAME = "localhost"  # of EHLO: the machine's own name tells the server nothing


class MailNotSet(Conflict):
    """The operator has set no mail server."""

    code, message = "mail_not_set", "This server sends no mail; the operator can set CRASHQ_SMTP_URL"


class MailNotSent(Exception):
    """The server could not be reached, or did not take the mail. The text names no address and no secret."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status  # SMTP


@dataclass(frozen=True)
class Mail:
    """One mail to one recipient."""

    to: str
    subject: str
    text: str
    html: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def mail_address(text: str) -> str:
    """The text if a mail can be addressed so. Raises BadParameters."""
    local, _, domain = text.partition("@")
    is_dotted = local.startswith(".") or local.endswith(".") or ".." in text
    if len(text) > MAX_ADDRESS or not ADDRESS.fullmatch(text) or is_dotted or not domain or ENCODED in text:
        raise BadParameters("address is not an e-mail address")
    return text


def mailbox(address: str) -> str:
    """The same for all spellings of an address that mail servers hand to one person: case, and what follows a plus."""
    local, _, domain = address.casefold().partition("@")
    return f"{local.partition('+')[0]}@{domain}"


def can_send(config: Config) -> bool:
    """True when the operator has set a mail server and the public URL, with which the links in mails begin.

    The Host header cannot stand in for it: who sends a request would choose where the links in others' mails lead.
    """
    return bool(config.smtp_url and config.public_url)


def send_mail(config: Config, mail: Mail) -> int:
    """Hand a mail in; returns the server's reply code. Raises MailNotSet, MailNotSent, or BadParameters for its address."""
    if not config.smtp_url:
        raise MailNotSet
    message, recipient = compose(config, mail), mail_address(mail.to)
    server = read_smtp_url(config.smtp_url)
    cut_off: threading.Timer | None = None
    try:
        connection = _connect(server)
        cut_off = threading.Timer(WHOLE_LIMIT, _cut, (connection,))
        cut_off.daemon = True
        cut_off.start()
        return _hand_in(connection, server, message, parseaddr(config.mail_from)[1], recipient)
    except smtplib.SMTPResponseException as error:
        raise MailNotSent(f"The mail server answered {error.smtp_code}", error.smtp_code) from None
    except smtplib.SMTPRecipientsRefused as error:
        status = next(iter(error.recipients.values()), (None, b""))[0]
        raise MailNotSent(f"The mail server refused the recipient: {status}", status) from None
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise MailNotSent(f"The mail server cannot be used: {type(error).__name__}") from None
    finally:
        if cut_off is not None:
            cut_off.cancel()


def compose(config: Config, mail: Mail) -> EmailMessage:
    """The mail in the form of RFC 5322: plain text, and HTML beside it where there is any."""
    made = EmailMessage(policy=POLICY)
    made["Subject"] = _header(mail.subject)[:MAX_SUBJECT]
    made["From"] = config.mail_from
    made["To"] = mail_address(mail.to)
    made["Date"] = formatdate()
    made["Message-ID"] = make_msgid(domain=parseaddr(config.mail_from)[1].rpartition("@")[2] or LOCAL_NAME)
    made["Auto-Submitted"] = "auto-generated"
    for name, value in mail.headers.items():
        made[name] = _header(value)
    made.set_content(mail.text, cte="quoted-printable")
    if mail.html:
        made.add_alternative(mail.html, subtype="html", cte="quoted-printable")
    return made


class _Policy(EmailPolicy):
    """Leaves headers of lists on one line, as they are: programs read their URLs, but no encoded words (RFC 2047)."""

    def fold(self, name: str, value: Any) -> str:
        """A header as it is sent."""
        line = f"{name}: {value}"
        if name.lower().startswith("list-") and line.isascii() and len(line) <= MAX_LINE:
            return line + self.linesep
        return str(super().fold(name, value))

    def fold_binary(self, name: str, value: Any) -> bytes:
        """The same in bytes."""
        if name.lower().startswith("list-"):
            return self.fold(name, value).encode("ascii")
        return super().fold_binary(name, value)


POLICY = _Policy(linesep="\r\n")


def _header(text: str) -> str:
    """On one line: a line break would begin another header, as would one in an encoded word (RFC 2047), so none is left."""
    return CONTROL.sub(" ", text).replace(ENCODED, "= ?").strip()


def _connect(server: MailServer) -> smtplib.SMTP:
    if server.is_tls:
        return smtplib.SMTP_SSL(server.host, server.port, LOCAL_NAME, timeout=SILENCE_LIMIT, context=tls())
    return smtplib.SMTP(server.host, server.port, LOCAL_NAME, timeout=SILENCE_LIMIT)


def _hand_in(connection: smtplib.SMTP, server: MailServer, message: EmailMessage, sender: str, recipient: str) -> int:
    try:
        if server.is_starttls:
            connection.starttls(context=tls())  # raises where the server offers none
        if server.user:
            connection.login(server.user, server.password)
        connection.send_message(message, sender, [recipient])
        return ACCEPTED
    finally:
        with suppress(OSError, smtplib.SMTPException):  # the mail is the server's by now, however they part
            connection.quit()
        connection.close()


def _cut(connection: smtplib.SMTP) -> None:
    sock = connection.sock
    if sock is not None:
        with suppress(OSError):
            sock.shutdown(2)


@cache
def tls() -> ssl.SSLContext:
    """Certificates are checked, of the authorities that the system trusts."""
    return ssl.create_default_context()

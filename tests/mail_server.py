"""A real SMTP server on 127.0.0.1 that keeps the mails that it is handed and answers as a test says."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.servers import free_port

USER, PASSWORD = "crashq", "p@ss:word"


@dataclass
class Postbox:
    """What came in, and what is answered to a whole mail."""

    port: int = 0
    answer: str = "250 OK"
    mails: list[EmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    was_encrypted: list[bool] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ARG002, N802
        """Keep a mail."""
        if self.answer.startswith("250"):
            self.mails.append(message_from_bytes(envelope.content, policy=default))
            self.raw.append(bytes(envelope.content))
            self.recipients += envelope.rcpt_tos
            self.was_encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        return self.answer


def _login(server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
    is_known = isinstance(given, LoginPassword) and (given.login, given.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=is_known)


@contextmanager
def mail_server(context: ssl.SSLContext | None = None, *, is_tls: bool = False) -> Iterator[Postbox]:
    """A running server; with a context it wants the user of this file, over STARTTLS or with TLS from the start."""
    box = Postbox(port=free_port())
    wants: dict[str, Any] = {}
    if context is not None:
        wants = {"authenticator": _login, "auth_required": True, "auth_require_tls": not is_tls}
        wants |= {"ssl_context": context} if is_tls else {"tls_context": context, "require_starttls": True}
    controller = Controller(box, hostname="127.0.0.1", port=box.port, **wants)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()

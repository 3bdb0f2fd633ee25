"""The URL of the mail server, taken apart: `smtps://user:password@mail.example.com`."""

from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from app.errors import ConfigError

PORTS = {"smtp": 587, "smtps": 465}
FORM = "CRASHQ_SMTP_URL has to be smtps://user:password@host:465 or smtp://user:password@host:587"


class MailServer(NamedTuple):
    """Where mails are handed in."""

    host: str
    port: int
    is_tls: bool  # from the first byte
    is_starttls: bool
    user: str
    password: str


def read_smtp_url(url: str) -> MailServer:
    """`smtps` is TLS from the start; `smtp` is STARTTLS, or with `?tls=none` neither. Raises ConfigError."""
    try:
        parts = urlsplit(url)
        options, port, host = parse_qs(parts.query, strict_parsing=bool(parts.query)), parts.port, parts.hostname
        is_plain = options == {"tls": ["none"]} and parts.scheme == "smtp"
        if parts.scheme not in PORTS or not host or port == 0 or parts.path.strip("/") or parts.fragment:
            raise ValueError
        if options and not is_plain:
            raise ValueError
    except ValueError:
        raise ConfigError(FORM) from None
    if is_plain and parts.username:
        raise ConfigError("CRASHQ_SMTP_URL has a user, whose password needs TLS; leave out the user or ?tls=none")
    return MailServer(
        host=host,
        port=port or PORTS[parts.scheme],
        is_tls=parts.scheme == "smtps",
        is_starttls=parts.scheme == "smtp" and not is_plain,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )
